using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>What is wrong at a place in a chain.</summary>
public enum WalBreakKind
{
    /// <summary>Segments are missing.</summary>
    Gap,

    /// <summary>A segment is stored, and it cannot be believed or read.</summary>
    Unusable,

    /// <summary>Two neighbours are there and do not join.</summary>
    Seam,
}

/// <summary>A place where WAL does not replay on.</summary>
/// <param name="Kind">What is wrong.</param>
/// <param name="First">The segment, or the first of several.</param>
/// <param name="Last">The last of them.</param>
/// <param name="Reason">What was found.</param>
public sealed record WalBreak(WalBreakKind Kind, WalSegmentName First, WalSegmentName Last, string Reason)
{
    /// <summary>Replay ends at or before this position.</summary>
    public Lsn At => First.Start;

    /// <summary>Missing segments.</summary>
    /// <param name="first">The first.</param>
    /// <param name="last">The last, of the same timeline.</param>
    public static WalBreak Gap(WalSegmentName first, WalSegmentName last)
    {
        var reason = first == last
            ? $"segment {first} is missing"
            : $"{last.Number - first.Number + 1} segments are missing, {first} to {last}";
        return new WalBreak(WalBreakKind.Gap, first, last, reason);
    }
}

/// <summary>
/// Proves that an archive replays from end to end: each neighbour joined to the next by <see cref="WalStitch"/>, records across any number of seams,
/// switches of timelines too. Fed in order, it keeps one segment's end and one for each switch ahead. Each seam is judged once; after a break the
/// chain starts anew, so that one missing segment is one break. Pure.
/// </summary>
/// <param name="joints">The seams across switches (<see cref="WalJoint.Of"/>).</param>
public sealed class WalChainVerifier(IEnumerable<WalJoint> joints)
{
    /// <summary>Breaks kept; beyond them only <see cref="BreakCount"/> grows.</summary>
    public const int BreaksKept = 1000;

    private readonly Joint[] _joints = [.. joints.Select(joint => new Joint(joint))];
    private readonly List<WalBreak> _breaks = [];
    private WalSegmentName? _last;
    private WalChainEnd? _end;

    /// <summary>Segments that were fed and could be read.</summary>
    public long SegmentCount { get; private set; }

    /// <summary>Seams that join.</summary>
    public long SeamCount { get; private set; }

    /// <summary>Of those, seams where a record's link could not be checked: the chain began in a record, or PostgreSQL is newer than this code.</summary>
    public long UnprovenCount { get; private set; }

    /// <summary>Breaks found.</summary>
    public long BreakCount { get; private set; }

    /// <summary>The first of them, in the order of WAL.</summary>
    public IReadOnlyList<WalBreak> Breaks => _breaks;

    /// <summary>The archive is whole as far as it was fed.</summary>
    public bool IsWhole => BreakCount == 0;

    /// <summary>Feeds the next segment.</summary>
    /// <exception cref="ArgumentException">Not in order: by timeline, then number.</exception>
    public void Add(WalSegmentSummary segment)
    {
        SegmentCount++;
        if (Before(segment.Segment) is not { } end) Restart(segment);
        else
        {
            try
            {
                var seam = WalStitch.Join(end, segment);
                SeamCount++;
                if (!seam.IsProven) UnprovenCount++;
                _end = seam.End;
            }
            catch (WalDamagedException e)
            {
                Report(new WalBreak(WalBreakKind.Seam, segment.Segment, segment.Segment, e.Message));
                Restart(segment);
            }
        }
        Remember(segment.Segment);
    }

    /// <summary>Feeds the next segment, of which nothing can be used.</summary>
    /// <param name="segment">Its name.</param>
    /// <param name="reason">Why not.</param>
    /// <exception cref="ArgumentException">As for <see cref="Add"/>.</exception>
    public void AddUnusable(WalSegmentName segment, string reason)
    {
        Before(segment);
        Report(new WalBreak(WalBreakKind.Unusable, segment, segment, reason));
        _end = null;
        Remember(segment);
    }

    /// <summary>The chain's end that the segment must carry on; null when there is none, and what is missing has been reported.</summary>
    private WalChainEnd? Before(WalSegmentName next)
    {
        if (_last is { } last && last.Timeline == next.Timeline)
        {
            if (last.Size != next.Size)
            {
                ReportResize(last, next);
                return null;
            }
            if (next.Number <= last.Number) throw new ArgumentException($"{next} was fed after {last}", nameof(next));
            if (last.Number + 1 == next.Number) return _end;
            ReportGap(last.Next, next with { Number = next.Number - 1 });
            return null;
        }
        if (_last is { } earlier && next.Timeline.Value < earlier.Timeline.Value) throw new ArgumentException($"{next} was fed after {earlier}", nameof(next));
        return Array.Find(_joints, joint => IsOf(joint.At.After, next)) is { } before ? Across(before, next) : null;
    }

    private WalChainEnd? Across(Joint joint, WalSegmentName next)
    {
        // Nothing of the older timeline: the archive starts on this one.
        if (joint.Last is not { } last || next.Number < joint.At.After.Number) return null;
        if (last.Number < joint.At.Before.Number) ReportGap(last.Next, joint.At.Before);
        if (next.Number == joint.At.After.Number) return joint.End;
        ReportGap(joint.At.After, next with { Number = next.Number - 1 });
        return null;
    }

    private static bool IsOf(WalSegmentName joint, WalSegmentName segment) => joint.Timeline == segment.Timeline && joint.Size == segment.Size;

    private void Restart(WalSegmentSummary segment) => _end = WalChainEnd.Of(segment);

    private void Remember(WalSegmentName segment)
    {
        _last = segment;
        foreach (var joint in _joints)
            if (IsOf(joint.At.Before, segment) && segment.Number <= joint.At.Before.Number)
                (joint.Last, joint.End) = (segment, segment.Number == joint.At.Before.Number ? _end : null);
    }

    private void ReportGap(WalSegmentName first, WalSegmentName last) => Report(WalBreak.Gap(first, last));

    // WAL never leads across a change of wal_segment_size, not even where positions touch. What is missing is named as recovery would ask for it.
    private void ReportResize(WalSegmentName last, WalSegmentName next)
    {
        var end = Math.Max(last.Next.Number, (next.Start.Value - 1) / (uint)last.Size.Bytes);
        Report(new WalBreak(WalBreakKind.Gap, last.Next, last with { Number = end },
            $"segments of {next.Size} follow from {next.Start} on, {last} before has {last.Size}: no WAL leads across that change (pg_resetwal)"));
    }

    private void Report(WalBreak found)
    {
        BreakCount++;
        if (_breaks.Count < BreaksKept) _breaks.Add(found);
    }

    private sealed class Joint(WalJoint at)
    {
        public WalJoint At => at;

        public WalSegmentName? Last { get; set; }

        public WalChainEnd? End { get; set; }
    }
}
