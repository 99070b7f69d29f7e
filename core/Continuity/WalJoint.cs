using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>A seam across a switch of timelines.</summary>
/// <param name="Before">The last segment read from an older timeline.</param>
/// <param name="After">The next number, on the newer one: it holds the switch point.</param>
public readonly record struct WalJoint(WalSegmentName Before, WalSegmentName After)
{
    /// <summary>The joint at the start of a history's own timeline; null when it has no ancestors.</summary>
    public static WalJoint? Of(TimelineHistory history, WalSegmentSize size)
    {
        if (history.Switches.Count == 0) return null;
        var after = WalSegmentName.Containing(history.Timeline, history.Switches[^1].SwitchPoint, size);
        if (after.Number == 0) return null;
        // Two switches within one segment: the segment before belongs to neither of the timelines that ended there.
        var before = history.TimelineAt(after.Start + -1);
        return new WalJoint(new WalSegmentName(before, after.Number - 1, size), after);
    }
}
