using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>A stretch of one timeline's WAL without a gap: [<paramref name="Start"/>, <paramref name="End"/>).</summary>
/// <param name="Timeline">The timeline in the segments' names.</param>
/// <param name="Start">First byte of the first segment.</param>
/// <param name="End">The byte after the last segment.</param>
/// <param name="SegmentCount">Segments in it.</param>
public readonly record struct WalRange(TimelineId Timeline, Lsn Start, Lsn End, long SegmentCount);

/// <summary>Segments that are missing between others.</summary>
/// <param name="Timeline">The timeline they are missing from.</param>
/// <param name="FirstMissing">The first one.</param>
/// <param name="LastMissing">The last one.</param>
public readonly record struct WalGap(TimelineId Timeline, WalSegmentName FirstMissing, WalSegmentName LastMissing)
{
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
}

/// <summary>
/// Which WAL there is, from its segments' names alone: ranges and gaps for each timeline, and what connects across switches. O(n log n).
/// A path follows PostgreSQL (xlogrecovery.c, XLogFileReadAnyTLI): the segment that holds a switch point is read from the newer timeline, whose
/// first segment begins with a copy of the older one's WAL. What a timeline has from that segment on is a branch: on its own path, on no descendant's.
/// </summary>
public sealed class WalRanges
{
    private readonly SortedDictionary<uint, List<Run>> _runs;
    private readonly Dictionary<uint, TimelineHistory> _histories = [];
    private readonly WalSegmentSize _size;

    /// <summary>Computes the ranges.</summary>
    /// <param name="segments">In any order; repeats count once.</param>
    /// <param name="histories">At most one for each timeline; a timeline without one is taken to have no ancestors, as PostgreSQL does.</param>
    /// <param name="size">The segment size of all of them.</param>
    /// <exception cref="ArgumentException">A segment of another size, or two histories of one timeline.</exception>
    public WalRanges(IEnumerable<WalSegmentName> segments, IEnumerable<TimelineHistory> histories, WalSegmentSize size)
        : this(Compress(Group(segments, size)), histories, size)
    {
    }

    private WalRanges(SortedDictionary<uint, List<Run>> runs, IEnumerable<TimelineHistory> histories, WalSegmentSize size)
    {
        (_runs, _size) = (runs, size);
        foreach (var history in histories)
            if (!_histories.TryAdd(history.Timeline.Value, history))
                throw new ArgumentException($"timeline {history.Timeline} has two histories", nameof(histories));
        Ranges = [.. _runs.SelectMany(of => of.Value.Select(run => ToRange(new TimelineId(of.Key), run)))];
        Gaps = [.. _runs.SelectMany(of => Between(new TimelineId(of.Key), of.Value))];
    }

    /// <summary>As the constructor, from ranges instead of single segments: a million names need not be in memory at once.</summary>
    /// <param name="ranges">In any order; those that touch or overlap become one.</param>
    /// <param name="histories">As for the constructor.</param>
    /// <param name="size">The segment size of all of them.</param>
    public static WalRanges FromRanges(IEnumerable<WalRange> ranges, IEnumerable<TimelineHistory> histories, WalSegmentSize size)
    {
        var runs = new SortedDictionary<uint, List<Run>>();
        foreach (var range in ranges.OrderBy(range => range.Start.Value))
        {
            if (!runs.TryGetValue(range.Timeline.Value, out var of)) runs.Add(range.Timeline.Value, of = []);
            var first = range.Start.Value / (uint)size.Bytes;
            Extend(of, new Run(first, first + (ulong)range.SegmentCount - 1));
        }

        return new WalRanges(runs, histories, size);
    }

