using Holdfast.Core.Repository;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// How long a backup waits before its next attempt. What is briefly away (a server that restarts or has no connection left, the store) comes back within
/// minutes; what is away for longer is the schedule's, which repeats the occurrence. Pure.
/// </summary>
/// <param name="Later">The pause after the first, the second, … failure; after the last one there is no further attempt.</param>
public sealed record AttemptPauses(IReadOnlyList<TimeSpan> Later)
{
    /// <summary>
    /// 1, 5 and 10 minutes: a restart, a crash recovery, a failover. Each is shorter than the quarter of an hour after which a workflow in which nothing
    /// happens is taken over.
    /// </summary>
    public static AttemptPauses Default { get; } = new([TimeSpan.FromMinutes(1), TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(10)]);

    /// <summary>Attempts at most, each with a prefix of its own: what fails so often needs a person, or the schedule's patience.</summary>
    public int MaxAttempts => Later.Count + 1;

    /// <summary>The pause before the next attempt; null: there is none.</summary>
    /// <param name="failures">Attempts that failed, from 1.</param>
    /// <param name="retry">What the host said of the last one; of several that were cut off only the first is repeated at once.</param>
    public TimeSpan? After(int failures, AttemptRetry retry)
    {
        if (retry == AttemptRetry.Never || failures >= MaxAttempts) return null;
        return retry == AttemptRetry.AtOnce && failures == 1 ? TimeSpan.Zero : Later[failures - 1];
    }

    /// <summary>What a host said: an agent that knows no classes says only whether.</summary>
    public static AttemptRetry RetryOf(JobNews end) => end.Retry switch
    {
        AttemptRetry.Never or AttemptRetry.Later or AttemptRetry.AtOnce => end.Retry,
        _ => end.MayRetry ? AttemptRetry.Later : AttemptRetry.Never,
    };
}
