using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class WalPropertyTests
{
    private static readonly WalSegmentSize Small = new(1 << 20);

    public static TheoryData<int> Majors => GoldenWal.Majors;

    [Theory]
    [MemberData(nameof(Majors))]
    public void Any_chunks_give_the_same_summary(int major)
    {
        var golden = GoldenWal.Open(major);
        var segments = golden.Segments(1);
        Gen.Select(Gen.Int[0, segments.Count - 1], Gen.Int[1, 70_000].Array[1, 8]).Sample((index, cuts) =>
        {
            var (name, bytes) = segments[index];
            var walker = new WalWalker(name, golden.SystemIdentifier);
            var (at, turn) = (0, 0);
            while (at < bytes.Length)
            {
                var length = Math.Min(cuts[turn++ % cuts.Length], bytes.Length - at);
                walker.Append(bytes.AsSpan(at, length));
                at += length;
            }
            return Describe(walker.Finish()) == Describe(Summarise(golden, name, bytes));
        }, iter: 20, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void Every_flipped_bit_is_found_except_those_that_nothing_covers(int major)
    {
        var golden = GoldenWal.Open(major);
        var segments = golden.Segments(1);
        Gen.Select(Gen.Int[1, segments.Count - 2], Gen.Int[0, Small.Bytes * 8 - 1], Gen.Bool).Sample((index, bit, inHeader) =>
        {
            var (name, bytes) = segments[index];
            if (inHeader) bit = bit / 65536 * 65536 + bit % (40 * 8);
            var collector = new WalRecordCollector();
            var whole = Summarise(golden, name, bytes, collector);
            var flipped = (byte[])bytes.Clone();
            flipped[bit / 8] ^= (byte)(1 << bit % 8);
            try
            {
                var summary = Summarise(golden, name, flipped);
                if (IsCoveredByNothing(bytes, whole, collector, bit)) return true;
                var before = Summarise(golden, segments[index - 1].Name, segments[index - 1].Bytes);
                var after = Summarise(golden, segments[index + 1].Name, segments[index + 1].Bytes);
                WalStitch.Join(WalStitch.Join(before, summary).End, after);
                return false;
            }
            catch (HoldfastException exception)
            {
                return exception is WalDamagedException or WalForeignException;
            }
        }, iter: 150, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Majors))]
    public void Any_truncation_is_damage_in_a_complete_segment_and_the_end_in_a_partial_one(int major)
    {
        var golden = GoldenWal.Open(major);
        var segments = golden.Segments(1);
        Gen.Select(Gen.Int[0, segments.Count - 1], Gen.Int[0, Small.Bytes - 1]).Sample((index, length) =>
        {
            var (name, bytes) = segments[index];
            Assert.Throws<WalDamagedException>(() => Summarise(golden, name, bytes.AsSpan(0, length)));
            var whole = new WalRecordCollector();
            Summarise(golden, name, bytes, whole);
            var seen = new WalRecordCollector();
            var partial = Summarise(golden, name, bytes.AsSpan(0, length), seen, WalJudgement.UpToLastValidRecord);
            Assert.InRange(partial.CoveredLength, 0, length);
            Assert.Equal(whole.Records.Count(r => r.End - name.Start <= length), seen.Records.Count);
            Assert.Equal(whole.Records.Take(seen.Records.Count).Select(r => r.Header), seen.Records.Select(r => r.Header));
        }, iter: 30, threads: 1);
    }

    [Fact]
    public void Garbage_behind_valid_headers_never_crashes_and_allocates_within_bounds() =>
        Gen.Select(Gen.Int, Gen.Bool, Gen.Int[0, 4].Select(i => new[] { 0xD10D, 0xD110, 0xD113, 0xD116, 0xD118 }[i])).Sample((seed, isPartial, magic) =>
        {
            var wal = new SyntheticWal(Small, (ushort)magic);
            wal.FillSegmentUpTo(48);
            wal.AddFiller(48);
            var bytes = wal.Segment(0);
            var random = new Random(seed);
            var from = random.Next(40, bytes.Length);
            for (var i = from; i < bytes.Length; i++)
                if (i % 8192 >= 24) bytes[i] = (byte)random.Next();
            AssertBounded(wal.Name(0), bytes, isPartial ? WalJudgement.UpToLastValidRecord : WalJudgement.Complete);
        }, iter: 60, threads: 1);

    [Fact]
    public void Hostile_records_with_a_true_checksum_never_crash() =>
        Gen.Select(Gen.Byte.Array[0, 400], Gen.Byte, Gen.Byte, Gen.Bool.Select(old => old ? 0xD10D : 0xD118)).Sample((body, resourceManager, info, magic) =>
        {
            var wal = new SyntheticWal(Small, (ushort)magic);
            wal.Add((byte)(resourceManager % 24), info, 1, body);
            wal.AddMain((byte)(resourceManager % 2), info, 1, body);
            wal.AddSwitch();
            AssertBounded(wal.Name(0), wal.Segment(0)[..16384], WalJudgement.UpToLastValidRecord);
        }, iter: 2000, threads: 1);

    [Fact]
    public void A_length_that_promises_gigabytes_allocates_only_for_bytes_that_come()
    {
        var wal = new SyntheticWal(Small);
        wal.AddFiller(100);
        var start = (int)(wal.NextStart.Value % (uint)Small.Bytes);
        wal.FillSegmentUpTo(48);
        wal.AddFiller(48);
        var bytes = wal.Segment(0);
        var left = uint.MaxValue;
        BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(start), left);
        left -= (uint)(8192 - start);
        for (var page = 8192; page < bytes.Length; page += 8192, left -= 8168)
        {
            bytes[page + 2] = 1;
            BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan(page + 16), left);
        }
        AssertBounded(wal.Name(0), bytes, WalJudgement.Complete);
        var summary = SyntheticWal.Summarise(wal.Name(0), bytes);
        Assert.Equal((uint.MaxValue, (long)(bytes.Length - start - 127 * 24)), (summary.Tail!.TotalLength, summary.Tail.Length));
    }

    private static void AssertBounded(WalSegmentName name, byte[] bytes, WalJudgement judgement)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            SyntheticWal.Summarise(name, bytes, judgement);
        }
        catch (WalDamagedException) when (judgement == WalJudgement.Complete)
        {
        }
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 6 << 20);
    }

    /// <summary>The list in WalWalker's documentation.</summary>
    private static bool IsCoveredByNothing(byte[] bytes, WalSegmentSummary whole, WalRecordCollector collector, int bit)
    {
        var at = bit / 8;
        var inPage = at % 8192;
        var flags = BinaryPrimitives.ReadUInt16LittleEndian(bytes.AsSpan(at / 8192 * 8192 + 2));
        if (at >= whole.CoveredLength || inPage is >= 20 and < 24 || inPage == 2 && bit % 8 == 2) return true;
        if (inPage is >= 16 and < 20 && (flags & 1) == 0) return true;
        if (inPage < (at < 8192 ? 40 : 24)) return false;
        var lsn = whole.Segment.Start + at;
        // What a crash left of a record that XLOG_OVERWRITE_CONTRECORD then replaced: its CRC was never completed.
        if (collector.Records.Zip(collector.Records.Skip(1)).Any(pair => pair.Second.Header.IsOverwriteContrecord && lsn >= pair.First.End && lsn < pair.Second.Start)) return true;
        return collector.Records.Any(r => lsn < r.End && lsn >= r.End + -((8 - r.Header.TotalLength % 8) % 8))
            || whole.Head is { } head && lsn < head.End && lsn >= head.End + -((8 - head.TotalLength % 8) % 8);
    }

    private static WalSegmentSummary Summarise(
        GoldenWal golden, WalSegmentName name, ReadOnlySpan<byte> bytes, IWalRecordVisitor? visitor = null, WalJudgement judgement = WalJudgement.Complete)
    {
        var walker = new WalWalker(name, golden.SystemIdentifier, judgement, visitor);
        walker.Append(bytes);
        return walker.Finish();
    }

    private static string Describe(WalSegmentSummary s)
    {
        var text = new StringBuilder();
        text.Append(CultureInfo.InvariantCulture, $"{s.Segment} {s.PageMagic} {s.Major} {s.SystemIdentifier} {s.FirstPageTimeline} {s.LastPageTimeline} ");
        text.Append(CultureInfo.InvariantCulture, $"{s.ValidEnd} {s.EndsBySwitch} {s.FirstRecordStart} {s.FirstRecordPrevious} {s.LastRecordStart} ");
        text.Append(CultureInfo.InvariantCulture, $"{s.LastRecordEnd} {s.RecordCount} {s.OverwrittenRecord} {s.Facts.MinTime} {s.Facts.MaxTime}");
        foreach (var fragment in new[] { s.Head, s.Tail })
            if (fragment is not null)
                text.Append(CultureInfo.InvariantCulture,
                    $"\n{fragment.Start} {fragment.End} {fragment.Length} {fragment.TotalLength} {fragment.Crc} {Convert.ToHexString(fragment.Bytes.Span)}");
        foreach (var end in s.Facts.TransactionEnds.Span) text.Append('\n').Append(end);
        text.AppendJoin('\n', s.Facts.RestorePoints).AppendJoin('\n', s.Facts.Checkpoints).AppendJoin('\n', s.Facts.WalLevels);
        return text.ToString();
    }
}