    /// <summary>The ranges of each timeline, by timeline, then start; as long as can be, so two of a timeline never touch.</summary>
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
            if (end is not null && end != leg.Start)
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
        var legs = Legs(target).ToArray();
        var leg = 0;
        ulong? missing = null;
        foreach (var (_, run) in Along(target))
        {
            for (var first = missing ?? run.First; first < run.First; leg++)
                if (Clip(new Run(first, run.First - 1), legs[leg].Numbers) is { } gap)
                {
                    gaps.Add(ToGap(legs[leg].Timeline, gap));
                    if ((first = gap.Last + 1) == run.First) break;
                }

            missing = run.Last + 1;
        }

        return gaps;
    }

    /// <summary>Segments of the way to a timeline, first to last.</summary>
    private IEnumerable<(TimelineId Timeline, Run Run)> Along(TimelineId target)
    {
        foreach (var (timeline, leg) in Legs(target))
            if (_runs.TryGetValue(timeline.Value, out var runs))
                foreach (var run in runs)
                    if (Clip(run, leg) is { } part) yield return (timeline, part);
    }

    /// <summary>Which segment numbers are read from which timeline on the way to the target: all numbers, once each.</summary>
    private IEnumerable<(TimelineId Timeline, Run Numbers)> Legs(TimelineId target)
    {
        var bytes = (uint)_size.Bytes;
        var history = _histories.GetValueOrDefault(target.Value) ?? TimelineHistory.Root(target);
        foreach (var stretch in history.Path)
        {
            var first = stretch.Begin.Value / bytes;
            if (stretch.End is not { } end) yield return (stretch.Timeline, new Run(first, ulong.MaxValue / bytes));
            else if (end.Value / bytes is var next && next > first) yield return (stretch.Timeline, new Run(first, next - 1));
        }
    }

    private static SortedDictionary<uint, List<ulong>> Group(IEnumerable<WalSegmentName> segments, WalSegmentSize size)
    {
        var groups = new SortedDictionary<uint, List<ulong>>();
        foreach (var segment in segments)
        {
            if (segment.Size != size) throw new ArgumentException($"{segment} is a segment of {segment.Size}, expected {size}", nameof(segments));
            if (!groups.TryGetValue(segment.Timeline.Value, out var numbers)) groups.Add(segment.Timeline.Value, numbers = []);
            numbers.Add(segment.Number);
        }

        return groups;
    }

    private static SortedDictionary<uint, List<Run>> Compress(SortedDictionary<uint, List<ulong>> groups)
    {
        var compressed = new SortedDictionary<uint, List<Run>>();
        foreach (var (timeline, numbers) in groups)
        {
            numbers.Sort();
            var runs = new List<Run>();
            foreach (var number in numbers) Extend(runs, new Run(number, number));
            compressed.Add(timeline, runs);
        }

        return compressed;
    }

    /// <summary>Adds a run that starts no earlier than the last one.</summary>
    private static void Extend(List<Run> runs, Run next)
    {
        if (runs.Count > 0 && next.First <= runs[^1].Last + 1) runs[^1] = runs[^1] with { Last = Math.Max(runs[^1].Last, next.Last) };
        else runs.Add(next);
    }

    private IEnumerable<WalGap> Between(TimelineId timeline, List<Run> runs)
    {
        for (var i = 1; i < runs.Count; i++) yield return ToGap(timeline, new Run(runs[i - 1].Last + 1, runs[i].First - 1));
    }

    private static Run? Clip(Run run, Run to)
    {
        var part = new Run(Math.Max(run.First, to.First), Math.Min(run.Last, to.Last));
        return part.First <= part.Last ? part : null;
    }

    private WalRange ToRange(TimelineId timeline, Run run) =>
        new(timeline, new Lsn(run.First * (uint)_size.Bytes), new WalSegmentName(timeline, run.Last, _size).End, (long)(run.Last - run.First) + 1);

    private WalGap ToGap(TimelineId timeline, Run run) =>
        new(timeline, new WalSegmentName(timeline, run.First, _size), new WalSegmentName(timeline, run.Last, _size));

    /// <summary>Segment numbers, both ends included.</summary>
    private readonly record struct Run(ulong First, ulong Last);
}
