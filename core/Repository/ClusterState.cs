using System.Collections.Immutable;
using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Whether what a key signed is believed for a stretch of WAL.</summary>
public enum Standing
{
    /// <summary>It is.</summary>
    Counts,

    /// <summary>No host was registered with that key.</summary>
    UnknownSigner,

    /// <summary>The stretch ends before the host was registered.</summary>
    BeforeRegistration,

    /// <summary>The key was revoked, and the stretch ends after the position at revocation.</summary>
    AfterRevocation,

    /// <summary>The host was registered for another system identifier.</summary>
    WrongSystem,

    /// <summary>The host is no database: it makes no WAL.</summary>
    WrongRole,
}

/// <summary>
/// What the log says, folded: immutable, the same for everybody who has read the same entries. Lists are in the log's order. Its JSON is
/// the
/// <c>state</c> of every 256th entry; a property that later versions add must default to "nothing happened" and be omitted then, so that
/// old checkpoints
/// stay equal to the fold.
/// </summary>
public sealed record ClusterState
{
    /// <summary>How many findings of damage the state keeps; older ones remain in the log.</summary>
    public const int DamageKept = 256;

    /// <summary>Before entry 0.</summary>
    public static readonly ClusterState Empty = new();

    /// <summary>How many entries were folded; the number of the next one.</summary>
    public long Next { get; init; }

    /// <summary>The cluster; null only before entry 0.</summary>
    public ClusterFacts? Cluster { get; init; }

    /// <summary>Enrolment tokens, used ones too: so that none is used or issued again.</summary>
    public ImmutableList<EnrolmentGrant> Tokens { get; init; } = [];

    /// <summary>Registered hosts, revoked ones too.</summary>
    public ImmutableList<RegisteredHost> Hosts { get; init; } = [];

    /// <summary>Stretches of WAL that are not to be had.</summary>
    public ImmutableList<LoggedCut> Cuts { get; init; } = [];

    /// <summary>The last <see cref="DamageKept"/> findings of damage.</summary>
    public ImmutableList<LoggedDamage> Damage { get; init; } = [];

    /// <summary>The policy in force; null while the default is.</summary>
    public LoggedPolicy? Policy { get; init; }

    /// <summary>How many failed backups the state keeps; older ones remain in the log.</summary>
    public const int FailedBackupsKept = 64;

    /// <summary>The last label given to a backup, whatever became of it; null before the first.</summary>
    public BackupName? LastLabel { get; init; }

    /// <summary>Backups that were intended and have not ended: at most one a system.</summary>
    [JsonIgnore]
    public ImmutableList<RunningBackup> Running { get; init; } = [];

    /// <summary>Committed backups, in the order of the log.</summary>
    [JsonIgnore]
    public ImmutableList<LoggedBackup> Backups { get; init; } = [];

    /// <summary>The last <see cref="FailedBackupsKept"/> that failed.</summary>
    [JsonIgnore]
    public ImmutableList<FailedBackup> FailedBackups { get; init; } = [];

    // In JSON these are absent while they are empty: checkpoints older than backups stay equal to the fold.
    [JsonInclude, JsonPropertyName("running")]
    internal ImmutableList<RunningBackup>? WrittenRunning { get => OrNull(Running); init => Running = value ?? []; }

    [JsonInclude, JsonPropertyName("backups")]
    internal ImmutableList<LoggedBackup>? WrittenBackups { get => OrNull(Backups); init => Backups = value ?? []; }

    [JsonInclude, JsonPropertyName("failedBackups")]
    internal ImmutableList<FailedBackup>? WrittenFailedBackups { get => OrNull(FailedBackups); init => FailedBackups = value ?? []; }

    /// <summary>The committed backup of that label; null when there is none.</summary>
    public LoggedBackup? FindBackup(BackupName label) => Backups.Find(backup => backup.Label == label);

    /// <summary>The host with that signing key; null when none was registered.</summary>
    public RegisteredHost? FindHost(KeyThumbprint key)
    {
        foreach (var host in Hosts)
            if (host.Thumbprint == key) return host;
        return null;
    }

    /// <summary>The token with that hash; null when none was issued. Every hash is compared, each in constant time.</summary>
    public EnrolmentGrant? FindToken(Sha256Digest hash)
    {
        EnrolmentGrant? found = null;
        foreach (var token in Tokens)
            if (token.Hash == hash) found = token;
        return found;
    }

