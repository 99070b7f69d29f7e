using CsCheck;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Continuity;

public class WalRangesTests
{
    private static readonly WalSegmentSize Size = new(1 << 20);

    private static readonly Gen<WalSegmentName[]> AnySegments = Gen.Select(Gen.UInt[1, 4], Gen.ULong[0, 40]).Select(Segment).Array[0, 80];

    /// <summary>Histories of timelines 2 to 4, each leaving the one before (or 1) somewhere within the segments above.</summary>
    private static readonly Gen<TimelineHistory[]> AnyHistories = Gen.Select(Gen.ULong[1, 41 << 20].Array[3], Gen.Bool.Array[3]).Select((points, direct) =>
    {
        Array.Sort(points);
        var histories = new List<TimelineHistory>();
        IReadOnlyList<TimelineSwitch> before = [];
        for (uint timeline = 2; timeline <= 4; timeline++)
        {
            var parent = direct[timeline - 2] ? 1 : timeline - 1;
            var kept = before.Where(line => line.Parent.Value < parent);
            before = [.. kept, new TimelineSwitch(new TimelineId(parent), new Lsn(points[timeline - 2]), "")];
            histories.Add(TimelineHistory.Create(new TimelineId(timeline), before));
        }

        return histories.ToArray();
    });

    [Fact]
    public void Nothing_has_no_ranges()
    {
        var ranges = new WalRanges([], []);
        Assert.Empty(ranges.Ranges);
        Assert.Empty(ranges.Gaps);
        Assert.Empty(ranges.PathsTo(new TimelineId(1)));
        Assert.Empty(ranges.GapsTo(new TimelineId(1)));
    }

    [Fact]
    public void A_missing_segment_splits_a_timeline()
    {
        var ranges = new WalRanges([Segment(1, 2), Segment(1, 3), Segment(1, 6)], []);
        Assert.Equal([Range(1, 2, 4), Range(1, 6, 7)], ranges.Ranges);
        Assert.Equal([new WalGap(new TimelineId(1), Segment(1, 4), Segment(1, 5))], ranges.Gaps);
        Assert.Equal(2, ranges.Gaps[0].SegmentCount);
    }

    [Fact]
    public void A_boundary_between_4_GiB_parts_is_no_gap()
    {
        var ranges = new WalRanges([Segment(1, 4095), Segment(1, 4096)], []);
        Assert.Equal([Range(1, 4095, 4097)], ranges.Ranges);
    }

    [Fact]
    public void The_segment_with_the_switch_point_is_read_from_the_newer_timeline()
    {
        // Timeline 2 left 1 in the middle of segment 3; timeline 1 went on to 5.
        var ranges = new WalRanges(Segments(1, 1, 5).Concat(Segments(2, 3, 6)), [History(2, (1, 3, 4096))]);
        var path = Assert.Single(ranges.PathsTo(new TimelineId(2)));
        Assert.Equal([Range(1, 1, 3), Range(2, 3, 7)], path.Legs);
        Assert.Equal((Lsn.Parse("0/100000"), Lsn.Parse("0/700000")), (path.Start, path.End));
        Assert.Empty(ranges.GapsTo(new TimelineId(2)));
    }

    [Fact]
    public void What_a_timeline_has_after_its_end_is_a_branch_on_its_own_path_only()
    {
        var ranges = new WalRanges(Segments(1, 1, 5).Concat(Segments(2, 3, 6)), [History(2, (1, 3, 4096))]);
        Assert.Equal([Range(1, 1, 6)], Assert.Single(ranges.PathsTo(new TimelineId(1))).Legs);
    }

    [Fact]
    public void A_switch_at_a_boundary_leaves_the_segment_before_to_the_older_timeline()
    {
        var ranges = new WalRanges(Segments(1, 1, 2).Concat(Segments(2, 3, 4)), [History(2, (1, 3, 0))]);
        Assert.Equal([Range(1, 1, 3), Range(2, 3, 5)], Assert.Single(ranges.PathsTo(new TimelineId(2))).Legs);
    }

    [Fact]
    public void What_is_missing_at_a_switch_is_a_gap_of_both_timelines()
    {
        var ranges = new WalRanges(Segments(1, 1, 2).Concat(Segments(2, 7, 8)), [History(2, (1, 5, 4096))]);
        Assert.Empty(ranges.Gaps);
        Assert.Equal([new WalGap(new TimelineId(1), Segment(1, 3), Segment(1, 4)), new WalGap(new TimelineId(2), Segment(2, 5), Segment(2, 6))],
            ranges.GapsTo(new TimelineId(2)));
        Assert.Equal(2, ranges.PathsTo(new TimelineId(2)).Count);
    }

