using Holdfast.Agent.Terminal;

namespace Holdfast.Tests.Agent.Terminal;

public sealed class ProgressTests
{
    private readonly StringWriter _writer = new();
    private readonly HandClock _clock = new();

    [Fact]
    public void Tells_rate_and_time_left_each_ten_seconds()
    {
        var progress = new Progress(_writer, isTerminal: false, _clock, total: 300 << 20);
        progress.Add(100 << 20);
        Assert.Empty(_writer.ToString());
        _clock.Now += TimeSpan.FromSeconds(10);
        progress.Add(0);
        Assert.Equal("  100.0 MiB of 300.0 MiB · 10.0 MiB/s · 20 s left\n", _writer.ToString());
        progress.Finish();
        Assert.Equal(100 << 20, progress.Done);
    }

    [Fact]
    public void Draws_over_its_bar_on_a_terminal_and_takes_it_away()
    {
        var progress = new Progress(_writer, isTerminal: true, _clock, total: 200);
        _clock.Now += TimeSpan.FromSeconds(1);
        progress.Add(100);
        Assert.Equal($"\r  {new string('█', 13)}{new string('░', 13)}  100 B of 200 B · 100 B/s · 1 s left\e[K", _writer.ToString());
        progress.Finish();
        Assert.EndsWith("\r\e[K", _writer.ToString(), StringComparison.Ordinal);
    }

    private sealed class HandClock : TimeProvider
    {
        public TimeSpan Now { get; set; }

        public override long TimestampFrequency => TimeSpan.TicksPerSecond;

        public override long GetTimestamp() => Now.Ticks;
    }
}
