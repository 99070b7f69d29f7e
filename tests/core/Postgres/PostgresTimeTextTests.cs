using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class PostgresTimeTextTests
{
    [Theory]
    [InlineData("2026-11-23 14:29:59", "2026-11-23 14:29:59+00")]
    [InlineData("2026-11-23T14:29:59Z", "2026-11-23 14:29:59+00")]
    [InlineData("2026-11-23 14:29:59+00", "2026-11-23 14:29:59+00")]
    [InlineData("2026-11-23 14:29:59 UTC", "2026-11-23 14:29:59+00")]
    [InlineData("2026-11-23 16:29:59+02", "2026-11-23 14:29:59+00")]
    [InlineData("2026-11-23 16:29:59.5+02:00", "2026-11-23 14:29:59.5+00")]
    [InlineData("2026-11-23 08:59:59.123456-0530", "2026-11-23 14:29:59.123456+00")]
    [InlineData("2026-11-23 14:29:59.1234565", "2026-11-23 14:29:59.123456+00")]
    [InlineData("2026-11-23 14:30", "2026-11-23 14:30:00+00")]
    [InlineData("2026-11-23", "2026-11-23 00:00:00+00")]
    [InlineData("2026-12-31 24:00:00", "2027-01-01 00:00:00+00")]
    [InlineData("2026-11-23 14:29:60", "2026-11-23 14:30:00+00")]
    [InlineData("1999-12-31 23:59:59.5", "1999-12-31 23:59:59.5+00")]
    public void Reads_what_PostgreSQL_reads(string text, string expected)
    {
        Assert.True(PostgresTimeText.TryParse(text, out var time));
        Assert.Equal(expected, time.ToString());
    }

    [Theory]
    [InlineData("now")]
    [InlineData("yesterday")]
    [InlineData("infinity")]
    [InlineData("")]
    [InlineData("14:29:59")]
    [InlineData("2026-02-30 00:00:00")]
    [InlineData("2026-11-23 25:00:00")]
    [InlineData("2026-11-23 24:00:01")]
    [InlineData("2026-11-23 14:60:00")]
    [InlineData("2026-11-23 14:29:59 Europe/Berlin")]
    [InlineData("2026-11-23 14:29:59+16")]
    [InlineData("23.11.2026 14:29:59")]
    public void Refuses_what_could_mean_something_else(string text) => Assert.False(PostgresTimeText.TryParse(text, out _));

    [Fact]
    public void Reads_back_what_it_prints() => CsCheck.Check.Sample(CsCheck.Gen.Long[-300_000_000_000_000_000L / 10, 900_000_000_000_000], microseconds =>
    {
        var time = new PostgresTime(microseconds);
        Assert.True(PostgresTimeText.TryParse(time.ToString(), out var read), time.ToString());
        Assert.Equal(time, read);
    });
}
