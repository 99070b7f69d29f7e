using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Signals;

/// <summary>What the log says of backups, as readings. Pure.</summary>
public static class BackupReadings
{
    /// <summary>Reads them.</summary>
    /// <param name="state">The log's state.</param>
    /// <param name="policy">The policy in force.</param>
    /// <param name="since">When the policy was set, or the cluster made.</param>
    /// <param name="now">The time.</param>
    public static IEnumerable<Reading> Of(ClusterState state, ClusterPolicy policy, DateTimeOffset since, DateTimeOffset now)
    {
        foreach (var type in Enum.GetValues<BackupType>())
        {
            var name = type.ToString().ToLowerInvariant();
            if (state.Backups.FindLast(backup => backup.Label.Type == type) is { } last)
                yield return new Reading(SignalTable.BackupAge, Math.Max(0, (now - last.Facts.StopTime.ToDateTimeOffset()).TotalSeconds), name);
            // The other types cannot be made yet: what nobody can begin is not overdue.
            if (type == BackupType.Full)
                yield return new Reading(
                    SignalTable.BackupOverdue, ScheduleDecision.Owed(state, policy, type, since, now) is { } owed ? (now - owed.Since).TotalSeconds : 0, name);
        }
        var committed = state.Backups.Count == 0 ? -1 : state.Backups[^1].Entry;
        yield return new Reading(SignalTable.BackupFailures, state.FailedBackups.Count(failed => failed.Entry > committed));
        if (state.Backups.Count > 0) yield return new Reading(SignalTable.CorruptPages, state.Backups[^1].Facts.CorruptPages);
    }
}
