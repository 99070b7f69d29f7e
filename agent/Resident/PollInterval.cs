namespace Holdfast.Agent.Resident;

/// <summary>
/// How long to wait before the next look for a job. A store on this host is asked often: embedded, a hop takes at most 100 ms. Elsewhere each look
/// costs money, so the pauses grow while nothing comes.
/// </summary>
internal sealed class PollInterval
{
    /// <summary>On this host.</summary>
    public static readonly TimeSpan Local = TimeSpan.FromMilliseconds(50);

    /// <summary>Elsewhere, after something came.</summary>
    public static readonly TimeSpan Near = TimeSpan.FromSeconds(1);

    /// <summary>Elsewhere, at rest.</summary>
    public static readonly TimeSpan Far = TimeSpan.FromSeconds(5);

    private readonly TimeSpan _longest;
    private TimeSpan _next;

    private PollInterval(TimeSpan shortest, TimeSpan longest) => (Shortest, _next, _longest) = (shortest, shortest, longest);

    /// <summary>The pause after something came.</summary>
    public TimeSpan Shortest { get; }

    /// <summary>As job-poll and the store's place say.</summary>
    /// <param name="fixedInterval">job-poll; null: auto.</param>
    /// <param name="isLocal">Whether the store is on this host.</param>
    public static PollInterval For(TimeSpan? fixedInterval, bool isLocal) =>
        fixedInterval is { } every ? new(every, every) : isLocal ? new(Local, Local) : new(Near, Far);

    /// <summary>The pause now; the next one is half as long again.</summary>
    public TimeSpan Next()
    {
        var now = _next;
        _next = now * 1.5 < _longest ? now * 1.5 : _longest;
        return now;
    }

    /// <summary>Something came: more may.</summary>
    public void Reset() => _next = Shortest;
}
