namespace Holdfast.Functions.Workflows;

/// <summary>
/// When a failed activity is tried again: the n-th failure is followed by a pause of <see cref="FirstInterval"/> × <see cref="Backoff"/>^(n-1), at most
/// <see cref="MaxInterval"/>. Without jitter, because a replay must compute the same pause. Pauses are durable timers; attempts are counted across restarts.
/// Failures that repeating cannot mend (<see cref="ActivityFailure.IsPermanent"/>) are not repeated.
/// </summary>
public sealed record RetryPolicy
{
    /// <summary>Eight attempts over about four minutes: for whatever talks to a store or another machine.</summary>
    public static RetryPolicy Default { get; } = new() { MaxAttempts = 8, FirstInterval = TimeSpan.FromSeconds(2) };

    /// <summary>One attempt.</summary>
    public static RetryPolicy None { get; } = new() { MaxAttempts = 1, FirstInterval = TimeSpan.Zero };

    /// <summary>How often the activity is run at most, at least 1.</summary>
    public required int MaxAttempts { get; init; }

    /// <summary>The pause after the first failure.</summary>
    public required TimeSpan FirstInterval { get; init; }

    /// <summary>By how much each pause is longer than the one before.</summary>
    public double Backoff { get; init; } = 2;

    /// <summary>The longest pause.</summary>
    public TimeSpan MaxInterval { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>The pause after the <paramref name="failures"/>-th failure (from 1); null: no further attempt.</summary>
    public TimeSpan? PauseAfter(int failures)
    {
        if (failures >= MaxAttempts) return null;
        var ticks = FirstInterval.Ticks * Math.Pow(Backoff, failures - 1);
        return ticks < MaxInterval.Ticks ? TimeSpan.FromTicks((long)ticks) : MaxInterval;
    }
}
