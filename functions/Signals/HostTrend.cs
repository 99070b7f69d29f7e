using Holdfast.Core.Api;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;

namespace Holdfast.Functions.Signals;

/// <summary>What one database host's heartbeats say over time. Pure: told of heartbeats and the time, it tells readings.</summary>
/// <param name="host">The host's name.</param>
public sealed class HostTrend(string host)
{
    private static readonly TimeSpan Window = TimeSpan.FromMinutes(15), Shortest = TimeSpan.FromMinutes(1), Recent = TimeSpan.FromMinutes(5);

    private readonly ExposedWal _exposed = new();
    private readonly Queue<(DateTimeOffset Time, long Bytes)> _sizes = new();
    private (Lsn? To, DateTimeOffset Since) _archived;
    private (DateTimeOffset Since, DateTimeOffset Until)? _primary;

    /// <summary>A heartbeat was heard.</summary>
    public void Heard(DateTimeOffset at, HostHeartbeat heartbeat)
    {
        if (heartbeat is { WalInsert: { } insert, InRecovery: false })
        {
            _exposed.Saw(at, insert);
            _primary = (_primary?.Since ?? at, at);
        }
        else
        {
            _primary = null;
        }
        if (_archived.Since == default || _archived.To != heartbeat.ArchivedTo || heartbeat.ReadyCount == 0) _archived = (heartbeat.ArchivedTo, at);
        if (_sizes.Count > 0 && at <= _sizes.Last().Time) return;
        _sizes.Enqueue((at, heartbeat.WalBytes));
        while (at - _sizes.Peek().Time > Window) _sizes.Dequeue();
    }

    /// <summary>
    /// Whether this server and another say that they are primary, both now: each was heard so a minute after the other began to. After a failover the old one falls silent, and its
    /// last word is older than the new one's first.
    /// </summary>
    public bool WritesBeside(HostTrend other, DateTimeOffset now) =>
        _primary is { } own && other._primary is { } beside && own.Until - beside.Since >= Shortest && beside.Until - own.Since >= Shortest && now - own.Until <= Recent && now - beside.Until <= Recent;

    /// <summary>What it amounts to now.</summary>
    /// <param name="heartbeat">The last one.</param>
    /// <param name="safe">WAL before this position is proven; null while there is no backup to replay it on.</param>
    /// <param name="now">The time.</param>
    public IEnumerable<Reading> Read(HostHeartbeat heartbeat, Lsn? safe, DateTimeOffset now)
    {
        yield return new Reading(SignalTable.WalSize, heartbeat.WalBytes, host);
        yield return new Reading(SignalTable.WalFree, heartbeat.WalFreeBytes, host);
        if (UntilFull(heartbeat.WalFreeBytes) is { } left) yield return new Reading(SignalTable.TimeUntilFull, left, host);
        yield return new Reading(SignalTable.Stalled, heartbeat.ReadyCount > 0 && now > _archived.Since ? (now - _archived.Since).TotalSeconds : 0, host);
        if (heartbeat is not { WalInsert: { } insert, InRecovery: false }) yield break;
        if (heartbeat.ArchivedTo is { } archived) yield return new Reading(SignalTable.Unarchived, insert > archived ? insert - archived : 0, host);
        if (safe is { } proven) yield return new Reading(SignalTable.Rpo, _exposed.Since(proven, now).TotalSeconds, host);
    }

    private double? UntilFull(long free)
    {
        if (_sizes.Count < 2) return null;
        var (first, last) = (_sizes.Peek(), _sizes.Last());
        var grown = last.Bytes - first.Bytes;
        return grown > 0 && last.Time - first.Time >= Shortest ? free / (grown / (last.Time - first.Time).TotalSeconds) : null;
    }
}
