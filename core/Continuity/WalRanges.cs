using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>A stretch of one timeline's WAL without a gap: [<paramref name="Start"/>, <paramref name="End"/>).</summary>
/// <param name="Timeline">The timeline in the segments' names.</param>
/// <param name="Start">First byte of the first segment.</param>
/// <param name="End">The byte after the last segment.</param>
/// <param name="SegmentCount">Segments in it, at least one.</param>
public readonly record struct WalRange(TimelineId Timeline, Lsn Start, Lsn End, long SegmentCount)
{
    /// <summary>The size of its segments.</summary>
    public WalSegmentSize Size => new((End - Start) / SegmentCount);

    /// <summary>Its first segment.</summary>
    public WalSegmentName First => WalSegmentName.Containing(Timeline, Start, Size);

    /// <summary>Its last segment.</summary>
    public WalSegmentName Last => WalSegmentName.Containing(Timeline, End + -1, Size);

    /// <summary>Its segments, in order.</summary>
    public IEnumerable<WalSegmentName> Segments
    {
        get
        {
            var first = First;
            for (ulong i = 0; i < (ulong)SegmentCount; i++) yield return first with { Number = first.Number + i };
        }
    }
}

/// <summary>Segments that are missing between others.</summary>
/// <param name="Timeline">The timeline they are missing from.</param>
/// <param name="FirstMissing">The first one.</param>
/// <param name="LastMissing">The last one.</param>
public readonly record struct WalGap(TimelineId Timeline, WalSegmentName FirstMissing, WalSegmentName LastMissing)
{
    /// <summary>
    /// Where wal_segment_size changed: the size of what follows; what is missing is named in the size before, by which recovery would ask for it.
    /// WAL never leads across such a change (pg_resetwal), not even where positions touch.
    /// </summary>
    public WalSegmentSize? ResizedTo { get; init; }

    /// <summary>How many are missing.</summary>
    public long SegmentCount => (long)(LastMissing.Number - FirstMissing.Number) + 1;
}

/// <summary>WAL that replays in one go towards a timeline: legs on it and its ancestors, each starting where the one before ends.</summary>
/// <param name="Target">The timeline recovered to (recovery_target_timeline).</param>
/// <param name="Legs">Oldest first, at least one.</param>
public sealed record WalPath(TimelineId Target, IReadOnlyList<WalRange> Legs)
{
    /// <summary>First byte.</summary>
    public Lsn Start => Legs[0].Start;

    /// <summary>The byte after the last one.</summary>
    public Lsn End => Legs[^1].End;

    /// <summary>Its segments from the one that holds <paramref name="from"/> on, in order.</summary>
    public IEnumerable<WalSegmentName> SegmentsFrom(Lsn from) => Legs.SelectMany(leg => leg.Segments).Where(segment => segment.End > from);
}

/// <summary>
/// Which WAL there is, from its segments' names alone: ranges and gaps for each timeline, and what connects across switches. O(n log n).
/// A path follows PostgreSQL (xlogrecovery.c, XLogFileReadAnyTLI): the segment that holds a switch point is read from the newer timeline, whose
/// first segment begins with a copy of the older one's WAL. What a timeline has from that segment on is a branch: on its own path, on no descendant's.
/// Stretches of different segment sizes never join.
/// </summary>
public sealed class WalRanges
{
    private readonly SortedDictionary<uint, List<Run>> _runs;
    private readonly Dictionary<uint, TimelineHistory> _histories = [];

    /// <summary>Computes the ranges.</summary>
    /// <param name="segments">In any order; repeats count once.</param>
    /// <param name="histories">At most one for each timeline; a timeline without one is taken to have no ancestors, as PostgreSQL does.</param>
    /// <exception cref="ArgumentException">Two histories of one timeline.</exception>
    public WalRanges(IEnumerable<WalSegmentName> segments, IEnumerable<TimelineHistory> histories)
        : this(Group(segments.Select(one => (one.Timeline.Value, new Run(one.Size, one.Number, one.Number)))), histories)
    {
    }

