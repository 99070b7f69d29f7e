namespace Holdfast.Tests.Fixtures;

/// <summary>A clock that goes only when told. Timers follow the passing of time, as the system's do, not the clock, which can be set.</summary>
public sealed class ManualTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<ManualTimer> _timers = [];
    private DateTimeOffset _utcNow = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private long _passed;

    /// <inheritdoc/>
    public override long TimestampFrequency => TimeSpan.TicksPerSecond;

    /// <inheritdoc/>
    public override DateTimeOffset GetUtcNow()
    {
        lock (_lock) return _utcNow;
    }

    /// <inheritdoc/>
    public override long GetTimestamp()
    {
        lock (_lock) return _passed;
    }

    /// <summary>Lets time pass.</summary>
    public void Advance(TimeSpan span)
    {
        ManualTimer[] due;
        lock (_lock)
        {
            (_utcNow, _passed) = (_utcNow + span, _passed + span.Ticks);
            due = [.. _timers.Where(timer => timer.TakeIfDue(_passed))];
        }

        foreach (var timer in due) timer.Fire();
    }

    /// <summary>Sets the clock by that much, while no time passes.</summary>
    public void SetClock(TimeSpan by)
    {
        lock (_lock) _utcNow += by;
    }

    /// <inheritdoc/>
    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        var timer = new ManualTimer(this, callback, state);
        timer.Change(dueTime, period);
        lock (_lock) _timers.Add(timer);
        return timer;
    }

    private sealed class ManualTimer(ManualTime time, TimerCallback callback, object? state) : ITimer
    {
        private long? _due;
        private TimeSpan _period;

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            lock (time._lock)
            {
                _due = dueTime == Timeout.InfiniteTimeSpan ? null : time._passed + dueTime.Ticks;
                _period = period;
            }

            if (dueTime == TimeSpan.Zero && TakeIfDue(time.GetTimestamp())) Fire();
            return true;
        }

        public bool TakeIfDue(long passed)
        {
            lock (time._lock)
            {
                if (!(_due <= passed)) return false;
                _due = _period > TimeSpan.Zero ? passed + _period.Ticks : null;
                return true;
            }
        }

        public void Fire() => callback(state);

        public void Dispose()
        {
            lock (time._lock) time._timers.Remove(this);
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }
    }
}
