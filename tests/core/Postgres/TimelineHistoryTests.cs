using System.Text;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class TimelineHistoryTests
{
    /// <summary>Any history that a server reads: ascending timelines, switch points in any order, 0 among them.</summary>
    private static readonly Gen<TimelineHistory> AnyHistory =
        Gen.Select(Gen.UInt[1, 5].Array[0, 8], Gen.ULong[0, 1000].Array[8], Gen.ULong[1, 1000]).Select((steps, advances, first) =>
        {
            uint timeline = 0;
            var switches = steps.Select((step, i) => new TimelineSwitch(new TimelineId(timeline += step), new Lsn(Math.Max(1001, first + advances[i] * (ulong)i) - 1001), $"reason {i}")).ToArray();
            return TimelineHistory.Create(new TimelineId(timeline + 1), switches);
        });

    [Fact]
    public void Reads_what_a_server_wrote()
    {
        var history = Parse(2, "1\t0/19000A0\tno recovery target specified\n");
        Assert.Equal([new TimelineSwitch(new TimelineId(1), Lsn.Parse("0/19000A0"), "no recovery target specified")], history.Switches);
        Assert.Equal("1\t0/19000A0\tno recovery target specified\n", Encoding.UTF8.GetString(history.Format()));
    }

    [Fact]
    public void Skips_comments_and_empty_lines_and_takes_any_white_space()
    {
        var history = Parse(5, "# a note\n\n1\t0/3000000\tbefore 2026-01-01 00:00:00+00\r\n\n   # more\n  3   A/4000000\n");
        Assert.Equal([1u, 3u], history.Switches.Select(line => line.Parent.Value));
        Assert.Equal("", history.Switches[1].Reason);
        Assert.Equal("before 2026-01-01 00:00:00+00", history.Switches[0].Reason);
    }

    [Theory]
    [InlineData("0/2FFFFFF", 1u)]
    [InlineData("0/3000000", 3u)]
    [InlineData("0/3FFFFFF", 3u)]
    [InlineData("0/4000000", 5u)]
    [InlineData("FFFFFFFF/FFFFFFFF", 5u)]
    [InlineData("0/0", 1u)]
    public void The_switch_point_belongs_to_the_newer_timeline(string lsn, uint timeline)
    {
        var history = Parse(5, "1\t0/3000000\n3\t0/4000000\n");
        Assert.Equal(new TimelineId(timeline), history.TimelineAt(Lsn.Parse(lsn)));
        Assert.True(history.Contains(new TimelineId(timeline), Lsn.Parse(lsn)));
        Assert.False(history.Contains(new TimelineId(2), Lsn.Parse(lsn)));
    }

    [Fact]
    public void Knows_its_ancestors_and_where_they_were_left()
    {
        var history = Parse(5, "1\t0/3000000\n3\t0/4000000\n");
        Assert.Equal(Lsn.Parse("0/4000000"), history.SwitchPoint(new TimelineId(3)));
        Assert.Null(history.SwitchPoint(new TimelineId(5)));
        Assert.Null(history.SwitchPoint(new TimelineId(2)));
        Assert.True(history.Includes(new TimelineId(5)) && history.Includes(new TimelineId(1)) && !history.Includes(new TimelineId(4)));
        Assert.Equal([new TimelineId(7)], TimelineHistory.Root(new TimelineId(7)).Path.Select(stretch => stretch.Timeline));
        Assert.Empty(Parse(2, "").Switches);
    }

    [Fact]
    public void Stretches_partition_the_log() => Gen.Select(AnyHistory, Gen.ULong[0, 10_000]).Sample((history, at) =>
    {
        var owner = Assert.Single(history.Path, stretch => stretch.Contains(new Lsn(at)));
        return history.TimelineAt(new Lsn(at)) == owner.Timeline;
    });

    [Fact]
    public void A_position_belongs_to_whom_PostgreSQL_says() => Gen.Select(AnyHistory, Gen.ULong[0, 10_000]).Sample((history, at) =>
        Assert.Equal(TimelineOfPoint(history, at), history.TimelineAt(new Lsn(at)).Value));

    /// <summary>readTimeLineHistory makes entries, the newest first, and tliOfPointInHistory takes the first that covers; 0 is an open end.</summary>
    private static uint TimelineOfPoint(TimelineHistory history, ulong at)
    {
        var entries = new List<(uint Timeline, ulong Begin, ulong End)>();
        var before = 0UL;
        foreach (var line in history.Switches)
        {
            entries.Insert(0, (line.Parent.Value, before, line.SwitchPoint.Value));
            before = line.SwitchPoint.Value;
        }
        entries.Insert(0, (history.Timeline.Value, before, 0));
        return entries.First(entry => (entry.Begin == 0 || entry.Begin <= at) && (entry.End == 0 || at < entry.End)).Timeline;
    }

    [Fact]
    public void A_timeline_that_was_followed_but_not_reached_owns_nothing()
    {
        // What 17 writes when recovery follows timeline 2 and stops before timeline 2 began.
        var history = Parse(3, "1\t0/3020778\tno recovery target specified\n2\t0/3020710\tbefore transaction 733\n");
        Assert.Equal(new TimelineId(1), history.TimelineAt(Lsn.Parse("0/302070F")));
        Assert.Equal(new TimelineId(3), history.TimelineAt(Lsn.Parse("0/3020710")));
        Assert.Equal(new TimelineId(3), history.TimelineAt(Lsn.Parse("0/3020777")));
        Assert.Equal(Lsn.Parse("0/3020710"), history.SwitchPoint(new TimelineId(1)));
        Assert.All(history.Path.Where(stretch => stretch.Timeline.Value == 2), stretch => Assert.Equal(stretch.Begin, stretch.End));
        Assert.Equal("1\t0/3020778\tno recovery target specified\n2\t0/3020710\tbefore transaction 733\n", Encoding.UTF8.GetString(history.Format()));
    }

    [Theory]
    [InlineData("1\t0/0")]
    [InlineData("1\t0x0/0x3000000\tx")]
    [InlineData("1 0/ 3000000and so on")]
    [InlineData("   1\v0/3000000")]
    [InlineData("1\t0/4000000\n2\t0/3000000\n7\t0/5000000")]
    public void Takes_what_a_server_takes(string text) => Assert.NotEmpty(Parse(9, text).Switches);

    [Fact]
    public void Format_and_parse_are_inverse() => AnyHistory.Sample(history =>
        Assert.Equal(history.Switches, TimelineHistory.Parse(history.Timeline, history.Format()).Switches));

    [Fact]
    public void Any_bytes_are_parsed_or_refused_as_damaged() => Gen.OneOf(Gen.Byte, Any.Of("12/\t\n# A"u8.ToArray())).Array[0, 60].Sample(bytes =>
    {
        try { Assert.True(TimelineHistory.Parse(new TimelineId(9), bytes).Path.Count > 0); }
        catch (DamagedException) { }
    });

    [Theory]
    [InlineData("x\t0/3000000")]
    [InlineData("-1\t0/3000000")]
    [InlineData("4294967296\t0/3000000")]
    [InlineData("1")]
    [InlineData("1\t3000000")]
    [InlineData("1\t0/G")]
    [InlineData("1\t0/100000000")]
    [InlineData("0\t0/3000000")]
    [InlineData("2\t0/3000000\n1\t0/4000000")]
    [InlineData("1\t0/3000000\n1\t0/4000000")]
    [InlineData("9\t0/3000000")]
    [InlineData("10\t0/3000000")]
    public void Refuses_what_no_server_wrote(string text) => Assert.Throws<DamagedException>(() => Parse(9, text));

    [Fact]
    public void Bounds_what_it_reads()
    {
        Assert.Throws<DamagedException>(() => TimelineHistory.Parse(new TimelineId(2), new byte[TimelineHistory.MaxBytes + 1]));
        Assert.Throws<DamagedException>(() => Parse(2, "#" + new string('x', TimelineHistory.MaxLineBytes)));
        Assert.Empty(Parse(2, "#" + new string('x', TimelineHistory.MaxLineBytes - 1)).Switches);
        Assert.Throws<DamagedException>(() => Parse(0, ""));
    }

    private static TimelineHistory Parse(uint timeline, string text) => TimelineHistory.Parse(new TimelineId(timeline), Encoding.UTF8.GetBytes(text));
}
