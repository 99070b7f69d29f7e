using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public class ValueTypeTests
{
    public static TheoryData<int> SizeBits => [20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30];

    [Theory]
    [InlineData("0/0", 0UL)]
    [InlineData("0/2A000028", 0x2A000028UL)]
    [InlineData("00000001/0000000a", 0x1_0000_000AUL)]
    [InlineData("FFFFFFFF/FFFFFFFF", ulong.MaxValue)]
    public void An_LSN_is_read_as_two_hexadecimal_halves(string text, ulong value) => Assert.Equal(value, Lsn.Parse(text).Value);

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("0/")]
    [InlineData("/0")]
    [InlineData("0")]
    [InlineData("0/0/0")]
    [InlineData("000000000/0")]
    [InlineData("0/100000000")]
    [InlineData("-1/0")]
    [InlineData("0x1/0")]
    [InlineData(" 0/0")]
    [InlineData("0/0 ")]
    [InlineData("0/G")]
    public void Refuses_what_is_no_LSN(string text)
    {
        Assert.False(Lsn.TryParse(text, out _));
        Assert.Throws<FormatException>(() => Lsn.Parse(text));
    }

    [Fact]
    public void An_LSN_survives_format_and_parse_and_orders_by_position() => Gen.Select(Gen.ULong, Gen.ULong).Sample((a, b) =>
    {
        var (left, right) = (new Lsn(a), new Lsn(b));
        Assert.Equal(left, Lsn.Parse(left.ToString()));
        Assert.Equal(a.CompareTo(b), left.CompareTo(right));
        Assert.Equal([a < b, a > b, a <= b, a >= b], new[] { left < right, left > right, left <= right, left >= right });
        Assert.Equal(left, right + (left - right));
        Assert.Equal(a != 0, left.IsValid);
    });

    [Theory, MemberData(nameof(SizeBits))]
    public void A_segment_name_survives_format_and_parse_at_every_size(int bits)
    {
        var size = new WalSegmentSize(1L << bits);
        Gen.Select(Gen.UInt[1, uint.MaxValue], Gen.ULong[0, ulong.MaxValue >> bits]).Sample((timeline, number) =>
        {
            var name = new WalSegmentName(new TimelineId(timeline), number, size);
            Assert.Equal(name, WalSegmentName.Parse(name.ToString(), size));
            Assert.Equal(name, WalSegmentName.Containing(name.Timeline, name.Start, size));
            Assert.Equal(name, WalSegmentName.Containing(name.Timeline, name.Start + (size.Bytes - 1), size));
            Assert.Equal(number << bits, name.Start.Value);
            Assert.Equal(name.End, name.Next.Start);
            Assert.Equal(name.ToString()[8..16], name.LogFolder);
        });
    }

    [Theory, MemberData(nameof(SizeBits))]
    public void Refuses_a_low_part_beyond_the_segment_size(int bits)
    {
        var size = new WalSegmentSize(1L << bits);
        var last = (1L << 32 >> bits) - 1;
        Assert.True(WalSegmentName.TryParse($"0000000100000000{last:X8}", size, out _));
        Assert.False(WalSegmentName.TryParse($"0000000100000000{last + 1:X8}", size, out _));
        Assert.Throws<FormatException>(() => WalSegmentName.Parse($"0000000100000000{last + 1:X8}", size));
    }

    [Theory]
    [InlineData(1, "000000010000000000000FFF", "000000010000000100000000")]
    [InlineData(16, "0000000100000000000000FF", "000000010000000100000000")]
    [InlineData(64, "00000001000000000000003F", "000000010000000100000000")]
    [InlineData(1024, "000000010000000000000003", "000000010000000100000000")]
    public void The_segment_after_the_last_of_4_GiB_starts_the_next(int mebibytes, string last, string next)
    {
        var name = WalSegmentName.Parse(last, new WalSegmentSize((long)mebibytes << 20));
        Assert.Equal(next, name.Next.ToString());
        Assert.Equal(Lsn.Parse("1/0"), name.End);
    }

    [Fact]
    public void The_same_name_is_another_place_at_another_size()
    {
        Assert.Equal(Lsn.Parse("0/200000"), WalSegmentName.Parse("000000010000000000000002", new WalSegmentSize(1 << 20)).Start);
        Assert.Equal(Lsn.Parse("0/2000000"), WalSegmentName.Parse("000000010000000000000002", WalSegmentSize.Default).Start);
        Assert.Equal(Lsn.Parse("0/80000000"), WalSegmentName.Parse("000000010000000000000002", new WalSegmentSize(1 << 30)).Start);
    }

    [Theory]
    [InlineData("000000000000000000000001")]
    [InlineData("00000001000000000000000a")]
    [InlineData("00000001000000000000001")]
    [InlineData("0000000100000000000000010")]
    [InlineData("00000001 0000000000000001")]
    [InlineData("0000000100000000000000G1")]
    public void Refuses_what_is_no_segment_name(string text) => Assert.False(WalSegmentName.TryParse(text, WalSegmentSize.Default, out _));

    [Theory]
    [InlineData(0)]
    [InlineData(-1)]
    [InlineData(1 << 19)]
    [InlineData((1 << 24) + 1)]
    [InlineData(3 << 20)]
    [InlineData(1L << 31)]
    [InlineData(1L << 52)]
    public void Refuses_a_segment_size_that_initdb_refuses(long bytes)
    {
        Assert.False(WalSegmentSize.IsValid(bytes));
        Assert.Throws<ArgumentOutOfRangeException>(() => new WalSegmentSize(bytes));
    }

    [Fact]
    public void A_system_identifier_is_decimal()
    {
        Assert.Equal(ulong.MaxValue, SystemIdentifier.Parse("18446744073709551615").Value);
        Assert.Equal("7711344324170623058", SystemIdentifier.Parse("7711344324170623058").ToString());
        foreach (var text in (string[])["", "-1", "+1", " 1", "1 ", "0x1", "1,000"]) Assert.Throws<FormatException>(() => SystemIdentifier.Parse(text));
    }

    [Fact]
    public void A_time_survives_the_calendar_to_the_microsecond() => Gen.Long[-63_082_281_600_000_000, 252_455_615_999_999_999].Sample(microseconds =>
        PostgresTime.From(new PostgresTime(microseconds).ToDateTimeOffset()).Microseconds == microseconds);

    [Fact]
    public void Times_beyond_the_calendar_are_clamped_not_thrown()
    {
        Assert.Equal(DateTimeOffset.MinValue, new PostgresTime(long.MinValue).ToDateTimeOffset());
        Assert.Equal(9999, new PostgresTime(long.MaxValue).ToDateTimeOffset().Year);
        Assert.Equal("9999-12-31 23:59:59.999999+00", new PostgresTime(long.MaxValue).ToString());
    }

    [Theory]
    [InlineData(0, "2000-01-01 00:00:00+00")]
    [InlineData(-1, "1999-12-31 23:59:59.999999+00")]
    [InlineData(213_000, "2000-01-01 00:00:00.213+00")]
    public void A_time_prints_as_many_decimals_as_needed(long microseconds, string text) => Assert.Equal(text, new PostgresTime(microseconds).ToString());

    [Fact]
    public void A_time_is_the_same_in_every_zone() => Assert.Equal(
        PostgresTime.From(new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero)), PostgresTime.From(new DateTimeOffset(2026, 1, 1, 5, 30, 0, TimeSpan.FromMinutes(330))));

    [Fact]
    public void Timelines_print_as_file_names_and_as_numbers()
    {
        Assert.Equal(("0000000A", "10"), (new TimelineId(10).ToFileName(), new TimelineId(10).ToString()));
        Assert.True(new TimelineId(9).CompareTo(new TimelineId(10)) < 0);
    }
}
