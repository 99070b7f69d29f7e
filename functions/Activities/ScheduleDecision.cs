using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>A scheduled backup that is not there yet.</summary>
/// <param name="Since">The occurrence; of several that were missed the first.</param>
/// <param name="Begin">When it may be begun: at the occurrence, or after the pause that follows a failure.</param>
public sealed record OwedBackup(DateTimeOffset Since, DateTimeOffset Begin);

/// <summary>
/// Decides whether a scheduled backup is due. Pure, on the log alone: what was committed since the last occurrence is the occurrence's, and what failed is
/// repeated, after pauses that grow, until the next one is due. So however many were missed, one is taken; none is taken twice, by however many control
/// planes; and nothing has to be remembered. What an operator ended is not repeated.
/// </summary>
public static class ScheduleDecision
{
    // An hour's outage costs half an hour more. What waits for an operator is tried some six times a day: two small entries of the log each.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMinutes(30);
    private static readonly TimeSpan LongestPause = TimeSpan.FromHours(4);

    /// <summary>The occurrence that is due; null when none is, or one that failed is not to be repeated yet.</summary>
    /// <param name="state">The log's state.</param>
    /// <param name="policy">The policy in force.</param>
    /// <param name="type">Which schedule.</param>
    /// <param name="since">When the policy was set, or the cluster made: occurrences before are nobody's.</param>
    /// <param name="now">The clock.</param>
    public static DateTimeOffset? Due(ClusterState state, ClusterPolicy policy, BackupType type, DateTimeOffset since, DateTimeOffset now) =>
        Find(state, policy, type, since, now, state.Running) is { } owed && owed.Begin <= now ? owed.Since : null;

    /// <summary>
    /// The backup that the schedule is owed now, whether or not it may be begun yet; null when it has all of its backups. One that is made for the first
    /// time is not owed any more, one that failed and is made again still is.
    /// </summary>
    public static OwedBackup? Owed(ClusterState state, ClusterPolicy policy, BackupType type, DateTimeOffset since, DateTimeOffset now) =>
        Find(state, policy, type, since, now, state.Running)
        ?? (Find(state, policy, type, since, now, []) is { } owed && owed.Begin != owed.Since ? owed : null);

    private static OwedBackup? Find(
        ClusterState state, ClusterPolicy policy, BackupType type, DateTimeOffset since, DateTimeOffset now, IEnumerable<RunningBackup> running)
    {
        var failed = state.FailedBackups.Where(backup => backup.Label.Type == type && !backup.IsCancelled).ToList();
        var done = LastDone(state, type, failed, running.Select(backup => backup.Label));
        if (PolicyDesk.NextAfter(policy, type, done > since ? done : since) is not { } first || first > now) return null;
        failed.RemoveAll(backup => backup.Label.Time < first);
        if (failed.Count == 0) return new OwedBackup(first, first);
        var next = PolicyDesk.NextAfter(policy, type, failed[^1].Label.Time);
        if (next <= now) return new OwedBackup(first, next.Value);
        var failures = failed.Count(backup => PolicyDesk.NextAfter(policy, type, backup.Label.Time) == next);
        return new OwedBackup(first, failed[^1].Time.ToDateTimeOffset() + PauseAfter(failures));
    }

    /// <summary>The pause between the end of an occurrence's backup that failed and the next one.</summary>
    /// <param name="failures">How many of the occurrence's failed, from 1.</param>
    internal static TimeSpan PauseAfter(int failures)
    {
        var pause = FirstPause * Math.Pow(2, Math.Min(failures - 1, 16));
        return pause < LongestPause ? pause : LongestPause;
    }

    /// <summary>The last backup of the type that is not to be repeated: committed, made now, ended by an operator, or one that the state has forgotten.</summary>
    private static DateTimeOffset LastDone(ClusterState state, BackupType type, List<FailedBackup> failed, IEnumerable<BackupName> running)
    {
        var begun = state.Backups.Select(backup => backup.Label).Concat(state.FailedBackups.Select(backup => backup.Label)).Concat(running);
        if (state.LastLabel is { } last && !state.Running.Exists(backup => backup.Label == last)) begun = begun.Append(last);
        var done = begun.Where(label => label.Type == type && !failed.Exists(backup => backup.Label == label));
        return done.Select(label => label.Time).DefaultIfEmpty(DateTimeOffset.MinValue).Max();
    }
}