    [Fact]
    public void Of_several_switches_in_one_segment_the_newest_timeline_has_it()
    {
        var history = History(4, (1, 3, 8), (2, 3, 16), (3, 3, 24));
        var ranges = new WalRanges([Segment(1, 2), Segment(1, 3), Segment(2, 3), Segment(3, 3), Segment(4, 3)], [history]);
        Assert.Equal([Range(1, 2, 3), Range(4, 3, 4)], Assert.Single(ranges.PathsTo(new TimelineId(4))).Legs);
    }

    [Fact]
    public void A_timeline_without_a_history_stands_alone()
    {
        var ranges = new WalRanges(Segments(1, 1, 2).Concat(Segments(2, 3, 4)), []);
        Assert.Equal([Range(2, 3, 5)], Assert.Single(ranges.PathsTo(new TimelineId(2))).Legs);
    }

    // pg_resetwal --wal-segsize=4 after segment 9, and another one that leaves no byte between.
    [Theory]
    [InlineData(3u, 10u, 11u)]
    [InlineData(4u, 10u, 15u)]
    public void Stretches_of_two_segment_sizes_never_join_even_where_they_touch(uint firstLarge, uint firstMissing, uint lastMissing)
    {
        var large = new WalSegmentSize(4 << 20);
        var first = new WalSegmentName(new TimelineId(1), firstLarge, large);
        var ranges = new WalRanges(Segments(1, 2, 9).Append(first).Append(first.Next), []);
        WalRange[] expected = [Range(1, 2, 10), new WalRange(first.Timeline, first.Start, first.Next.End, 2)];
        Assert.Equal(expected, ranges.Ranges);
        Assert.Equal(expected, ranges.PathsTo(new TimelineId(1)).Select(path => Assert.Single(path.Legs)));
        var gap = new WalGap(new TimelineId(1), Segment(1, firstMissing), Segment(1, lastMissing)) { ResizedTo = large };
        Assert.Equal([gap], ranges.Gaps);
        Assert.Equal([gap], ranges.GapsTo(new TimelineId(1)));
        Assert.Equal(expected, WalRanges.FromRanges(ranges.Ranges.Reverse(), []).Ranges);
    }

    [Fact]
    public void A_change_of_size_without_a_byte_between_is_one_segment_that_recovery_would_ask_for()
    {
        var large = new WalSegmentName(new TimelineId(1), 2, new WalSegmentSize(4 << 20));
        var gap = Assert.Single(new WalRanges(Segments(1, 2, 7).Append(large), []).GapsTo(new TimelineId(1)));
        Assert.Equal((Segment(1, 8), Segment(1, 8), 1L), (gap.FirstMissing, gap.LastMissing, gap.SegmentCount));
    }

    [Fact]
    public void Refuses_two_histories_of_a_timeline()
    {
        Assert.Throws<ArgumentException>(() => new WalRanges([], [History(2, (1, 3, 0)), History(2, (1, 4, 0))]));
    }

    [Fact]
    public void Ranges_and_gaps_partition_the_span_of_each_timeline() => AnySegments.Sample(segments =>
    {
        var ranges = new WalRanges(segments, []);
        foreach (var timeline in segments.GroupBy(segment => segment.Timeline))
        {
            var present = ranges.Ranges.Where(range => range.Timeline == timeline.Key).SelectMany(Numbers).ToArray();
            var missing = ranges.Gaps.Where(gap => gap.Timeline == timeline.Key).SelectMany(Numbers).ToArray();
            Assert.Equal(timeline.Select(segment => segment.Number).Distinct().Order(), present);
            Assert.Equal(Span(present), present.Concat(missing).Order());
        }

        Assert.Equal(segments.Distinct().Count(), ranges.Ranges.Sum(range => range.SegmentCount));
    });

    [Fact]
    public void Ranges_of_a_timeline_never_touch() => AnySegments.Sample(segments =>
    {
        var ranges = new WalRanges(segments, []).Ranges;
        return ranges.Zip(ranges.Skip(1)).All(pair => pair.First.Timeline != pair.Second.Timeline || pair.First.End < pair.Second.Start);
    });

