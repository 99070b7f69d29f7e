using Google.Protobuf;
using Holdfast.Core.Digests;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>The index of a segment is bounded, whatever the WAL holds; what it leaves out one by one, a search still finds the place of.</summary>
public sealed class WalFactRunTests
{
    private const int Extra = 200_000;

    private static readonly PostgresTime Begin = new(800_000_000_000_000);

    /// <summary>A commit each microsecond, of transactions from 1 on: more of them than are told one by one.</summary>
    private static readonly Lazy<WalSegmentSummary> Commits = new(() => Fill(32, (wal, i) => wal.AddCommit((uint)i, Begin.Plus(i)), WalFacts.MaxTransactionEnds + Extra));

    [Fact]
    public void A_segment_of_tiny_commits_has_a_bounded_index_that_counts_each()
    {
        var facts = Commits.Value.Facts;
        Assert.Equal(WalFacts.MaxTransactionEnds, facts.TransactionEnds.Length);
        Assert.InRange(facts.Runs.Count, 1, WalFacts.MaxRuns);
        Assert.Equal(Extra, facts.Runs.Sum(run => run.Ends));
        Assert.Equal((uint)(WalFacts.MaxTransactionEnds + Extra), facts.LastEnd!.Value.Xid);
        Assert.Equal(Commits.Value.LastRecordStart, facts.Runs[^1].End);
        Assert.All(facts.Runs.Zip(facts.Runs.Skip(1)), pair => Assert.True(pair.First.End <= pair.Second.Start && pair.First.MaxXid + 1 == pair.Second.MinXid));
        Assert.True(facts.TransactionEnds.Span[^1].End <= facts.Runs[0].Start);
        Survives(Commits.Value);
    }

    [Fact]
    public void Runs_are_merged_when_there_are_too_many()
    {
        var runs = new WalFactRuns();
        const int Records = 5_000_000;
        for (var i = 1; i <= Records; i++)
            runs.Add(new WalFactRun(new Lsn((ulong)i * 40), new Lsn((ulong)i * 40 + 40), 1, 0, Begin.Plus(i), Begin.Plus(i), (uint)i, (uint)i, i == 4_000_000));
        Assert.InRange(runs.All.Count, WalFacts.MaxRuns / 2, WalFacts.MaxRuns);
        Assert.Equal(Records, runs.All.Sum(run => run.Ends));
        Assert.InRange(runs.All.Max(run => run.Ends), 1, 1024);
        Assert.Equal((new Lsn(40), new Lsn(Records * 40UL + 40)), (runs.All[0].Start, runs.All[^1].End));
        Assert.All(runs.All.Zip(runs.All.Skip(1)), pair => Assert.Equal((pair.First.End, pair.First.MaxXid + 1), (pair.Second.Start, pair.Second.MinXid)));
        Assert.InRange(4_000_000u, Assert.Single(runs.All, run => run.HasMinimal).MinXid, runs.All.Single(run => run.HasMinimal).MaxXid);
    }

    [Fact]
    public void A_segment_of_restore_points_or_checkpoints_has_a_bounded_index()
    {
        var points = Fill(16, (wal, i) => wal.AddMain(0, WalResourceManager.XlogRestorePoint, 0, Point(i)), WalFacts.MaxOthers + 1000);
        Assert.Equal(WalFacts.MaxOthers, points.Facts.RestorePoints.Count);
        Assert.Equal(1000, points.Facts.Runs.Sum(run => run.RestorePoints));
        Survives(points);
        var checkpoints = Fill(16, (wal, _) => wal.AddMain(0, WalResourceManager.XlogCheckpointOnline, 0, new byte[88]), WalFacts.MaxOthers + 1000);
        Assert.Equal(WalFacts.MaxOthers, checkpoints.Facts.Checkpoints.Count);
        Assert.Equal(checkpoints.LastRecordStart, checkpoints.Facts.Runs[^1].End);
        Survives(checkpoints);
    }

    [Fact]
    public void A_time_in_a_run_is_found_to_lie_in_it()
    {
        var at = WalFacts.MaxTransactionEnds + 100_000;
        var found = Search(new RecoveryTarget.Time(Begin.Plus(at)), Commits.Value);
        var run = Commits.Value.Facts.Runs.Single(run => run.MinXid <= at + 1 && at + 1 <= run.MaxXid);
        Assert.Equal((RecoveryStopKind.Within, run.Start, run.End), (found!.Kind, found.At, found.ReadTo));
        Assert.Null(Search(new RecoveryTarget.Time(Begin.Plus(WalFacts.MaxTransactionEnds + Extra)), Commits.Value));
        var exact = Search(new RecoveryTarget.Time(Begin.Plus(1000)), Commits.Value);
        Assert.Equal((RecoveryStopKind.Before, "commit of 1001"), (exact!.Kind, exact.Record));
    }

