namespace Holdfast.Core.Postgres;

/// <summary>
/// A place in a cluster's WAL: a timeline and a position on it. Ordered by timeline first, as registrations and revocations need it:
/// whatever is on
/// a later timeline comes after everything on an earlier one, even where its LSN is lower.
/// </summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="Lsn">The position on it.</param>
public readonly record struct WalPosition(TimelineId Timeline, Lsn Lsn) : IComparable<WalPosition>
{
    /// <inheritdoc/>
    public int CompareTo(WalPosition other) =>
        Timeline.CompareTo(other.Timeline) is var byTimeline and not 0 ? byTimeline : Lsn.CompareTo(other.Lsn);

    /// <summary>As people say it: <c>0/2A000028 on timeline 1</c>.</summary>
    public override string ToString() => $"{Lsn} on timeline {Timeline}";
}
