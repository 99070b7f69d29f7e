using CsCheck;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Tests.Core.Postgres;

namespace Holdfast.Tests.Core.Continuity;

public class WalChainVerifierTests
{
    public static TheoryData<int> Majors => GoldenWal.Majors;

    [Theory]
    [MemberData(nameof(Majors))]
    public void A_real_archive_is_whole_across_its_switch(int major)
    {
        var archive = Archive.Of(major);
        var verifier = archive.Verify(archive.Segments);
        Assert.Empty(verifier.Breaks);
        Assert.True(verifier.IsWhole);
        Assert.Equal(archive.Segments.Length, verifier.SegmentCount);
        // Every segment but the first carries on another one, the first of timeline 2 among them.
        Assert.Equal(archive.Segments.Length - 1, verifier.SeamCount);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void Whatever_is_missing_is_one_gap_of_exactly_that(int major)
    {
        var archive = Archive.Of(major);
        var inside = archive.Segments.Count(segment => segment.Segment.Timeline.Value == 1);
        Gen.Select(Gen.Int[1, inside - 1], Gen.Int[1, inside - 1]).Sample((a, b) =>
        {
            var (from, to) = (Math.Min(a, b), Math.Max(a, b));
            var verifier = archive.Verify([.. archive.Segments[..from], .. archive.Segments[(to + 1)..]]);
            var gap = Assert.Single(verifier.Breaks);
            Assert.Equal((WalBreakKind.Gap, archive.Segments[from].Segment, archive.Segments[to].Segment), (gap.Kind, gap.First, gap.Last));
        }, iter: 40, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void A_segment_that_cannot_be_used_is_one_break_and_the_chain_goes_on_behind_it(int major)
    {
        var archive = Archive.Of(major);
        Gen.Int[0, archive.Segments.Length - 1].Sample(at =>
        {
            var verifier = new WalChainVerifier([archive.Joint]);
            for (var i = 0; i < archive.Segments.Length; i++)
            {
                if (i == at) verifier.AddUnusable(archive.Segments[i].Segment, "damaged");
                else verifier.Add(archive.Segments[i]);
            }
            var found = Assert.Single(verifier.Breaks);
            Assert.Equal((WalBreakKind.Unusable, archive.Segments[at].Segment), (found.Kind, found.First));
        }, iter: 40, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void A_segment_under_another_ones_name_breaks_the_chain_there(int major)
    {
        var archive = Archive.Of(major);
        var inside = archive.Segments.Count(segment => segment.Segment.Timeline.Value == 1);
        Gen.Select(Gen.Int[1, inside - 1], Gen.Int[0, inside - 1]).Where((at, from) => at != from).Sample((at, from) =>
        {
            var swapped = archive.Segments.ToArray();
            swapped[at] = Renamed(archive.Segments[from], archive.Segments[at].Segment);
            Assert.Contains(archive.Verify(swapped).Breaks, found => found.Kind == WalBreakKind.Seam && found.First == archive.Segments[at].Segment);
        }, iter: 40, threads: 1);
    }

    [Fact]
    public void A_change_of_segment_size_is_one_break_and_the_chain_starts_anew_behind_it()
    {
        var (small, large) = (new SyntheticWal(new WalSegmentSize(1 << 20)), new SyntheticWal(new WalSegmentSize(2 << 20), firstSegment: 2));
        while (small.Position < small.Name(3).Start) small.AddFiller(3000);
        while (large.Position < large.Name(2).Start) large.AddFiller(3000);
        var verifier = new WalChainVerifier([]);
        foreach (var summary in (WalSegmentSummary[])[small.Summarise(0), small.Summarise(1), small.Summarise(2), large.Summarise(0), large.Summarise(1)])
            verifier.Add(summary);
        var found = Assert.Single(verifier.Breaks); // it touches: 0/400000 on both sides
        Assert.Equal((WalBreakKind.Gap, small.Name(3), small.Name(3), 3L), (found.Kind, found.First, found.Last, verifier.SeamCount));
        Assert.Contains("pg_resetwal", found.Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void Segments_of_another_cluster_do_not_join()
    {
        var (one, other) = (Archive.Of(17), Archive.Of(18));
        var at = one.Segments[3].Segment;
        var foreign = other.Segments.First(segment => segment.Segment.Number == at.Number);
        var verifier = one.Verify([.. one.Segments[..3], foreign, .. one.Segments[4..]]);
        Assert.Equal([at, at.Next], verifier.Breaks.Select(found => found.First));
        Assert.Contains("system identifier", verifier.Breaks[0].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void The_end_of_the_older_timeline_is_missed_at_the_switch()
    {
        var archive = Archive.Of(17);
        var last = archive.Segments.Last(segment => segment.Segment.Timeline.Value == 1).Segment;
        var gap = Assert.Single(archive.Verify(archive.Segments.Where(segment => segment.Segment != last)).Breaks);
        Assert.Equal((WalBreakKind.Gap, last, last), (gap.Kind, gap.First, gap.Last));
    }

    [Fact]
    public void The_beginning_of_the_newer_timeline_is_missed_at_the_switch()
    {
        var archive = Archive.Of(17);
        var gap = Assert.Single(archive.Verify(archive.Segments.Where(segment => segment.Segment != archive.Joint.After)).Breaks);
        Assert.Equal((WalBreakKind.Gap, archive.Joint.After, archive.Joint.After), (gap.Kind, gap.First, gap.Last));
    }

    [Fact]
    public void An_archive_may_begin_on_the_newer_timeline()
    {
        var archive = Archive.Of(17);
        Assert.Empty(archive.Verify(archive.Segments.Where(segment => segment.Segment.Timeline.Value == 2)).Breaks);
    }

    [Fact]
    public void Segments_out_of_order_are_a_fault_of_the_caller()
    {
        var archive = Archive.Of(17);
        var verifier = archive.Verify(archive.Segments[..2]);
        Assert.Throws<ArgumentException>(() => verifier.Add(archive.Segments[0]));
    }

    private static WalSegmentSummary Renamed(WalSegmentSummary of, WalSegmentName name) => new()
    {
        Segment = name,
        PageMagic = of.PageMagic,
        Major = of.Major,
        SystemIdentifier = of.SystemIdentifier,
        FirstPageTimeline = of.FirstPageTimeline,
        LastPageTimeline = of.LastPageTimeline,
        ValidEnd = name.Start + of.CoveredLength,
        EndsBySwitch = of.EndsBySwitch,
        FirstRecordStart = of.FirstRecordStart,
        FirstRecordPrevious = of.FirstRecordPrevious,
        LastRecordStart = of.LastRecordStart,
        LastRecordEnd = of.LastRecordEnd,
        RecordCount = of.RecordCount,
        Head = of.Head,
        Tail = of.Tail,
        OverwrittenRecord = of.OverwrittenRecord,
        Facts = of.Facts,
    };

    /// <summary>The golden archive of one major, walked once.</summary>
    private sealed record Archive(WalSegmentSummary[] Segments, WalJoint Joint)
    {
        private static readonly Dictionary<int, Archive> Walked = [];

        public static Archive Of(int major)
        {
            lock (Walked)
            {
                if (!Walked.TryGetValue(major, out var archive)) Walked.Add(major, archive = Walk(GoldenWal.Open(major)));
                return archive;
            }
        }

        public WalChainVerifier Verify(IEnumerable<WalSegmentSummary> segments)
        {
            var verifier = new WalChainVerifier([Joint]);
            foreach (var segment in segments) verifier.Add(segment);
            return verifier;
        }

        private static Archive Walk(GoldenWal golden)
        {
            var history = TimelineHistory.Parse(new TimelineId(2), golden["wal/00000002.history"]);
            return new Archive([.. golden.Segments(1).Concat(golden.Segments(2)).Select(segment =>
            {
                var walker = new WalWalker(segment.Name, golden.SystemIdentifier, WalJudgement.Complete);
                walker.Append(segment.Bytes);
                return walker.Finish();
            })], WalJoint.Of(history, golden.SegmentSize)!.Value);
        }
    }
}