    /// <summary>
    /// Whether WAL [<paramref name="start"/>, <paramref name="end"/>) of a timeline, signed by <paramref name="key"/>, counts. From
    /// registration on: a
    /// segment that contains the starting LSN counts, and so does every later timeline; of before, what was admitted. Up to revocation: a segment counts that ends at
    /// or before the
    /// position at revocation, and so does every earlier timeline.
    /// </summary>
    public Standing CountsFor(KeyThumbprint key, SystemIdentifier system, TimelineId timeline, Lsn start, Lsn end)
    {
        if (start >= end) throw new ArgumentException($"no WAL between {start} and {end}", nameof(end));
        if (FindHost(key) is not { } host) return Standing.UnknownSigner;
        if (host.Role != HostRole.Database) return Standing.WrongRole;
        if (host.System != system) return Standing.WrongSystem;
        var stretchEnd = new WalPosition(timeline, end);
        var isEarlier = stretchEnd.CompareTo(host.Start) <= 0;
        if (isEarlier && host.Earlier?.Exists(admitted => admitted.Holds(timeline, start, end)) != true) return Standing.BeforeRegistration;
        if (host.Revoked is not { } revoked) return Standing.Counts;
        return revoked.Limit(system) is { } limit && stretchEnd.CompareTo(limit) <= 0 ? Standing.Counts : Standing.AfterRevocation;
    }

    /// <summary>
    /// Whether the history file of a timeline, or a backup history file on it, signed by <paramref name="key"/>, counts: up to, and with, the
    /// timeline at revocation. Were a history file judged as WAL up to the timeline's end, revoking a host that was once promoted would take away
    /// the timeline with all good WAL on it. Timelines before the one at registration count, too: their files tell the past of what the host
    /// archives, and PostgreSQL hands them over again on a standby with archive_mode=always. That gives a host no power it had not: it may name
    /// any later timeline anyhow, and what is stored already is never replaced.
    /// </summary>
    public Standing CountsForTimeline(KeyThumbprint key, SystemIdentifier system, TimelineId timeline)
    {
        if (FindHost(key) is not { } host) return Standing.UnknownSigner;
        if (host.Role != HostRole.Database) return Standing.WrongRole;
        if (host.System != system) return Standing.WrongSystem;
        if (host.Revoked is not { } revoked) return Standing.Counts;
        return revoked.Limit(system) is { } limit && timeline.CompareTo(limit.Timeline) <= 0 ? Standing.Counts : Standing.AfterRevocation;
    }

    /// <summary>Whether a host's operator left that WAL out by name: a cut of its own that says so.</summary>
    public bool IsLeftOut(KeyThumbprint host, WalScope scope) => Cuts.Exists(cut =>
        cut.Reason == CutReason.Dropped && cut.Host == host && cut.System == scope.System
        && new WalStretch(cut.Timeline, cut.From, cut.To).Holds(scope.Timeline, scope.Start, scope.End));

    /// <summary>Why <paramref name="logEvent"/> must not be the next entry; null when it may. What deciders ask before they
    /// write.</summary>
    internal string? Refusal(LogEvent logEvent, EntryStamp at) =>
        Cluster is null && logEvent is not ClusterCreated ? "no cluster was created before it" : logEvent.Refusal(this, at);

    /// <summary>The state after one more entry, whose signature and chaining the caller has checked.</summary>
    /// <exception cref="DamagedException">Not the next entry, or an illegal transition, which no control plane writes.</exception>
    public ClusterState Apply(SignedLogEntry signed)
    {
        var (entry, stamp) = (signed.Entry, signed.Stamp);
        if (entry.Number != Next) throw new DamagedException($"folding the cluster's log: expected entry {Next}, found entry {entry.Number}");
        if (Refusal(entry.Event, stamp) is { } refusal)
            throw new DamagedException($"folding log entry {entry.Number}: it records what must never happen: {refusal}",
                "the control plane's signing key may be in other hands: stop the control plane, "
                + "leave the log as it is, and follow docs/runbooks/keys-reached.md");
        return entry.Event.Fold(this, stamp) with { Next = Next + 1 };
    }

    private static ImmutableList<T>? OrNull<T>(ImmutableList<T> list) => list.IsEmpty ? null : list;
}
