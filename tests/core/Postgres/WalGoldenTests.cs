using System.Globalization;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class WalGoldenTests
{
    private static readonly string[] ResourceManagers =
    [
        "XLOG", "Transaction", "Storage", "CLOG", "Database", "Tablespace", "MultiXact", "RelMap", "Standby", "Heap2", "Heap", "Btree", "Hash",
        "Gin", "Gist", "Sequence", "SPGist", "BRIN", "CommitTs", "ReplicationOrigin", "Generic", "LogicalMessage",
    ];

    public static TheoryData<int> Majors => GoldenWal.Majors;

    [Theory]
    [MemberData(nameof(Majors))]
    public void Sees_every_record_that_pg_waldump_sees(int major)
    {
        var golden = GoldenWal.Open(major);
        foreach (var timeline in new uint[] { 1, 2 })
        {
            var chain = Chain.Walk(golden, golden.Segments(timeline));
            using var rows = golden.Waldump(timeline).GetEnumerator();
            foreach (var seen in chain.Records)
            {
                Assert.True(rows.MoveNext(), $"pg_waldump {major} ends before {seen.Start}");
                AssertSame(rows.Current, seen);
            }
            Assert.False(rows.MoveNext(), $"pg_waldump {major} goes on after {chain.Records[^1].Start}");
        }
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void Agrees_with_pg_waldump_on_transactions_restore_points_checkpoints_and_wal_level(int major)
    {
        var golden = GoldenWal.Open(major);
        foreach (var timeline in new uint[] { 1, 2 })
        {
            var facts = Chain.Walk(golden, golden.Segments(timeline)).Facts;
            var rows = golden.Waldump(timeline).Where(row => row.ResourceManager is "XLOG" or "Transaction").ToList();
            Assert.Equal(rows.Where(IsTransactionEnd).Select(Describe), facts.SelectMany(f => f.TransactionEnds.ToArray()).Select(Describe));
            Assert.Equal(
                rows.Where(r => r.Description.StartsWith("RESTORE_POINT ", StringComparison.Ordinal)).Select(r => (r.Lsn, r.Description[14..])),
                facts.SelectMany(f => f.RestorePoints).Select(p => (p.Start, p.Name)));
            Assert.Equal(
                rows.Where(r => r.Description.StartsWith("CHECKPOINT_", StringComparison.Ordinal) && !r.Description.StartsWith("CHECKPOINT_REDO", StringComparison.Ordinal))
                    .Select(DescribeCheckpoint),
                facts.SelectMany(f => f.Checkpoints).Where(c => c.Kind != WalCheckpointKind.EndOfRecovery)
                    .Select(c => $"{c.Start} {c.Kind} redo {c.Redo} tli {c.Timeline} prev tli {c.PreviousTimeline}"));
            Assert.Equal(
                rows.Where(r => r.Description.StartsWith("PARAMETER_CHANGE", StringComparison.Ordinal)).Select(r => (r.Lsn, Word(r.Description, "wal_level="))),
                facts.SelectMany(f => f.WalLevels).Select(l => (l.Start, l.Level.ToString().ToLowerInvariant())));
            Assert.Equal(
                rows.Where(r => r.Description.StartsWith("END_OF_RECOVERY", StringComparison.Ordinal)).Select(r => r.Lsn),
                facts.SelectMany(f => f.Checkpoints).Where(c => c.Kind == WalCheckpointKind.EndOfRecovery).Select(c => c.Start));
            foreach (var fact in facts)
            {
                var times = fact.TransactionEnds.ToArray().Select(e => e.Time).Concat(fact.RestorePoints.Select(p => p.Time)).ToList();
                Assert.Equal(times.Count == 0 ? null : times.Min(), fact.MinTime);
                Assert.Equal(times.Count == 0 ? null : times.Max(), fact.MaxTime);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void Stitches_every_neighbour_and_the_switch_of_timelines(int major)
    {
        var golden = GoldenWal.Open(major);
        var (first, second) = (golden.Segments(1), golden.Segments(2));
        var onOldTimeline = Chain.Walk(golden, first);
        Assert.All(onOldTimeline.Seams, seam => Assert.True(seam.IsProven));
        Assert.Equal(first.Count - 1, onOldTimeline.Seams.Count);
        var history = first.Where(s => s.Name.Number < second[0].Name.Number).Concat(second).ToList();
        var across = Chain.Walk(golden, history);
        Assert.Equal(history.Count - 1, across.Seams.Count);
        Assert.All(across.Seams, seam => Assert.True(seam.IsProven));
        Assert.Equal(2u, across.Seams[^1].End.Timeline.Value);
        Assert.Contains(across.Seams, seam => seam.Crossing is not null);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void A_segment_ends_where_its_switch_record_does(int major)
    {
        var golden = GoldenWal.Open(major);
        var switches = golden.Waldump(1).Where(r => r.Description == "SWITCH").ToDictionary(r => r.Lsn);
        var summaries = golden.Segments(1).Select(s => Chain.Summarise(golden, s)).ToList();
        Assert.Equal(switches.Keys, summaries.Where(s => s.EndsBySwitch).Select(s => s.LastRecordStart));
        Assert.All(summaries.Where(s => s.EndsBySwitch), s => Assert.Equal(s.LastRecordStart + 24, s.ValidEnd));
        Assert.All(summaries.Where(s => !s.EndsBySwitch), s => Assert.Equal(s.Segment.End, s.ValidEnd));
        Assert.All(summaries, s => Assert.Equal(major, s.Major));
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void A_partial_segment_is_valid_up_to_the_switch_of_timelines(int major)
    {
        var golden = GoldenWal.Open(major);
        var collector = new WalRecordCollector();
        var partial = Chain.Summarise(golden, golden.Partial(), collector);
        var copied = golden.Waldump(2).First();
        AssertSame(copied, Assert.Single(collector.Records));
        Assert.Equal(collector.Records[0].End, partial.ValidEnd);
        Assert.Null(partial.Tail);
        Assert.False(partial.EndsBySwitch);
        Assert.True(WalStitch.Join(Chain.Summarise(golden, golden.Segments(1)[^1]), partial).IsProven);
    }

    private static void AssertSame(WaldumpRow row, WalRecordCollector.Seen seen)
    {
        Assert.Equal(row.Lsn, seen.Start);
        Assert.Equal(row.Previous, seen.Header.Previous);
        Assert.Equal(row.TotalLength, seen.Header.TotalLength);
        Assert.Equal(row.Xid, seen.Header.Xid);
        Assert.Equal(row.ResourceManager, ResourceManagers[seen.Header.ResourceManager]);
        Assert.Equal(row.Blocks.Count, seen.Blocks.Length);
        for (var i = 0; i < row.Blocks.Count; i++)
        {
            var block = seen.Blocks[i];
            var fork = block.ForkNumber switch { 0 => "main", 1 => "fsm", 2 => "vm", _ => "init" };
            var expected = $"blkref #{block.Id}: rel {block.Tablespace}/{block.Database}/{block.RelationNumber} fork {fork} blk {block.BlockNumber}";
            if (block.HasImage) expected += block.AppliesImage ? " (FPW); hole" : " (FPW for WAL verification); hole";
            var actual = row.Blocks[i];
            Assert.Equal(expected, block.HasImage ? actual[..actual.IndexOf(": offset", StringComparison.Ordinal)] : actual);
            Assert.Equal(actual.Contains("compression saved", StringComparison.Ordinal), block.IsImageCompressed);
        }
    }

    private static bool IsTransactionEnd(WaldumpRow row) => row.ResourceManager == "Transaction"
        && row.Description.Split(' ')[0] is "COMMIT" or "ABORT" or "COMMIT_PREPARED" or "ABORT_PREPARED";

    /// <summary>"COMMIT 2026-11-23 12:34:22.921569 UTC; …" or "COMMIT_PREPARED 867: 2026-…".</summary>
    private static string Describe(WaldumpRow row)
    {
        var words = row.Description.Split(' ');
        var isPrepared = words[1].EndsWith(':');
        var xid = isPrepared ? words[1].TrimEnd(':') : row.Xid.ToString(CultureInfo.InvariantCulture);
        var time = isPrepared ? $"{words[2]} {words[3]}" : $"{words[1]} {words[2]}";
        var at = row.Description.IndexOf("subxacts: ", StringComparison.Ordinal);
        var subtransactions = at < 0 ? 0 : row.Description[(at + 10)..].Split(';')[0].Trim().Split(' ').Length;
        return $"{row.Lsn} {words[0].Replace("_", "", StringComparison.Ordinal).ToUpperInvariant()} {xid} {time.TrimEnd(';')} {subtransactions}";
    }

    private static string Describe(WalTransactionEnd end) => string.Create(CultureInfo.InvariantCulture,
        $"{end.Start} {end.Kind.ToString().ToUpperInvariant()} {end.Xid} {end.Time.ToDateTimeOffset():yyyy-MM-dd HH:mm:ss.ffffff} {end.SubtransactionCount}");

    private static string DescribeCheckpoint(WaldumpRow row)
    {
        var parts = row.Description.Split(';');
        var kind = row.Description.StartsWith("CHECKPOINT_ONLINE", StringComparison.Ordinal) ? "Online" : "Shutdown";
        return $"{row.Lsn} {kind} redo {parts[0].Split(' ')[2]} {parts[1].Trim()} {parts[2].Trim()}";
    }

    private static string Word(string text, string after) => text[(text.IndexOf(after, StringComparison.Ordinal) + after.Length)..].Split(' ')[0];

    /// <summary>Walks and stitches neighbours; records in order, those across seams included.</summary>
    private sealed record Chain(List<WalRecordCollector.Seen> Records, List<WalFacts> Facts, List<WalSeam> Seams)
    {
        public static WalSegmentSummary Summarise(GoldenWal golden, (WalSegmentName Name, byte[] Bytes) segment, IWalRecordVisitor? visitor = null)
        {
            var isPartial = golden.Partial().Bytes == segment.Bytes;
            var judgement = isPartial ? WalJudgement.UpToLastValidRecord : WalJudgement.Complete;
            var walker = new WalWalker(segment.Name, golden.SystemIdentifier, judgement, visitor);
            walker.Append(segment.Bytes);
            return walker.Finish();
        }

        public static Chain Walk(GoldenWal golden, List<(WalSegmentName Name, byte[] Bytes)> segments)
        {
            var chain = new Chain([], [], []);
            WalChainEnd? end = null;
            foreach (var segment in segments)
            {
                var collector = new WalRecordCollector();
                var summary = Summarise(golden, segment, collector);
                Assert.Equal(summary.RecordCount, collector.Records.Count);
                if (end is not null)
                {
                    var crossing = new WalRecordCollector();
                    var seam = WalStitch.Join(end, summary, crossing);
                    chain.Seams.Add(seam);
                    chain.Records.AddRange(crossing.Records);
                    if (seam.Crossing is not null) chain.Facts.Add(seam.Crossing.Facts);
                }
                chain.Records.AddRange(collector.Records);
                chain.Facts.Add(summary.Facts);
                end = end is null ? WalChainEnd.Of(summary) : chain.Seams[^1].End;
            }
            return chain;
        }
    }
}
