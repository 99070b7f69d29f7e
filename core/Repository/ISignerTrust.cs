using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>The stretch of a cluster's history that an object speaks of: a key counts for some and not for others (invariant I10).</summary>
/// <param name="System">The cluster.</param>
/// <param name="Timeline">The timeline.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">The byte after the last.</param>
public readonly record struct WalScope(SystemIdentifier System, TimelineId Timeline, Lsn Start, Lsn End)
{
    /// <summary>The scope of a segment.</summary>
    public static WalScope Of(SystemIdentifier system, WalSegmentName segment) => new(system, segment.Timeline, segment.Start, segment.End);

    /// <summary>
    /// The scope of a whole timeline: of its history file, and of its backup history files, which end later than the segment they are named after.
    /// </summary>
    public static WalScope Of(SystemIdentifier system, TimelineId timeline) => new(system, timeline, default, new Lsn(ulong.MaxValue));

    /// <summary>Whether what <paramref name="key"/> signed for this scope counts.</summary>
    public Standing StandingOf(ClusterState state, KeyThumbprint key) => this == Of(System, Timeline)
        ? state.CountsForTimeline(key, System, Timeline)
        : state.CountsFor(key, System, Timeline, Start, End);
}

/// <summary>What is to be thought of a signer.</summary>
/// <param name="Counts">The object counts.</param>
/// <param name="Host">The host's name, when known.</param>
/// <param name="Reason">Why it does not count; completes "blob NAME: …".</param>
public sealed record SignerVerdict(bool Counts, string? Host, string Reason);

/// <summary>Knows which keys count where: from the cluster's log, or from what a restore wrote down of it.</summary>
public interface ISignerTrust
{
    /// <summary>Verifies the signature and judges the signer; a key not known so far is judged after the log's tail was read again.</summary>
    ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken);
}
