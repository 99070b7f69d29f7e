using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Activities;

/// <summary>Proves that an attempt is whole and stores the manifest. A repeated run finds the shards and the root of the one before.</summary>
/// <param name="services">The cluster.</param>
/// <param name="log">Told of junk.</param>
public sealed partial class BuildManifest(ClusterServices services, ILogger<BuildManifest> log) : IActivity<AttemptReference, StoredManifest>
{
    // A log is read as a whole, and the manifest has more.
    private const int WarningsLogged = 10;

    /// <inheritdoc/>
    public async Task<StoredManifest> RunAsync(ActivityContext context, AttemptReference input, CancellationToken cancellationToken)
    {
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        var (running, _) = RunningBackups.Find(state, input.Label);
        using var run = await SealingRun.StartAsync(services.Recipients, cancellationToken);
        var builder = new ManifestBuilder(services.Data, services.Catalog, services.Index, new ObjectSealer(run, services.Signing), junk => LogJunk(junk.Blob, junk.Reason));
        var built = await builder.BuildAsync(new BackupAttempt(running.System, running.Label, input.Attempt), new BackupTrust(state), cancellationToken);
        var facts = built.Facts;
        foreach (var warning in built.Remarks.Warnings.Take(WarningsLogged)) LogWarning(input.Label, warning);
        if (facts.WarningCount > WarningsLogged) LogMoreWarnings(input.Label, facts.WarningCount - WarningsLogged);
        return new StoredManifest(input.Label, input.Attempt, built.Root.ToString(), new ManifestFacts(
            facts.Major, facts.Timeline.Value, facts.StartLsn.Value, facts.StopLsn.Value, facts.StartTime.Microseconds, facts.StopTime.Microseconds,
            facts.DatabaseBytes, facts.ReadBytes, facts.StoredBytes, facts.FileCount, facts.CorruptPages, facts.WarningCount));
    }

    [LoggerMessage(211, LogLevel.Warning, "backup {Label}: {Warning}")]
    private partial void LogWarning(string label, string warning);

    [LoggerMessage(212, LogLevel.Warning, "backup {Label}: and {Count} more warnings; the agent's log has all of them")]
    private partial void LogMoreWarnings(string label, long count);

    [LoggerMessage(210, LogLevel.Warning, "blob {Blob} is junk: {Reason}")]
    private partial void LogJunk(string blob, string reason);
}
