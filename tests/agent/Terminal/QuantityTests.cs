using Holdfast.Agent.Terminal;

namespace Holdfast.Tests.Agent.Terminal;

public sealed class QuantityTests
{
    [Theory]
    [InlineData(0, "0 B")]
    [InlineData(1023, "1023 B")]
    [InlineData(1024, "1.0 KiB")]
    [InlineData(1536, "1.5 KiB")]
    [InlineData(1048575, "1.0 MiB")]
    [InlineData(71512883, "68.2 MiB")]
    [InlineData(16777216, "16.0 MiB")]
    [InlineData(long.MaxValue, "8.0 EiB")]
    public void Sizes_are_binary_with_one_decimal(long bytes, string expected) => Assert.Equal(expected, Quantity.Bytes(bytes));

    [Theory]
    [InlineData(0, "0 ms")]
    [InlineData(99, "99 ms")]
    [InlineData(400, "0.4 s")]
    [InlineData(3_140, "3.1 s")]
    [InlineData(9_960, "10 s")]
    [InlineData(74_000, "74 s")]
    [InlineData(125_000, "2 min 5 s")]
    [InlineData(12_000_000, "3 h 20 min")]
    [InlineData(1_051_200_000, "12 d 4 h")]
    [InlineData(-5_000, "-5 s")]
    public void Durations_have_two_units_at_most(long milliseconds, string expected) => Assert.Equal(expected, Quantity.Duration(TimeSpan.FromMilliseconds(milliseconds)));

    [Fact]
    public void Times_are_UTC_with_their_distance()
    {
        var time = new DateTimeOffset(2026, 11, 23, 15, 31, 7, TimeSpan.FromHours(1));
        Assert.Equal("2026-11-23 14:31:07 (4 s ago)", Quantity.TimeAgo(time, time.AddSeconds(4)));
        Assert.Equal("2026-11-23 14:31:07 (in 2 min 5 s)", Quantity.TimeAgo(time, time.AddSeconds(-125)));
    }
}
