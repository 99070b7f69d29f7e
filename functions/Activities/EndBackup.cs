using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Activities;

/// <summary>Logs that a backup is committed. A repeated run finds the entry of the one before.</summary>
/// <param name="services">The cluster.</param>
public sealed class CommitBackup(ClusterServices services) : IActivity<StoredManifest, bool>
{
    /// <inheritdoc/>
    public async Task<bool> RunAsync(ActivityContext context, StoredManifest input, CancellationToken cancellationToken)
    {
        var (label, hash) = (BackupName.Parse(input.Label), Sha256Digest.Parse(input.Hash));
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        if (Committed(state, label, hash)) return true;
        var committed = new BackupCommitted(label, input.Attempt, FactsOf(input.Facts), hash);
        var view = await services.Decisions.AppendAsync(now => Committed(now, label, hash) ? null : RefuseRevoked(now, input.Label, committed), cancellationToken);
        return Committed(view.State, label, hash);
    }

    private static BackupCommitted RefuseRevoked(ClusterState state, string label, BackupCommitted committed)
    {
        RunningBackups.Find(state, label);
        return committed;
    }

    private static bool Committed(ClusterState state, BackupName label, Sha256Digest manifest) => state.FindBackup(label) is { } backup
        && (backup.Manifest == manifest ? true : throw new RefusedException($"backup {label} was committed with another manifest, by log entry {backup.Entry}"));

    private static BackupFacts FactsOf(ManifestFacts facts) => new(
        facts.Major, new TimelineId(facts.Timeline), new Lsn(facts.StartLsn), new Lsn(facts.StopLsn), new PostgresTime(facts.StartTime), new PostgresTime(facts.StopTime),
        facts.DatabaseBytes, facts.ReadBytes, facts.StoredBytes, facts.FileCount, facts.CorruptPages, facts.WarningCount);
}

/// <summary>Logs that a backup will not be, unless it is.</summary>
/// <param name="desk">Writes it.</param>
public sealed class FailBackup(BackupDesk desk) : IActivity<BackupFailure, bool>
{
    /// <inheritdoc/>
    public Task<bool> RunAsync(ActivityContext context, BackupFailure input, CancellationToken cancellationToken) =>
        desk.FailAsync(BackupName.Parse(input.Label), input.Reason, cancellationToken);
}
