using System.Globalization;

namespace Holdfast.Agent.Terminal;

/// <summary>
/// Progress of long work on stderr: on a terminal a bar that is drawn over, ten times a second at most; else a line each 10 s. Safe for several threads.
/// </summary>
/// <param name="writer">Usually stderr.</param>
/// <param name="isTerminal">Whether it is one.</param>
/// <param name="clock">The clock.</param>
/// <param name="total">Bytes in all.</param>
public sealed class Progress(TextWriter writer, bool isTerminal, TimeProvider clock, long total)
{
    private const int Cells = 26;

    private readonly Lock _gate = new();
    private readonly long _started = clock.GetTimestamp();
    private readonly TimeSpan _interval = isTerminal ? TimeSpan.FromMilliseconds(100) : TimeSpan.FromSeconds(10);
    private long _done, _shown = clock.GetTimestamp();
    private bool _drawn;

    /// <summary>Bytes done.</summary>
    public long Done => Interlocked.Read(ref _done);

    /// <summary>How long it has taken.</summary>
    public TimeSpan Elapsed => clock.GetElapsedTime(_started);

    /// <summary>Some more is done.</summary>
    public void Add(long bytes)
    {
        Interlocked.Add(ref _done, bytes);
        if (clock.GetElapsedTime(Interlocked.Read(ref _shown)) < _interval) return;
        lock (_gate)
        {
            if (clock.GetElapsedTime(_shown) < _interval) return;
            Interlocked.Exchange(ref _shown, clock.GetTimestamp());
            Show();
        }
    }

    /// <summary>Takes the bar away; what follows is the result.</summary>
    public void Finish()
    {
        lock (_gate)
        {
            if (_drawn) writer.Write("\r\e[K");
            writer.Flush();
        }
    }

    private void Show()
    {
        var done = Math.Min(Done, total);
        var seconds = Math.Max(Elapsed.TotalSeconds, 0.001);
        var rate = done / seconds;
        var left = rate > 0 ? $" · {Quantity.Duration(TimeSpan.FromSeconds(Math.Round(Math.Min((total - done) / rate, 1e8), 1)))} left" : "";
        var text = $"{Quantity.Bytes(done)} of {Quantity.Bytes(total)} · {Quantity.Bytes((long)rate)}/s{left}";
        if (isTerminal)
        {
            var full = total == 0 ? Cells : (int)(Cells * (double)done / total);
            writer.Write(string.Create(CultureInfo.InvariantCulture, $"\r  {new string('█', full)}{new string('░', Cells - full)}  {text}\e[K"));
            _drawn = true;
        }
        else writer.WriteLine($"  {text}");
        writer.Flush();
    }
}
