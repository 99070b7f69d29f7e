using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Api;

/// <summary>When backups of one type are taken.</summary>
/// <param name="Cron">Five fields, in UTC: minute, hour, day of month, month, day of week.</param>
/// <param name="Enabled">Whether they are.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record BackupSchedule(string Cron, bool Enabled = true);

/// <summary>The schedules, one for each type.</summary>
/// <param name="Full">Full backups.</param>
/// <param name="Diff">Differential backups.</param>
/// <param name="Incr">Incremental backups.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record BackupSchedules(BackupSchedule Full, BackupSchedule Diff, BackupSchedule Incr);

/// <summary>The policy's JSON, as the log keeps it.</summary>
/// <param name="Schedules">When backups are taken.</param>
/// <param name="BackupHost">
/// Which host makes them where none is named: a host's name or its key's thumbprint, or <see cref="Standby"/>; null: the primary. A control plane that
/// does not know this refuses the policy and says so.
/// </param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record ClusterPolicy(BackupSchedules Schedules, string? BackupHost = null)
{
    /// <summary>As <see cref="BackupHost"/>: whichever host is primary, the default.</summary>
    public const string Primary = "primary";

    /// <summary>As <see cref="BackupHost"/>: a host that is a standby, while there is one.</summary>
    public const string Standby = "standby";

    /// <summary>Before anybody set one: full Sunday 02:00, diff Wednesday 02:00, incr the other days 02:00 (design §9).</summary>
    public static ClusterPolicy Default { get; } = new(new BackupSchedules(new("0 2 * * 0"), new("0 2 * * 3"), new("0 2 * * 1,2,4-6")));
}

/// <summary>GET policy and PUT policy.</summary>
/// <param name="Policy">The policy in force.</param>
/// <param name="LogEntry">The entry that set it; null: the default.</param>
/// <param name="Next">When the next backup of each type that is scheduled is due.</param>
public sealed record PolicyDocument(ClusterPolicy Policy, long? LogEntry = null, IReadOnlyDictionary<string, DateTimeOffset>? Next = null);

/// <summary>GET status.</summary>
/// <param name="Cluster">The cluster.</param>
/// <param name="LogHead">The log's last entry.</param>
/// <param name="Hosts">Hosts in force.</param>
/// <param name="Running">Backups that have not ended.</param>
/// <param name="Version">The control plane's.</param>
public sealed record ClusterStatus(string Cluster, long LogHead, IReadOnlyList<HostStatus> Hosts, IReadOnlyList<BackupName> Running, string Version)
{
    /// <summary>The last committed backup.</summary>
    public BackupName? LastBackup { get; init; }
}

/// <summary>A host, as the log and its last report tell.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Key">Its signing key.</param>
/// <param name="Role">What it may do.</param>
/// <param name="System">A database's system identifier.</param>
/// <param name="LastSeen">When a report of it last arrived; null: not since this control plane started.</param>
/// <param name="Heartbeat">What it said.</param>
public sealed record HostStatus(
    string Name, KeyThumbprint Key, HostRole Role, SystemIdentifier? System = null, DateTimeOffset? LastSeen = null, HostHeartbeat? Heartbeat = null);

/// <summary>A host's last heartbeat.</summary>
/// <param name="Version">The agent's.</param>
/// <param name="Timeline">The server's.</param>
/// <param name="ReadyCount">Segments waiting to be archived.</param>
/// <param name="WalBytes">In pg_wal.</param>
/// <param name="WalFreeBytes">Of its file system.</param>
/// <param name="InRecovery">Whether it is a standby, or recovers.</param>
/// <param name="WalInsert">Where it writes; null: it does not answer.</param>
/// <param name="ArchivedTo">The end of the last archived segment; null: none.</param>
/// <param name="Conflict">A file of pg_wal that is refused because another one is stored under its name; null: none.</param>
/// <param name="IntervalSeconds">When the next one may be expected; 0: an agent that does not say.</param>
public sealed record HostHeartbeat(
    string Version, long Timeline, long ReadyCount, long WalBytes, long WalFreeBytes, bool InRecovery, Lsn? WalInsert = null, Lsn? ArchivedTo = null,
    string? Conflict = null, long IntervalSeconds = 0);

/// <summary>What is wrong with a request or the control plane (RFC 9457), with our hint.</summary>
/// <param name="Title">The kind of failure.</param>
/// <param name="Status">HTTP's.</param>
/// <param name="Detail">What was being done, expected and actual.</param>
/// <param name="Hint">What the operator can do.</param>
/// <param name="Kind">refused, configuration, store, damaged, missing, unauthorized, bug.</param>
public sealed record ApiProblem(string Title, int Status, string Detail, string? Hint = null, string? Kind = null);

/// <summary>GET /health.</summary>
/// <param name="Status">ok, or degraded.</param>
/// <param name="Version">The control plane's.</param>
/// <param name="Problems">What is wrong, in words; empty when nothing is.</param>
public sealed record HealthDocument(string Status, string Version, IReadOnlyList<string> Problems);