    private WalRanges(SortedDictionary<uint, List<Run>> runs, IEnumerable<TimelineHistory> histories)
    {
        _runs = runs;
        foreach (var history in histories)
            if (!_histories.TryAdd(history.Timeline.Value, history))
                throw new ArgumentException($"timeline {history.Timeline} has two histories", nameof(histories));
        Ranges = [.. _runs.SelectMany(of => of.Value.Select(run => ToRange(new TimelineId(of.Key), run)))];
        Gaps = [.. _runs.SelectMany(of => Between(new TimelineId(of.Key), of.Value))];
    }

    /// <summary>As the constructor, from ranges instead of single segments: a million names need not be in memory at once.</summary>
    /// <param name="ranges">In any order; those that touch or overlap become one.</param>
    /// <param name="histories">As for the constructor.</param>
    public static WalRanges FromRanges(IEnumerable<WalRange> ranges, IEnumerable<TimelineHistory> histories) =>
        new(Group(ranges.Select(range => (range.Timeline.Value, new Run(range.Size, range.First.Number, range.Last.Number)))), histories);

    /// <summary>
    /// The ranges of each timeline, by timeline, then start; as long as can be, so two of a timeline and of one size never touch.
    /// </summary>
    public IReadOnlyList<WalRange> Ranges { get; }

    /// <summary>The gaps between ranges of the same timeline, in the same order. What is missing at a switch is in <see cref="GapsTo"/>.</summary>
    public IReadOnlyList<WalGap> Gaps { get; }

    /// <summary>The unbroken stretches of WAL towards a timeline, oldest first.</summary>
    public IReadOnlyList<WalPath> PathsTo(TimelineId target)
    {
        var paths = new List<WalPath>();
        var legs = new List<WalRange>();
        Lsn? end = null;
        foreach (var (timeline, run) in Along(target))
        {
            var leg = ToRange(timeline, run);
            if (end is not null && (end != leg.Start || legs[^1].Size != leg.Size))
            {
                paths.Add(new WalPath(target, legs));
                legs = [];
            }

            legs.Add(leg);
            end = leg.End;
        }

        if (legs.Count > 0) paths.Add(new WalPath(target, legs));
        return paths;
    }

    /// <summary>
    /// What is missing along the way to a timeline, between the first segment there is and the last; a gap across a switch is one for each.
    /// </summary>
    public IReadOnlyList<WalGap> GapsTo(TimelineId target)
    {
        var gaps = new List<WalGap>();
        (TimelineId Timeline, Run Run)? before = null;
        foreach (var (timeline, run) in Along(target))
        {
            if (before is { } last && last.Run.Size == run.Size) gaps.AddRange(Missing(target, last.Run, run));
            else if (before is { } other) gaps.Add(ToGap(other.Timeline, other.Run, run));
            before = (timeline, run);
        }
        return gaps;
    }

    /// <summary>What is missing between two runs of one size, of the timelines that it would be read from.</summary>
    private IEnumerable<WalGap> Missing(TimelineId target, Run before, Run after)
    {
        if (after.First == before.Last + 1) yield break;
        var between = new Run(before.Size, before.Last + 1, after.First - 1);
        foreach (var (timeline, leg) in Legs(target, before.Size))
            if (Clip(between, leg) is { } gap)
                yield return new WalGap(timeline, gap.Name(timeline, gap.First), gap.Name(timeline, gap.Last));
    }

    /// <summary>Segments of the way to a timeline, first to last.</summary>
    private IEnumerable<(TimelineId Timeline, Run Run)> Along(TimelineId target)
    {
        var legs = new Dictionary<WalSegmentSize, List<(TimelineId Timeline, Run Numbers)>>();
        foreach (var stretch in HistoryOf(target).Path)
            if (_runs.TryGetValue(stretch.Timeline.Value, out var runs))
                foreach (var run in runs)
                {
                    if (!legs.TryGetValue(run.Size, out var ofSize)) legs.Add(run.Size, ofSize = [.. Legs(target, run.Size)]);
                    var at = ofSize.FindIndex(leg => leg.Timeline == stretch.Timeline);
                    if (at >= 0 && Clip(run, ofSize[at].Numbers) is { } part) yield return (stretch.Timeline, part);
                }
    }

