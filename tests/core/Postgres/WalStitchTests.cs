using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class WalStitchTests
{
    private static readonly WalSegmentSize Small = new(1 << 20);

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    public void Yields_the_commit_whose_record_crosses_the_seam(int left)
    {
        var wal = new SyntheticWal(Small);
        var before = wal.AddFiller(100);
        wal.FillSegmentUpTo(left);
        var start = wal.AddCommit(77, new PostgresTime(123));
        var after = wal.AddFiller(64);
        wal.AddSwitch();
        var (first, second) = (wal.Summarise(0), wal.Summarise(1));
        Assert.Equal(left, first.Tail!.Length);
        Assert.Equal((34L - left, first.Segment.End), (second.Head!.Length, first.ValidEnd));
        Assert.Equal((after, start), (second.FirstRecordStart, second.FirstRecordPrevious));
        var seam = WalStitch.Join(first, second);
        Assert.True(seam.IsProven);
        Assert.Equal((start, second.Head.End), (seam.Crossing!.Start, seam.Crossing.End));
        Assert.Equal(77u, Assert.Single(seam.Crossing.Facts.TransactionEnds.ToArray()).Xid);
        Assert.NotEqual(before, seam.Crossing.Start);
    }

    [Theory]
    [InlineData(8)]
    [InlineData(16)]
    public void Takes_a_switch_record_that_crosses_the_seam(int left)
    {
        var wal = new SyntheticWal(Small);
        wal.FillSegmentUpTo(left);
        var start = wal.AddSwitch();
        var next = wal.AddFiller(64);
        wal.AddSwitch();
        var (first, second, third) = (wal.Summarise(0), wal.Summarise(1), wal.Summarise(2));
        Assert.Equal((true, 0, second.Head!.End), (second.EndsBySwitch, second.RecordCount, second.ValidEnd));
        var seam = WalStitch.Join(first, second);
        Assert.Equal(start, seam.Crossing!.Start);
        Assert.Equal((next, start), (third.FirstRecordStart, third.FirstRecordPrevious));
        Assert.True(WalStitch.Join(seam.End, third).IsProven);
    }

    [Fact]
    public void Does_not_take_the_end_of_another_record_for_a_switch()
    {
        var wal = new SyntheticWal(Small);
        wal.FillSegmentUpTo(24);
        wal.Add(0, 0x20, 0, [255, 6, 0x40, 0, 0, 0, 0, 0]);
        var second = SyntheticWal.Summarise(wal.Name(1), wal.Segment(1), WalJudgement.UpToLastValidRecord);
        var complete = wal.Summarise(0);
        Assert.Null(WalStitch.Join(complete, second).Crossing!.Facts.MinTime);
        var forged = new SyntheticWal(Small);
        forged.FillSegmentUpTo(24);
        forged.Add(0, 0x20, 0, [0x40, 0, 0, 0, 0, 0, 0, 0]);
        var exception = Assert.Throws<WalDamagedException>(() => WalStitch.Join(forged.Summarise(0), forged.Summarise(1)));
        Assert.Contains("is no switch, but WAL ends after it", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Joins_a_record_that_spans_four_segments()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        wal.FillSegmentUpTo(8);
        var start = wal.AddMain(1, 0x30 | 0x80, 900, WalWalkerTests.PreparedCommit(xid: 867, subtransactions: 600_000, statisticLength: 16));
        wal.AddFiller(64);
        wal.AddSwitch();
        var summaries = Enumerable.Range(0, 4).Select(i => wal.Summarise(i)).ToList();
        Assert.All(summaries[1..3], s => Assert.Equal((0, s.Segment.End, Lsn.Invalid), (s.RecordCount, s.ValidEnd, s.FirstRecordStart)));
        var seam = WalStitch.Join(summaries[0], summaries[1]);
        Assert.Null(seam.Crossing);
        seam = WalStitch.Join(seam.End, summaries[2]);
        Assert.Null(seam.Crossing);
        seam = WalStitch.Join(seam.End, summaries[3]);
        Assert.True(seam.IsProven);
        var end = Assert.Single(seam.Crossing!.Facts.TransactionEnds.ToArray());
        Assert.Equal((867u, 600_000, start, seam.Crossing.End), (end.Xid, end.SubtransactionCount, end.Start, end.End));
        Assert.False(WalStitch.Join(WalStitch.Join(summaries[1], summaries[2]).End, summaries[3]).IsProven);
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(summaries[0], summaries[3]));
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(WalStitch.Join(summaries[0], summaries[1]).End, summaries[3]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(8168)]
    public void Discards_a_record_that_a_crash_left_open_at_the_seam(int pagesBeyond)
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        wal.FillSegmentUpTo(48);
        var beyond = pagesBeyond == 0 ? 0 : 8152;
        var lost = wal.AddLost(20_000, keep: 48 + beyond);
        wal.AddOverwrite(lost);
        wal.AddSwitch();
        var (first, second) = (wal.Summarise(0), wal.Summarise(1));
        Assert.Equal((lost, lost), (first.Tail!.Start, second.OverwrittenRecord));
        var seam = WalStitch.Join(first, second);
        Assert.Equal((lost, true, null), (seam.Discarded, seam.IsProven, seam.Crossing));
    }

    [Fact]
    public void Refuses_to_discard_another_record_or_none()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        wal.FillSegmentUpTo(48);
        var lost = wal.AddLost(20_000, keep: 48);
        wal.AddOverwrite(lost + -48);
        wal.AddSwitch();
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(wal.Summarise(0), wal.Summarise(1)));
    }

    [Fact]
    public void Refuses_segments_that_are_not_neighbours_of_one_history()
    {
        var wal = new SyntheticWal(Small);
        wal.FillSegmentUpTo(48);
        wal.AddFiller(2000);
        wal.FillSegmentUpTo(48);
        wal.AddFiller(2000);
        wal.AddSwitch();
        var other = new SyntheticWal(Small);
        other.FillSegmentUpTo(48);
        other.AddFiller(2024);
        other.FillSegmentUpTo(48);
        other.AddFiller(48);
        var (a, b, c) = (wal.Summarise(0), wal.Summarise(1), wal.Summarise(2));
        Assert.True(WalStitch.Join(WalStitch.Join(a, b).End, c).IsProven);
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(a, c));
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(b, a));
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(a, a));
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(a, other.Summarise(1)));
        Assert.Throws<WalDamagedException>(() => WalStitch.Join(other.Summarise(1), c));
    }

    [Fact]
    public void Refuses_to_go_on_after_a_partial_segment_that_ends_early()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        var partial = SyntheticWal.Summarise(wal.Name(0), wal.Segment(0), WalJudgement.UpToLastValidRecord);
        wal.AddSwitch();
        wal.AddFiller(100);
        wal.AddSwitch();
        var exception = Assert.Throws<WalDamagedException>(() => WalStitch.Join(partial, wal.Summarise(1)));
        Assert.Contains($"WAL before it ends at {partial.ValidEnd}", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Every_flipped_bit_of_a_crossing_record_is_found()
    {
        var wal = new SyntheticWal(Small);
        wal.FillSegmentUpTo(48);
        wal.AddFiller(101);
        wal.AddSwitch();
        var (first, second) = (wal.Segment(0), wal.Segment(1));
        var (before, after) = (wal.Summarise(0), wal.Summarise(1));
        for (var bit = 0; bit < 8 * 101; bit++)
        {
            var isTail = bit / 8 < 48;
            var (bytes, at) = isTail ? (first, Small.Bytes - 48 + bit / 8) : (second, 40 + bit / 8 - 48);
            bytes[at] ^= (byte)(1 << bit % 8);
            Assert.Throws<WalDamagedException>(() => isTail
                ? WalStitch.Join(SyntheticWal.Summarise(wal.Name(0), bytes), after)
                : WalStitch.Join(before, SyntheticWal.Summarise(wal.Name(1), bytes)));
            bytes[at] ^= (byte)(1 << bit % 8);
        }
    }
}
