using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Decides whether a scheduled backup is due. Pure, on the log alone: what was begun since the last occurrence is the occurrence's. So however many were missed, one is
/// taken; none is taken twice, by however many control planes; and nothing has to be remembered.
/// </summary>
public static class ScheduleDecision
{
    /// <summary>The occurrence that is due; null when none is.</summary>
    /// <param name="state">The log's state.</param>
    /// <param name="policy">The policy in force.</param>
    /// <param name="type">Which schedule.</param>
    /// <param name="since">When the policy was set, or the cluster made: occurrences before are nobody's.</param>
    /// <param name="now">The clock.</param>
    public static DateTimeOffset? Due(ClusterState state, ClusterPolicy policy, BackupType type, DateTimeOffset since, DateTimeOffset now)
    {
        var begun = state.Backups.Select(backup => backup.Label).Concat(state.Running.Select(backup => backup.Label)).Concat(state.FailedBackups.Select(backup => backup.Label))
            .Concat(state.LastLabel is { } last ? [last] : []).Where(label => label.Type == type).Select(label => label.Time).DefaultIfEmpty(DateTimeOffset.MinValue).Max();
        var next = PolicyDesk.NextAfter(policy, type, begun > since ? begun : since);
        return next <= now ? next : null;
    }
}