    [Fact]
    public void Order_and_repeats_do_not_matter() => Gen.Select(AnySegments, AnyHistories, Gen.Int).Sample((segments, histories, seed) =>
    {
        var shuffled = segments.Concat(segments.Take(5)).ToArray();
        new Random(seed).Shuffle(shuffled);
        var (left, right) = (new WalRanges(segments, histories), new WalRanges(shuffled, histories.Reverse()));
        Assert.Equal(left.Ranges, right.Ranges);
        Assert.Equal(left.Gaps, right.Gaps);
        for (uint timeline = 1; timeline <= 5; timeline++)
        {
            Assert.Equal(left.GapsTo(new TimelineId(timeline)), right.GapsTo(new TimelineId(timeline)));
            Assert.Equal(left.PathsTo(new TimelineId(timeline)).SelectMany(path => path.Legs), right.PathsTo(new TimelineId(timeline)).SelectMany(path => path.Legs));
        }
    });

    [Fact]
    public void Paths_and_their_gaps_partition_the_way_to_a_timeline() => Gen.Select(AnySegments, AnyHistories, Gen.UInt[1, 4]).Sample((segments, histories, timeline) =>
    {
        var target = new TimelineId(timeline);
        var ranges = new WalRanges(segments, histories);
        var history = histories.FirstOrDefault(history => history.Timeline == target) ?? TimelineHistory.Root(target);

        // The same, segment by segment: the newest timeline that begins in or before it.
        var expected = segments.Distinct().Where(segment => Owner(history, segment.Number) == segment.Timeline).Select(segment => segment.Number).Order().ToArray();
        Assert.Equal(expected, ranges.PathsTo(target).SelectMany(path => path.Legs).SelectMany(Numbers));
        var gaps = ranges.GapsTo(target);
        Assert.All(gaps, gap => Assert.All(Numbers(gap), number => Assert.Equal(Owner(history, number), gap.Timeline)));
        Assert.Equal(Span(expected), expected.Concat(gaps.SelectMany(Numbers)).Order());
        foreach (var path in ranges.PathsTo(target)) Assert.All(path.Legs.Zip(path.Legs.Skip(1)), pair => Assert.Equal(pair.First.End, pair.Second.Start));
    });

    [Fact]
    public void A_million_segments_with_a_gap_after_each_are_no_trouble()
    {
        var segments = Enumerable.Range(0, 1_000_000).Select(i => Segment(i % 2 == 0 ? 1u : 2u, (ulong)(1_000_000 - i) * 2));
        var ranges = new WalRanges(segments, [History(2, (1, 1_000_000, 0))]);
        Assert.Equal((1_000_000, 999_998), (ranges.Ranges.Count, ranges.Gaps.Count));
        Assert.InRange(ranges.PathsTo(new TimelineId(2)).Count, 499_000, 501_000);
        Assert.InRange(ranges.GapsTo(new TimelineId(2)).Count, 499_000, 501_000);
    }

    private static TimelineId Owner(TimelineHistory history, ulong number) =>
        history.Path.Last(stretch => stretch.Begin.Value / (uint)Size.Bytes <= number).Timeline;

    private static IEnumerable<ulong> Span(ulong[] numbers) =>
        numbers.Length == 0 ? [] : Enumerable.Range((int)numbers[0], (int)(numbers[^1] - numbers[0]) + 1).Select(number => (ulong)number);

    private static IEnumerable<ulong> Numbers(WalRange range) =>
        Enumerable.Range((int)(range.Start.Value >> 20), (int)range.SegmentCount).Select(number => (ulong)number);

    private static IEnumerable<ulong> Numbers(WalGap gap) =>
        Enumerable.Range((int)gap.FirstMissing.Number, (int)gap.SegmentCount).Select(number => (ulong)number);

    private static WalSegmentName Segment(uint timeline, ulong number) => new(new TimelineId(timeline), number, Size);

    private static IEnumerable<WalSegmentName> Segments(uint timeline, ulong first, ulong last)
    {
        for (var number = first; number <= last; number++) yield return Segment(timeline, number);
    }

    private static WalRange Range(uint timeline, ulong first, ulong end) =>
        new(new TimelineId(timeline), new Lsn(first << 20), new Lsn(end << 20), (long)(end - first));

    private static TimelineHistory History(uint timeline, params (uint Parent, ulong Segment, ulong Offset)[] switches) =>
        TimelineHistory.Create(new TimelineId(timeline), switches.Select(line => new TimelineSwitch(new TimelineId(line.Parent), new Lsn((line.Segment << 20) + line.Offset), "")));
}
