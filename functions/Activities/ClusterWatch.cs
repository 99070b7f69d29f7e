using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Signals;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Looks at a cluster once a minute: proves that its WAL goes on, and tells its signals. It only looks: nothing is decided from it, and what it remembers may be lost at any time.
/// </summary>
/// <param name="services">The cluster.</param>
/// <param name="policy">Says what is due.</param>
/// <param name="board">What hosts last said.</param>
/// <param name="signals">Told the readings.</param>
/// <param name="log">The log.</param>
/// <param name="immutability">Looks at the containers' policies; null where the store has none.</param>
public sealed partial class ClusterWatch(
    ClusterServices services, PolicyDesk policy, HostBoard board, SignalBoard signals, ILogger<ClusterWatch> log, ImmutabilityWatch? immutability = null)
{
    // What is read in one look, so that it ends within its minute.
    private const int SegmentsAtOnce = 1000;

    private static readonly TimeSpan InventoryInterval = TimeSpan.FromHours(1);

    private readonly DateTimeOffset _started = services.Clock.GetUtcNow();
    private readonly Dictionary<KeyThumbprint, HostTrend> _hosts = [];
    private readonly Dictionary<SystemIdentifier, SystemWatch> _systems = [];
    private readonly Dictionary<KeyThumbprint, (string? Refused, string? Beside)> _told = []; // a conflict is logged when it begins, not each minute

    /// <summary>One look.</summary>
    /// <exception cref="Core.StoreException">The store could not tell.</exception>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        var view = await services.Decisions.ReadAsync(cancellationToken);
        var now = services.Clock.GetUtcNow();
        var readings = new List<Reading>(BackupReadings.Of(view.State, PolicyDesk.Of(view.State), await policy.SinceAsync(view.State, cancellationToken), now));
        var databases = view.State.Hosts.Where(host => host is { Role: HostRole.Database, Revoked: null, System: not null }).ToList();
        foreach (var system in databases.Select(host => host.System!.Value).Distinct())
            await LookAsync(view, system, HintOf(databases, system), readings, cancellationToken);
        foreach (var host in databases) readings.AddRange(Read(host, now));
        foreach (var host in databases) readings.AddRange(Conflicts(host, databases, now));
        readings.Add(new Reading(SignalTable.RepositorySize, _systems.Values.Sum(system => system.Inventory.Bytes) + view.State.Backups.Sum(backup => (double)backup.Facts.StoredBytes)));
        readings.Add(new Reading(SignalTable.Junk, _systems.Values.Sum(system => system.Inventory.Foreign.Count + system.Inventory.Alternates.Count)));
        if (immutability?.Drift is { } drift) readings.Add(new Reading(SignalTable.ImmutabilityDrift, drift));
        signals.Publish(services.Cluster, readings);
        // Somebody else's interface: that it does not answer must not keep back what is known of WAL. What it says is told with the next look.
        if (immutability is not null) await immutability.LookAsync(cancellationToken);
    }

    private IEnumerable<Reading> Read(RegisteredHost host, DateTimeOffset now)
    {
        var (seen, heartbeat) = board.Of(host.Thumbprint);
        yield return new Reading(SignalTable.HeartbeatAge, Math.Max(0, (now - (seen ?? _started)).TotalSeconds), host.Name);
        if (heartbeat is null) yield break;
        if (!_hosts.TryGetValue(host.Thumbprint, out var trend)) _hosts[host.Thumbprint] = trend = new HostTrend(host.Name);
        trend.Heard(seen!.Value, heartbeat);
        foreach (var reading in trend.Read(heartbeat, _systems[host.System!.Value].Chain?.ReplaysTo, now)) yield return reading;
    }

    private IEnumerable<Reading> Conflicts(RegisteredHost host, List<RegisteredHost> databases, DateTimeOffset now)
    {
        if (!_hosts.TryGetValue(host.Thumbprint, out var own)) yield break; // it never said anything
        var refused = board.Of(host.Thumbprint).Heartbeat?.Conflict;
        var beside = databases.Find(other => other != host && other.System == host.System && _hosts.TryGetValue(other.Thumbprint, out var its) && own.WritesBeside(its, now));
        var told = _told.GetValueOrDefault(host.Thumbprint);
        if (refused is not null && refused != told.Refused) LogRefused(host.Name, refused);
        if (beside is not null && beside.Name != told.Beside) LogTwoPrimaries(host.Name, beside.Name, host.System!.Value.ToString());
        _told[host.Thumbprint] = (refused, beside?.Name);
        yield return new Reading(SignalTable.Conflicts, refused is null && beside is null ? 0 : 1, host.Name);
    }

    private async Task LookAsync(LogView view, SystemIdentifier system, ArchivingHint? hint, List<Reading> readings, CancellationToken cancellationToken)
    {
        var trust = new LogTrust(services.Decisions.Log, view);
        if (!_systems.TryGetValue(system, out var known) || services.Clock.GetUtcNow() - known.Listed is { } age && (age >= InventoryInterval || age < TimeSpan.Zero))
        {
            _systems[system] = known = await ListAsync(view, trust, system, known, cancellationToken);
        }
        if (view.State.Backups.FindLast(backup => backup.System == system) is not { } newest) return;
        if (known.Chain is null || known.Backup != newest.Label)
        {
            // The backup may be the first one after a change of wal_segment_size, and younger than the listing.
            if (!known.Inventory.Holds(newest.Facts.Timeline, newest.Facts.StartLsn))
                known = await ListAsync(view, trust, system, known, cancellationToken);
            var size = known.Inventory.SizeAt(newest.Facts.Timeline, newest.Facts.StartLsn);
            var from = WalSegmentName.Containing(newest.Facts.Timeline, newest.Facts.StartLsn, size);
            _systems[system] = known = known with { Backup = newest.Label, Chain = new WalChainWatch(services.Data, services.Index, system, from) };
        }
        var before = known.Chain!.Breaks;
        await known.Chain.LookAsync(trust, hint, SegmentsAtOnce, cancellationToken);
        foreach (var found in known.Chain.Breaks.Except(before)) LogBreak(system.ToString(), found.Reason, found.At.ToString(), newest.Label.ToString());
        readings.Add(new Reading(SignalTable.Gaps, known.Chain.BreakCount + (ResizedAfter(known) is null ? 0 : 1), system.ToString()));
    }

    private async Task<SystemWatch> ListAsync(
        LogView view, LogTrust trust, SystemIdentifier system, SystemWatch? before, CancellationToken cancellationToken)
    {
        var inventory = await new WalListing(services.Data, trust, system) { Backups = view.State.Backups }.ReadAsync(cancellationToken);
        var listed = new SystemWatch(inventory, services.Clock.GetUtcNow(), before?.Backup, before?.Chain);
        if (ResizedAfter(listed) is { } range)
            LogResized(system.ToString(), listed.Chain!.From.Size.ToString(), range.Size.ToString(), range.Start.ToString());
        return listed;
    }

    /// <summary>WAL behind the newest backup's, in segments of another size: no backup is followed by it, and the chain never gets there.</summary>
    private static WalRange? ResizedAfter(SystemWatch watch)
    {
        if (watch.Chain is not { } chain) return null;
        var after = watch.Inventory.Ranges.Select(stored => stored.Range)
            .Where(range => range.Timeline == chain.Next.Timeline && range.Start >= chain.Next.Start && range.Size != chain.From.Size);
        return after.Select(range => (WalRange?)range).FirstOrDefault();
    }

    /// <summary>Where the primary says it is; null while none is heard.</summary>
    private ArchivingHint? HintOf(List<RegisteredHost> databases, SystemIdentifier system)
    {
        var heard = databases.Where(host => host.System == system).Select(host => board.Of(host.Thumbprint)).Where(last => last.Heartbeat is { InRecovery: false, Timeline: > 0 and <= uint.MaxValue });
        return heard.OrderByDescending(last => last.Seen).Select(last => (ArchivingHint?)new ArchivingHint(new TimelineId((uint)last.Heartbeat!.Timeline), last.Heartbeat.ArchivedTo)).FirstOrDefault();
    }

    [LoggerMessage(600, LogLevel.Error, "WAL of system {System} does not replay on: {Reason}. Nothing after {Position} can be recovered from backup {Backup} or an earlier one; if the segment is lost, take a full backup now")]
    private partial void LogBreak(string system, string reason, string position, string backup);

    [LoggerMessage(603, LogLevel.Error, "system {System} went on with WAL segments of {Size} from {Position} on, after {Before} before (pg_resetwal): nothing there can be recovered from a backup that is there; take a full backup now")]
    private partial void LogResized(string system, string before, string size, string position);

    [LoggerMessage(601, LogLevel.Error, "host {Host} cannot archive {File}: another one is stored under its name. Two servers write the same history; stop the one that should not be primary")]
    private partial void LogRefused(string host, string file);

    [LoggerMessage(602, LogLevel.Error, "hosts {Host} and {Other} both say that they are primary of system {System}: stop the one that should not be")]
    private partial void LogTwoPrimaries(string host, string other, string system);

    private sealed record SystemWatch(WalInventory Inventory, DateTimeOffset Listed, BackupName? Backup, WalChainWatch? Chain);
}