    /// <summary>Which segment numbers of a size are read from which timeline on the way to the target: all numbers, once each.</summary>
    private IEnumerable<(TimelineId Timeline, Run Numbers)> Legs(TimelineId target, WalSegmentSize size)
    {
        var bytes = (uint)size.Bytes;
        foreach (var stretch in HistoryOf(target).Path)
        {
            var first = stretch.Begin.Value / bytes;
            if (stretch.End is not { } end) yield return (stretch.Timeline, new Run(size, first, ulong.MaxValue / bytes));
            else if (end.Value / bytes is var next && next > first) yield return (stretch.Timeline, new Run(size, first, next - 1));
        }
    }

    private TimelineHistory HistoryOf(TimelineId timeline) =>
        _histories.GetValueOrDefault(timeline.Value) ?? TimelineHistory.Root(timeline);

    /// <summary>Runs as long as can be, for each timeline by their start.</summary>
    private static SortedDictionary<uint, List<Run>> Group(IEnumerable<(uint Timeline, Run Run)> pieces)
    {
        var groups = new SortedDictionary<uint, List<Run>>();
        foreach (var (timeline, run) in pieces)
        {
            if (!groups.TryGetValue(timeline, out var runs)) groups.Add(timeline, runs = []);
            runs.Add(run);
        }
        foreach (var timeline in groups.Keys.ToArray()) groups[timeline] = Compress(groups[timeline]);
        return groups;
    }

    private static List<Run> Compress(List<Run> pieces)
    {
        pieces.Sort((a, b) => a.Size == b.Size ? a.First.CompareTo(b.First) : a.Size.Bytes.CompareTo(b.Size.Bytes));
        var runs = new List<Run>();
        foreach (var next in pieces)
        {
            if (runs.Count > 0 && runs[^1].Size == next.Size && next.First <= runs[^1].Last + 1)
                runs[^1] = runs[^1] with { Last = Math.Max(runs[^1].Last, next.Last) };
            else runs.Add(next);
        }
        runs.Sort((a, b) => a.Start == b.Start ? a.Size.Bytes.CompareTo(b.Size.Bytes) : a.Start.CompareTo(b.Start));
        return runs;
    }

    private static IEnumerable<WalGap> Between(TimelineId timeline, List<Run> runs)
    {
        for (var i = 1; i < runs.Count; i++) yield return ToGap(timeline, runs[i - 1], runs[i]);
    }

    private static Run? Clip(Run run, Run to)
    {
        var part = run with { First = Math.Max(run.First, to.First), Last = Math.Min(run.Last, to.Last) };
        return part.First <= part.Last ? part : null;
    }

    private static WalRange ToRange(TimelineId timeline, Run run) =>
        new(timeline, run.Start, run.Name(timeline, run.Last).End, (long)(run.Last - run.First) + 1);

    /// <summary>What is missing behind a run, before the next one; in the run's size, and at least one where the size changed.</summary>
    private static WalGap ToGap(TimelineId timeline, Run before, Run after)
    {
        var (first, isResized) = (before.Last + 1, before.Size != after.Size);
        var last = isResized ? Math.Max(first, (after.Start.Value - 1) / (uint)before.Size.Bytes) : after.First - 1;
        var gap = new WalGap(timeline, before.Name(timeline, first), before.Name(timeline, last));
        return isResized ? gap with { ResizedTo = after.Size } : gap;
    }

    /// <summary>Segment numbers of a size, both ends included.</summary>
    private readonly record struct Run(WalSegmentSize Size, ulong First, ulong Last)
    {
        public Lsn Start => new(First * (uint)Size.Bytes);

        public WalSegmentName Name(TimelineId timeline, ulong number) => new(timeline, number, Size);
    }
}
