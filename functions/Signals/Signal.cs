namespace Holdfast.Functions.Signals;

/// <summary>Something that is measured: a gauge of OpenTelemetry, with the cluster as an attribute.</summary>
/// <param name="Name">OpenTelemetry's name.</param>
/// <param name="Unit">UCUM's: s, By, {gap}.</param>
/// <param name="Meaning">One line; docs/signals.md holds the same.</param>
/// <param name="Attribute">What tells one reading of a cluster from another; null when there is one.</param>
public sealed record Signal(string Name, string Unit, string Meaning, string? Attribute = null);

/// <summary>What a signal says now.</summary>
/// <param name="Signal">Which.</param>
/// <param name="Value">In its unit.</param>
/// <param name="Of">The value of its attribute; null when it has none.</param>
public readonly record struct Reading(Signal Signal, double Value, string? Of = null);

/// <summary>Every signal. To add one, add a row, here and in docs/signals.md; alerts name them.</summary>
public static class SignalTable
{
    /// <summary>holdfast.rpo</summary>
    public static readonly Signal Rpo = new("holdfast.rpo", "s", "for how long the server has been writing WAL that is not archived and proven: what would be lost if it were lost now", "host");

    /// <summary>holdfast.wal.gaps</summary>
    public static readonly Signal Gaps = new("holdfast.wal.gaps", "{gap}", "places since the newest backup where WAL does not replay on: missing, unusable or not joining", "system");

    /// <summary>holdfast.wal.unarchived</summary>
    public static readonly Signal Unarchived = new("holdfast.wal.unarchived", "By", "WAL that the server wrote beyond the last archived segment", "host");

    /// <summary>holdfast.archive.stalled</summary>
    public static readonly Signal Stalled = new("holdfast.archive.stalled", "s", "for how long segments have waited without one being archived", "host");

    /// <summary>holdfast.pg_wal.size</summary>
    public static readonly Signal WalSize = new("holdfast.pg_wal.size", "By", "what pg_wal takes", "host");

    /// <summary>holdfast.pg_wal.free</summary>
    public static readonly Signal WalFree = new("holdfast.pg_wal.free", "By", "what the file system of pg_wal has left", "host");

    /// <summary>holdfast.pg_wal.time_until_full</summary>
    public static readonly Signal TimeUntilFull = new("holdfast.pg_wal.time_until_full", "s", "when that is used up, at the growth of the last 15 minutes; absent while pg_wal does not grow", "host");

    /// <summary>holdfast.backup.age</summary>
    public static readonly Signal BackupAge = new("holdfast.backup.age", "s", "since the last backup of a type ended; absent before the first", "type");

    /// <summary>holdfast.backup.overdue</summary>
    public static readonly Signal BackupOverdue = new("holdfast.backup.overdue", "s", "since a backup was due that nobody began, or that failed and is to be repeated; 0 when none is", "type");

    /// <summary>holdfast.backup.failures</summary>
    public static readonly Signal BackupFailures = new("holdfast.backup.failures", "{backup}", "backups that failed since the last one that was committed");

    /// <summary>holdfast.backup.corrupt_pages</summary>
    public static readonly Signal CorruptPages = new("holdfast.backup.corrupt_pages", "{page}", "pages of the newest backup whose checksum is wrong");

    /// <summary>holdfast.repository.size</summary>
    public static readonly Signal RepositorySize = new("holdfast.repository.size", "By", "what WAL and committed backups take in the repository; looked at each hour");

    /// <summary>holdfast.agent.heartbeat.age</summary>
    public static readonly Signal HeartbeatAge = new("holdfast.agent.heartbeat.age", "s", "since a database host was last heard, or since the control plane started", "host");

    /// <summary>holdfast.junk</summary>
    public static readonly Signal Junk = new("holdfast.junk", "{blob}", "blobs in the WAL archive whose names are not ours, or that took a name of ours; looked at each hour");

    /// <summary>holdfast.conflicts</summary>
    public static readonly Signal Conflicts = new("holdfast.conflicts", "{server}", "1 while a server's WAL is refused because other WAL is stored under its name, or another server of its system says for a minute that it is primary, too", "host");

    /// <summary>holdfast.immutability.drift</summary>
    public static readonly Signal ImmutabilityDrift = new("holdfast.immutability.drift", "{container}", "containers whose immutability policy is missing, shorter than configured, not locked though it should be, or not to be seen; looked at each quarter of an hour, in Azure");

    /// <summary>holdfast.control_plane.tick</summary>
    public static readonly Signal Tick = new("holdfast.control_plane.tick", "s", "since the control plane last looked at the cluster; absence is the alarm");

    /// <summary>All of them.</summary>
    public static IReadOnlyList<Signal> All { get; } =
    [
        Rpo, Gaps, Unarchived, Stalled, WalSize, WalFree, TimeUntilFull, BackupAge, BackupOverdue, BackupFailures, CorruptPages, RepositorySize, HeartbeatAge, Junk, Conflicts, ImmutabilityDrift, Tick,
    ];
}
