using CsCheck;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Continuity;

public class ExposedWalTests
{
    private static readonly DateTimeOffset Start = new(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Counts_from_the_moment_the_oldest_unsafe_position_was_seen()
    {
        var exposed = new ExposedWal();
        exposed.Saw(Start, new Lsn(100));
        exposed.Saw(Start.AddSeconds(30), new Lsn(200));
        exposed.Saw(Start.AddSeconds(60), new Lsn(300));
        Assert.Equal(TimeSpan.FromSeconds(90), exposed.Since(new Lsn(50), Start.AddSeconds(90)));
        Assert.Equal(TimeSpan.FromSeconds(60), exposed.Since(new Lsn(100), Start.AddSeconds(90)));
        Assert.Equal(TimeSpan.FromSeconds(30), exposed.Since(new Lsn(299), Start.AddSeconds(90)));
        Assert.Equal(TimeSpan.Zero, exposed.Since(new Lsn(300), Start.AddSeconds(90)));
    }

    [Fact]
    public void An_idle_server_is_exposed_for_as_long_as_what_it_wrote_last_is_not_safe()
    {
        var exposed = new ExposedWal();
        for (var minute = 0; minute < 60; minute++) exposed.Saw(Start.AddMinutes(minute), new Lsn(100));
        Assert.Equal(TimeSpan.FromHours(1), exposed.Since(new Lsn(0), Start.AddHours(1)));
    }

    [Fact]
    public void A_position_that_goes_back_is_another_history()
    {
        var exposed = new ExposedWal();
        exposed.Saw(Start, new Lsn(5000));
        exposed.Saw(Start.AddHours(1), new Lsn(100));
        Assert.Equal(TimeSpan.Zero, exposed.Since(new Lsn(100), Start.AddHours(2)));
        Assert.Equal(TimeSpan.FromHours(1), exposed.Since(new Lsn(99), Start.AddHours(2)));
    }

    [Fact]
    public void Never_tells_less_than_a_memory_without_bounds_when_nothing_is_safe() => Gen.Int[1, 5].Array[1, 5000].Sample(steps =>
    {
        var (exposed, at, now) = (new ExposedWal(), 0UL, Start);
        foreach (var step in steps)
        {
            now = now.AddSeconds(step);
            exposed.Saw(now, new Lsn(at += (ulong)step));
        }
        Assert.Equal(now - Start.AddSeconds(steps[0]), exposed.Since(new Lsn(0), now));
    }, iter: 50);
}
