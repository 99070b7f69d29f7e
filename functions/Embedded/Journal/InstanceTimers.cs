namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// When the timers of an instance fire. A timer is due when the clock says so, <b>or</b> when its time has passed since it was armed, whatever the clock says:
/// a clock that is set back holds no timer up, one that is set forward (or a machine that slept) fires it at the next look. After a restart a timer waits
/// no longer than from the last thing that happened to the instance.
/// </summary>
internal sealed class InstanceTimers(TimeProvider time)
{
    // How long a clock that jumped forward can go unnoticed.
    private static readonly TimeSpan LongestNap = TimeSpan.FromMinutes(1);

    private readonly Dictionary<int, Armed> _armed = [];

    /// <summary>Arms the timers that are new, and forgets those that are no longer pending.</summary>
    /// <param name="pending">Those of the run.</param>
    /// <param name="lastTime">When something last happened to the instance: the clock was at least there.</param>
    public void Follow(IReadOnlyDictionary<int, PendingTimer> pending, DateTimeOffset lastTime)
    {
        foreach (var call in _armed.Keys.Where(call => !pending.ContainsKey(call)).ToArray()) _armed.Remove(call);
        var now = time.GetUtcNow();
        foreach (var timer in pending.Values.Where(timer => !_armed.ContainsKey(timer.Call)))
            _armed.Add(timer.Call, new Armed(timer.Call, timer.Due, time.GetTimestamp(), timer.Due - (now > lastTime ? now : lastTime)));
    }

    /// <summary>Forgets all: the instance continues as new, or ends.</summary>
    public void Clear() => _armed.Clear();

    /// <summary>The calls whose time has come, the earliest first.</summary>
    public IReadOnlyList<int> Due() => [.. _armed.Values.Where(timer => Left(timer) <= TimeSpan.Zero).OrderBy(timer => timer.Due).ThenBy(timer => timer.Call).Select(timer => timer.Call)];

    /// <summary>How long to sleep until the next look; null when nothing is armed.</summary>
    public TimeSpan? NextLook() => _armed.Count == 0 ? null
        : _armed.Values.Min(Left) is var left && left < TimeSpan.Zero ? TimeSpan.Zero : left < LongestNap ? left : LongestNap;

    private TimeSpan Left(Armed timer)
    {
        var (byClock, bySpan) = (timer.Due - time.GetUtcNow(), timer.Span - time.GetElapsedTime(timer.ArmedAt));
        return byClock < bySpan ? byClock : bySpan;
    }

    private sealed record Armed(int Call, DateTimeOffset Due, long ArmedAt, TimeSpan Span);
}
