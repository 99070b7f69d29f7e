using System.Collections.Immutable;
using System.Text.Json;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>A stretch of a timeline's WAL.</summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">The byte after the last.</param>
public sealed record RestoredWal(TimelineId Timeline, Lsn Start, Lsn End);

/// <summary>
/// Which keys count, as a restore found it in the log when it planned, for the WAL that it planned to read: with it a segment costs one GET and one signature
/// check (design §8). It says nothing of any other WAL, and so cannot grow stale: whatever is read beyond the plan is judged by the log. A key that was revoked
/// later counts within the plan, as it did when the plan was shown. Format and reasons: <c>docs/format.md</c>.
/// </summary>
/// <param name="Version">1.</param>
/// <param name="Cluster">The cluster's name.</param>
/// <param name="ControlPlaneKey">The pinned key whose log it was.</param>
/// <param name="System">The history that was restored.</param>
/// <param name="LogEntry">The log's last entry then.</param>
/// <param name="LogHash">Its hash.</param>
/// <param name="Wal">What is planned to be read.</param>
/// <param name="Hosts">The log's hosts, revoked ones too.</param>
public sealed record RestoredKeys(
    int Version, string Cluster, KeyThumbprint ControlPlaneKey, SystemIdentifier System, long LogEntry, Sha256Digest LogHash,
    ImmutableList<RestoredWal> Wal, ImmutableList<RegisteredHost> Hosts)
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "holdfast.keys";

    /// <summary>More than any has: a host takes some 600 bytes.</summary>
    public const int MaxBytes = 16 << 20;

    private const int Current = 1;

    /// <summary>What a restore leaves.</summary>
    /// <param name="view">The log as it planned by it.</param>
    /// <param name="controlPlane">The pinned key.</param>
    /// <param name="system">What is restored.</param>
    /// <param name="wal">What recovery will read.</param>
    public static RestoredKeys Of(LogView view, KeyThumbprint controlPlane, SystemIdentifier system, IEnumerable<WalRange> wal) => new(
        Current, view.State.Cluster!.Name, controlPlane, system, view.Head.Number, view.Head.Hash,
        [.. wal.Select(leg => new RestoredWal(leg.Timeline, leg.Start, leg.End))], view.State.Hosts);

    /// <summary>The file's bytes.</summary>
    public byte[] Encode() => JsonSerializer.SerializeToUtf8Bytes(this, LogJson.Default.RestoredKeys);

    /// <summary>Reads a file; null when it is torn, or of another version, cluster, history or control plane than those.</summary>
    public static RestoredKeys? TryDecode(ReadOnlySpan<byte> bytes, string cluster, KeyThumbprint controlPlane, SystemIdentifier system)
    {
        try
        {
            return JsonSerializer.Deserialize(bytes, LogJson.Default.RestoredKeys) is { Version: Current } keys
                && keys.Cluster == cluster && keys.ControlPlaneKey == controlPlane && keys.System == system ? keys : null;
        }
        catch (Exception e) when (e is JsonException or HoldfastException)
        {
            return null;
        }
    }

    /// <summary>Whether it speaks of that: a whole segment of the plan, or the history of a timeline in it.</summary>
    public bool Covers(WalScope scope) => scope.System == System && Wal.Exists(planned => planned.Timeline == scope.Timeline
        && (scope == WalScope.Of(System, planned.Timeline) || planned.Start <= scope.Start && scope.End <= planned.End));

    /// <summary>The judgement by these keys alone.</summary>
    internal (bool Counts, bool MayChange, string? Host, string Reason) Judge(SealedHead head, WalScope scope) =>
        LogTrust.Judge(ClusterState.Empty with { Hosts = Hosts }, head, scope);
}

/// <summary>Judges by what a restore wrote down; a signer that it does not know is judged by the log.</summary>
/// <param name="keys">What was written down.</param>
/// <param name="log">Reads the log, when it is needed.</param>
public sealed class RestoredKeysTrust(RestoredKeys keys, Func<CancellationToken, Task<ISignerTrust>> log) : ISignerTrust
{
    /// <inheritdoc/>
    public async ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken)
    {
        if (keys.Covers(scope) && keys.Judge(head, scope) is var verdict && (verdict.Counts || !verdict.MayChange)) return new SignerVerdict(verdict.Counts, verdict.Host, verdict.Reason);
        return await (await log(cancellationToken).ConfigureAwait(false)).JudgeAsync(head, scope, cancellationToken).ConfigureAwait(false);
    }
}
