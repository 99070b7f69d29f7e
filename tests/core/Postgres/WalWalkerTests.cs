using System.Buffers.Binary;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class WalWalkerTests
{
    private static readonly WalSegmentSize Small = new(1 << 20);

    [Theory]
    [InlineData(24)]
    [InlineData(16)]
    [InlineData(8)]
    public void Reads_a_record_whose_header_starts_just_before_the_end_of_a_page(int left)
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        wal.FillPageUpTo(left);
        var start = wal.AddCommit(77, new PostgresTime(123));
        wal.AddSwitch();
        var summary = wal.Summarise(0);
        var end = Assert.Single(summary.Facts.TransactionEnds.ToArray());
        Assert.Equal((77u, start, new PostgresTime(123)), (end.Xid, end.Start, end.Time));
    }

    [Fact]
    public void Does_not_judge_a_recycled_tail_after_a_switch()
    {
        var junk = new byte[Small.Bytes];
        new Random(1).NextBytes(junk);
        var wal = new SyntheticWal(Small);
        wal.AddFiller(5000);
        var start = wal.AddSwitch(junk);
        var summary = wal.Summarise(0);
        Assert.True(summary.EndsBySwitch);
        Assert.Equal(start + 24, summary.ValidEnd);
        Assert.Equal(start + 24 - summary.Segment.Start, summary.CoveredLength);
    }

    [Fact]
    public void A_record_that_ends_with_the_segment_leaves_no_tail()
    {
        var wal = new SyntheticWal(Small);
        wal.FillSegmentUpTo(56);
        var last = wal.AddFiller(56);
        wal.AddFiller(40);
        wal.FillSegmentUpTo(100 / 8 * 8);
        wal.AddSwitch();
        var (first, second) = (wal.Summarise(0), wal.Summarise(1));
        Assert.Equal((first.Segment.End, last, null), (first.ValidEnd, first.LastRecordStart, first.Tail));
        Assert.Null(second.Head);
        Assert.True(WalStitch.Join(first, second).IsProven);
    }

    [Fact]
    public void Forgets_a_record_that_a_crash_left_open()
    {
        var wal = new SyntheticWal(Small);
        var before = wal.AddFiller(100);
        var lost = wal.AddLost(20_000, keep: wal.LeftOnPage + 8168);
        var overwrite = wal.AddOverwrite(lost);
        wal.AddSwitch();
        var collector = new WalRecordCollector();
        Assert.Equal(3, wal.Summarise(0, collector).RecordCount);
        Assert.Equal([before, overwrite], collector.Records.Take(2).Select(r => r.Start));
        Assert.Equal(before, collector.Records[1].Header.Previous);
    }

    [Fact]
    public void Refuses_to_forget_another_record_than_the_one_left_open()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        var lost = wal.AddLost(20_000, keep: wal.LeftOnPage);
        wal.AddOverwrite(lost + 8);
        wal.AddSwitch();
        Assert.Contains($"overwrites the record at {lost + 8}, expected {lost}", Assert.Throws<WalDamagedException>(() => wal.Summarise(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Says_which_record_of_which_segment_is_damaged()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        var start = wal.AddFiller(100);
        wal.AddSwitch();
        var bytes = wal.Segment(0);
        bytes[start.Value % (uint)Small.Bytes + 50] ^= 1;
        var exception = Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(wal.Name(0), bytes));
        Assert.Matches($"^segment 000000010000000000000001: record at {start}: CRC-32C is [0-9A-F]{{8}}, expected [0-9A-F]{{8}}$", exception.Message);
        Assert.Equal(start, exception.Lsn);
        Assert.IsAssignableFrom<DamagedException>(exception);
    }

    [Fact]
    public void Refuses_a_segment_of_another_cluster()
    {
        var wal = new SyntheticWal(Small);
        wal.AddSwitch();
        var walker = new WalWalker(wal.Name(0), new SystemIdentifier(1));
        AssertForeign(WalForeignReason.OtherCluster, () => walker.Append(wal.Segment(0)));
    }

    [Fact]
    public void Refuses_a_segment_of_another_size_name_or_page_size()
    {
        var wal = new SyntheticWal(Small);
        wal.AddSwitch();
        var bytes = wal.Segment(0);
        AssertForeign(WalForeignReason.OtherSegmentSize, () => SyntheticWal.Summarise(new WalSegmentName(new TimelineId(1), 1, WalSegmentSize.Default), bytes));
        AssertForeign(WalForeignReason.OtherSegment, () => SyntheticWal.Summarise(wal.Name(1), bytes));
        var laterTimeline = new SyntheticWal(Small, timeline: 3);
        laterTimeline.AddSwitch();
        AssertForeign(WalForeignReason.OtherSegment, () => SyntheticWal.Summarise(wal.Name(0), laterTimeline.Segment(0)));
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(36), 16384);
        AssertForeign(WalForeignReason.OtherPageSize, () => SyntheticWal.Summarise(wal.Name(0), bytes));
    }

    [Fact]
    public void Summarises_a_newer_PostgreSQL_without_a_major_version()
    {
        var wal = new SyntheticWal(Small, magic: 0xD120);
        wal.FillSegmentUpTo(48);
        wal.AddFiller(48);
        var summary = wal.Summarise(0);
        Assert.Equal((null, (ushort)0xD120, summary.Segment.End, 0), (summary.Major, summary.PageMagic, summary.ValidEnd, summary.RecordCount));
        var bytes = wal.Segment(0);
        bytes[3 * 8192] ^= 1;
        Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(wal.Name(0), bytes));
    }

    [Fact]
    public void Takes_garbage_for_damage_not_for_a_newer_PostgreSQL()
    {
        var bytes = new byte[Small.Bytes];
        for (var seed = 0; seed < 20; seed++)
        {
            new Random(seed).NextBytes(bytes);
            Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(new WalSegmentName(new TimelineId(1), 1, Small), bytes));
        }
        Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(new WalSegmentName(new TimelineId(1), 1, Small), new byte[Small.Bytes]));
    }

    [Fact]
    public void Refuses_a_timeline_that_falls()
    {
        var wal = new SyntheticWal(Small, timeline: 2);
        wal.AddFiller(9000);
        wal.Timeline = 1;
        wal.AddFiller(9000);
        wal.AddSwitch();
        wal.Timeline = 2;
        Assert.Contains("timeline is 1, expected at least 2", Assert.Throws<WalDamagedException>(() => wal.Summarise(0)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Takes_pages_copied_from_an_older_timeline()
    {
        var wal = new SyntheticWal(Small, timeline: 1);
        wal.AddFiller(9000);
        wal.Timeline = 2;
        wal.AddFiller(9000);
        wal.AddSwitch();
        var summary = wal.Summarise(0);
        Assert.Equal((1u, 2u), (summary.FirstPageTimeline.Value, summary.LastPageTimeline.Value));
    }

    [Fact]
    public void Judges_a_complete_segment_only_when_it_has_all_its_bytes()
    {
        var wal = new SyntheticWal(Small);
        wal.AddSwitch();
        var bytes = wal.Segment(0);
        Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(wal.Name(0), bytes.AsSpan(0, bytes.Length - 1)));
        Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(wal.Name(0), [.. bytes, 0]));
        Assert.Throws<WalDamagedException>(() => SyntheticWal.Summarise(wal.Name(0), []));
    }

    [Fact]
    public void Finds_no_WAL_in_a_partial_segment_that_was_never_written()
    {
        var name = new WalSegmentName(new TimelineId(1), 1, Small);
        foreach (var length in new[] { 0, 1, 23, 8192, Small.Bytes })
        {
            var summary = SyntheticWal.Summarise(name, new byte[length], WalJudgement.UpToLastValidRecord);
            Assert.Equal((0L, null, 0), (summary.CoveredLength, summary.SystemIdentifier, summary.RecordCount));
        }
    }

    [Fact]
    public void Finds_the_xid_of_a_prepared_transaction_behind_everything_else()
    {
        foreach (var (magic, statisticLength) in new[] { (0xD110, 12), (0xD118, 16) })
        {
            var wal = new SyntheticWal(Small, (ushort)magic);
            wal.AddMain(1, 0x30 | 0x80, 900, PreparedCommit(xid: 867, subtransactions: 3, statisticLength));
            wal.AddMain(1, 0x40 | 0x80, 900, PreparedCommit(xid: 868, subtransactions: 20_000, statisticLength));
            wal.AddSwitch();
            var ends = wal.Summarise(0).Facts.TransactionEnds.ToArray();
            Assert.Equal([(867u, WalTransactionEndKind.CommitPrepared, 3), (868u, WalTransactionEndKind.AbortPrepared, 20_000)],
                ends.Select(e => (e.Xid, e.Kind, e.SubtransactionCount)));
        }
    }

    [Fact]
    public void Walks_a_large_segment_and_cuts_its_fragments_at_1_MiB()
    {
        var size = new WalSegmentSize(64 << 20);
        var wal = new SyntheticWal(size, firstSegment: 63);
        wal.AddFiller(100);
        var start = wal.AddFiller(90 << 20);
        wal.AddSwitch();
        var (first, second) = (wal.Summarise(0), wal.Summarise(1));
        Assert.Equal("0000000100000000" + "0000003F", first.Segment.ToString());
        Assert.True(first.Tail!.IsTruncated && second.Head!.IsTruncated);
        Assert.Equal(WalFragment.MaxBytes, first.Tail.Bytes.Length);
        var seam = WalStitch.Join(first, second);
        Assert.Equal((start, (uint)(90 << 20), true), (seam.Crossing!.Start, seam.Crossing.TotalLength, seam.IsProven));
        Assert.Equal(second.Head.End, seam.Crossing.End);
    }

    internal static byte[] PreparedCommit(uint xid, int subtransactions, int statisticLength)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream);
        writer.Write(1234L);
        writer.Write(1 << 0 | 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8);
        writer.Write(new byte[8]);
        foreach (var (count, length) in new[] { (subtransactions, 4), (2, 12), (3, statisticLength), (4, 16) })
        {
            writer.Write(count);
            writer.Write(new byte[count * length]);
        }
        writer.Write(xid);
        return stream.ToArray();
    }

    private static void AssertForeign(WalForeignReason reason, Action action)
    {
        var exception = Assert.Throws<WalForeignException>(action);
        Assert.Equal(reason, exception.Reason);
        Assert.IsAssignableFrom<RefusedException>(exception);
    }
}