    [Fact]
    public void A_transaction_or_a_name_may_lie_in_a_run_until_it_is_found_for_certain()
    {
        const uint Xid = WalFacts.MaxTransactionEnds + 77;
        var found = Search(new RecoveryTarget.Transaction(Xid), Commits.Value);
        Assert.Equal((RecoveryStopKind.Within, Commits.Value.Facts.Runs.First(run => run.MaxXid >= Xid).Start), (found!.Kind, found.At));
        Assert.Null(Search(new RecoveryTarget.Transaction(4_000_000_000), Commits.Value));
        var points = Fill(16, (wal, i) => wal.AddMain(0, WalResourceManager.XlogRestorePoint, 0, Point(i)), WalFacts.MaxOthers + 1000);
        Assert.Equal(RecoveryStopKind.Within, Search(new RecoveryTarget.RestorePoint("p" + (WalFacts.MaxOthers + 500)), points)!.Kind);
        Assert.Equal(RecoveryStopKind.After, Search(new RecoveryTarget.RestorePoint("p5"), points)!.Kind);
    }

    [Fact]
    public void What_is_found_for_certain_in_a_later_segment_counts_before_what_may_lie_in_a_run()
    {
        var wal = new SyntheticWal(new WalSegmentSize(16 << 20));
        for (var i = 1; i <= WalFacts.MaxOthers + 10; i++) wal.AddMain(0, WalResourceManager.XlogRestorePoint, 0, Point(i));
        wal.FillSegmentUpTo(104);
        wal.AddFiller(104);
        wal.AddMain(0, WalResourceManager.XlogRestorePoint, 0, Point(999_999));
        wal.AddSwitch();
        var found = Search(new RecoveryTarget.RestorePoint("p999999"), wal.Summarise(0), wal.Summarise(1));
        Assert.Equal((RecoveryStopKind.After, wal.Name(1)), (found!.Kind, WalSegmentName.Containing(new TimelineId(1), found.At, wal.Name(1).Size)));
    }

    [Fact]
    public void Wal_level_minimal_in_a_run_cannot_be_passed()
    {
        var level = new byte[24];
        var minimal = Fill(16, (wal, i) =>
        {
            level[20] = i == WalFacts.MaxOthers + 300 ? (byte)WalLevel.Minimal : (byte)WalLevel.Replica;
            return wal.AddMain(0, WalResourceManager.XlogParameterChange, 0, level);
        }, WalFacts.MaxOthers + 500);
        var search = new TargetSearch(new RecoveryTarget.Latest(), default);
        Assert.False(search.Add(new SegmentReading(minimal.Segment, minimal, null)));
        Assert.Contains("wal_level=minimal", search.Broken, StringComparison.Ordinal);
        Survives(minimal);
    }

    [Theory]
    [InlineData(1UL << 40, 0UL, 1u)]
    [InlineData(0UL, 1UL << 40, 1u)]
    [InlineData(ulong.MaxValue, ulong.MaxValue, 1u)]
    [InlineData(0UL, 8UL, uint.MaxValue)]
    public void An_impossible_run_is_refused(ulong start, ulong length, uint ends)
    {
        var summary = Fill(1, (wal, i) => wal.AddCommit((uint)i, Begin), 1);
        var index = WalIndexCodec.Encode(summary);
        index.Runs.Add(new FactRun { Start = start, Length = length, Ends = ends });
        Assert.Throws<SealedObjectException>(() => WalIndexCodec.Decode(index, summary.Segment, summary.CoveredLength));
    }

    private static RecoveryStop? Search(RecoveryTarget target, params WalSegmentSummary[] segments)
    {
        var search = new TargetSearch(target, default);
        foreach (var segment in segments) search.Add(new SegmentReading(segment.Segment, segment, null));
        search.Finish();
        Assert.Null(search.Broken);
        return search.Found;
    }

    private static void Survives(WalSegmentSummary summary)
    {
        var bytes = new ObjectIndex { Wal = WalIndexCodec.Encode(summary) }.ToByteArray();
        Assert.InRange(bytes.Length, 1000, 12 << 20);
        var back = WalIndexCodec.Decode(IndexBounds.Parse(bytes).Wal, summary.Segment, summary.CoveredLength);
        Assert.Equal(summary.Facts.Runs, back.Facts.Runs);
        Assert.Equal(summary.Facts.LastEnd, back.Facts.LastEnd);
        Assert.Equal(summary.Facts.TransactionEnds.Length, back.Facts.TransactionEnds.Length);
        Assert.Equal((summary.Facts.MinTime, summary.Facts.MaxTime), (back.Facts.MinTime, back.Facts.MaxTime));
    }

    private static WalSegmentSummary Fill(int mebibytes, Func<SyntheticWal, int, Lsn> add, int records)
    {
        var wal = new SyntheticWal(new WalSegmentSize(mebibytes << 20));
        for (var i = 1; i <= records; i++) add(wal, i);
        wal.AddSwitch();
        return wal.Summarise(0);
    }

    private static byte[] Point(int i)
    {
        var main = new byte[72];
        BitConverter.TryWriteBytes(main, Begin.Plus(i).Microseconds);
        System.Text.Encoding.ASCII.GetBytes($"p{i}").CopyTo(main, 8);
        return main;
    }
}

file static class Times
{
    public static PostgresTime Plus(this PostgresTime time, long microseconds) => new(time.Microseconds + microseconds);
}
