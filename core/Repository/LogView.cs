using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>The log up to one entry: the folded state, and the entry itself. Immutable.</summary>
public sealed class LogView
{
    /// <summary>Before entry 0.</summary>
    internal static readonly LogView Nothing = new(ClusterState.Empty, null);

    private LogView(ClusterState state, SignedLogEntry? last) => (State, Last) = (state, last);

    /// <summary>The fold of all entries up to <see cref="Head"/>.</summary>
    public ClusterState State { get; }

    /// <summary>The last entry; null only before entry 0, which no public method returns.</summary>
    public SignedLogEntry? Last { get; }

    /// <summary>Number and hash of the last entry.</summary>
    public LogHead Head => Last?.Head ?? new LogHead(-1, default);

    /// <summary>State and head.</summary>
    public void Deconstruct(out ClusterState state, out LogHead head) => (state, head) = (State, Head);

    /// <summary>Starts at an entry that carries the state of all before it, or at entry 0.</summary>
    internal static LogView StartingAt(SignedLogEntry first) => new((first.Entry.State ?? ClusterState.Empty).Apply(first), first);

    /// <summary>What a cache remembered: the caller has checked that they belong together.</summary>
    internal static LogView Restored(ClusterState state, SignedLogEntry last) => new(state, last);

    /// <summary>Goes one entry further, which must name this view's last one as the one before.</summary>
    /// <exception cref="DamagedException">Another number, another previous entry, or an illegal transition.</exception>
    internal LogView Follow(SignedLogEntry next)
    {
        var (entry, head) = (next.Entry, Head);
        if (entry.Number == head.Number + 1 && entry.Previous != (Last is null ? null : (Sha256Digest?)head.Hash))
            throw new DamagedException(
                $"reading log entry {entry.Number}: expected it to follow entry {head.Number} with SHA-256 {head.Hash}, but it names {entry.Previous}",
                "the log was forked or spliced: another log was restored into this container, or two were mixed; keep both and compare them");
        return new LogView(State.Apply(next), next);
    }
}
