using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Why a stretch of WAL is not in the archive.</summary>
public enum CutReason
{
    /// <summary>The operator let the agent drop it to keep the server running.</summary>
    Dropped,

    /// <summary>It failed judgement and was stored beside its name.</summary>
    Damaged,

    /// <summary>A host was adopted, and its earlier WAL was gone.</summary>
    Adopted,

    /// <summary>It was there, and is not any more.</summary>
    Lost,
}

/// <summary>Recovery cannot pass here: WAL of [From, To) is not to be had.</summary>
/// <param name="System">The system identifier.</param>
/// <param name="Timeline">The timeline.</param>
/// <param name="From">First byte missing.</param>
/// <param name="To">First byte there again.</param>
/// <param name="Reason">Why.</param>
/// <param name="Host">Signing key of the host that reported it; null when the control plane found it.</param>
public sealed record WalCut(SystemIdentifier System, TimelineId Timeline, Lsn From, Lsn To, CutReason Reason,
    KeyThumbprint? Host = null) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (From >= To) return $"a cut from {From} to {To} is empty";
        if (Host is { } host && state.FindHost(host) is null) return $"key {host.Short} was never registered";
        return state.Hosts.Any(known => known.System == System) ? null : $"no host was registered for system {System}";
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at) =>
        state with { Cuts = state.Cuts.Add(new LoggedCut(at.Number, System, Timeline, From, To, Reason, Host)) };
}

/// <summary>A blob is not what it must be. Recorded so that nobody builds on it and everybody hears of it.</summary>
/// <param name="Blob">Container-relative name, with the container's suffix before it (<c>data/…</c>).</param>
/// <param name="Detail">What was found, without user data.</param>
public sealed record DamageFound(string Blob, string Detail) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at) =>
        BadText("a blob's name", Blob, 512) ?? BadText("a detail", Detail, MaxReason);

    internal override ClusterState Fold(ClusterState state, EntryStamp at)
    {
        var damage = state.Damage.Add(new LoggedDamage(at.Number, at.Time, Blob, Detail));
        return state with { Damage = damage.Count > ClusterState.DamageKept ? damage.RemoveAt(0) : damage };
    }
}
