using CsCheck;
using Google.Protobuf;
using Holdfast.Core;
using Holdfast.Core.Digests;
using Holdfast.Core.Postgres;
using Holdfast.Tests.Core.Postgres;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Digests;

/// <summary>The index of a segment: exact for real WAL, and no way in for a hostile host.</summary>
public class WalIndexCodecTests
{
    private static readonly WalSegmentName Segment = WalSegmentName.Parse("00000001000000000000000A", new WalSegmentSize(1 << 20));

    [Theory, MemberData(nameof(GoldenWal.Majors), MemberType = typeof(GoldenWal))]
    public void What_a_segment_says_survives_its_index(int major)
    {
        var golden = GoldenWal.Open(major);
        foreach (var (name, bytes) in golden.Segments(1).Concat(golden.Segments(2)))
        {
            var walker = new WalWalker(name, golden.SystemIdentifier);
            walker.Append(bytes);
            var summary = walker.Finish();
            var index = Wire.WalIndex.Parser.ParseFrom(WalIndexCodec.Encode(summary).ToByteArray());
            var back = WalIndexCodec.Decode(index, name, summary.CoveredLength);
            Assert.Equal(WalIndexCodec.Encode(summary), WalIndexCodec.Encode(back));
            Assert.Equal(summary.Facts.TransactionEnds.ToArray(), back.Facts.TransactionEnds.ToArray());
            Assert.Equal(summary.ValidEnd, back.ValidEnd);
        }
    }

    [Fact]
    public void No_bytes_crash_it_and_what_it_takes_can_be_stitched()
    {
        var golden = GoldenWal.Open(17).Segments(1);
        var real = golden.Take(3).Select(s => WalIndexCodec.Encode(Walk(s)).ToByteArray()).ToArray();
        Gen.Select(Gen.Int[0, real.Length - 1], Gen.Int[0, 400], Gen.Byte.Array[1, 12], Gen.Bool).Sample((which, at, noise, replaceAll) =>
        {
            var bytes = replaceAll ? noise : (byte[])real[which].Clone();
            if (!replaceAll) noise.AsSpan(0, Math.Min(noise.Length, Math.Max(0, bytes.Length - at))).CopyTo(bytes.AsSpan(Math.Min(at, bytes.Length)));
            Judge(bytes, golden[which].Name, golden[which].Name);
        }, iter: 20_000);
    }

    [Fact]
    public void Random_fields_never_crash_it() => Gen.Select(Gen.ULong.Array[30], Gen.Int[0, 40], Gen.Bool).Sample((numbers, rows, near) =>
    {
        ulong N(int i) => near ? Segment.Start.Value + numbers[i] % (3 << 19) : numbers[i];
        var index = new Wire.WalIndex
        {
            Start = Segment.Start.Value, SegmentSize = 1 << 20, PageMagic = near ? 0xD116 : (uint)numbers[0], Major = near ? 17u : (uint)numbers[1],
            SystemIdentifier = 1, FirstPageTimeline = (uint)numbers[2], LastPageTimeline = 1, FirstRecord = N(3), FirstRecordPrevious = N(4), LastRecord = N(5), LastRecordEnd = N(6),
            RecordCount = (uint)numbers[7], EndsBySwitch = numbers[8] % 2 == 0, OverwrittenRecord = numbers[9] % 4 == 0 ? N(9) : 0,
            Head = numbers[10] % 2 == 0 ? null : Fragment(11), Tail = numbers[15] % 2 == 0 ? null : Fragment(16),
        };
        for (var i = 0; i < rows % 5; i++) index.Checkpoints.Add(new Wire.Checkpoint { Kind = (uint)numbers[20] % 5, Start = N(21), End = N(22) });
        for (var i = 0; i < rows % 4; i++) index.RestorePoints.Add(new Wire.RestorePoint { Name = "p", Start = N(23), End = N(24) });
        if (rows % 3 > 0)
        {
            index.TransactionEnds = new Wire.TransactionEnds { Kind = ByteString.CopyFrom(new byte[rows]) };
            for (var i = 0; i < rows; i++)
            {
                index.TransactionEnds.Start.Add(near ? numbers[25] % 9000 : numbers[25]);
                index.TransactionEnds.Length.Add((uint)(near ? numbers[26] % 9000 : numbers[26]));
                index.TransactionEnds.Xid.Add((int)numbers[27]);
                index.TransactionEnds.Time.Add((long)numbers[28]);
                index.TransactionEnds.Subtransactions.Add((uint)numbers[29]);
            }
        }
        Judge(index.ToByteArray(), Segment, Segment);

        Wire.WalFragment Fragment(int i) => new()
        {
            Start = N(i), End = N(i + 1), Length = near ? numbers[i + 2] % 3000 : numbers[i + 2], TotalLength = (uint)(near ? numbers[i + 3] % 4000 : numbers[i + 3]),
            Bytes = ByteString.CopyFrom(new byte[(int)(numbers[i + 4] % 5000)]), Crc = 7,
        };
    }, iter: 20_000);

    [Fact]
    public void Columns_of_different_lengths_are_refused()
    {
        var index = new Wire.WalIndex { Start = Segment.Start.Value, SegmentSize = 1 << 20, TransactionEnds = new Wire.TransactionEnds() };
        index.TransactionEnds.Start.Add([1, 2]);
        index.TransactionEnds.Length.Add(1);
        Assert.Contains("differ in length", Assert.ThrowsAny<DamagedException>(() => WalIndexCodec.Decode(index, Segment, 0)).Message);
    }

    [Fact]
    public void Facts_outside_the_segment_are_refused()
    {
        static Wire.WalIndex Index() => new() { Start = Segment.Start.Value, SegmentSize = 1 << 20 };
        var elsewhere = Segment.End.Value + 8;
        var commit = Index();
        commit.TransactionEnds = new Wire.TransactionEnds { Kind = ByteString.CopyFrom(0), Start = { (1 << 20) / 8 + 1 }, Length = { 1 }, Xid = { 5 }, Time = { 0 }, Subtransactions = { 0 } };
        var point = Index();
        point.RestorePoints.Add(new Wire.RestorePoint { Start = elsewhere, End = elsewhere });
        var tail = Index();
        tail.Tail = new Wire.WalFragment { Start = Segment.Start.Value, End = Segment.End.Value, Length = ulong.MaxValue, TotalLength = uint.MaxValue };
        Assert.All([commit, point, tail], index => Assert.ThrowsAny<DamagedException>(() => WalIndexCodec.Decode(index, Segment, 0)));
        WalIndexCodec.Decode(Index(), Segment, 0);
    }

    private static void Judge(byte[] bytes, WalSegmentName name, WalSegmentName before)
    {
        var allocated = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            var summary = WalIndexCodec.Decode(Wire.WalIndex.Parser.ParseFrom(bytes), name, 1 << 20);
            WalStitch.Join(WalChainEnd.Of(summary), new WalSegmentSummary
            {
                Segment = before.Next, PageMagic = summary.PageMagic, Major = summary.Major, SystemIdentifier = summary.SystemIdentifier, FirstPageTimeline = summary.LastPageTimeline,
                LastPageTimeline = summary.LastPageTimeline, ValidEnd = before.Next.Start, EndsBySwitch = false, FirstRecordStart = default, FirstRecordPrevious = default,
                LastRecordStart = default, LastRecordEnd = default, RecordCount = 0, Head = summary.Head, Tail = null, OverwrittenRecord = default, Facts = WalFacts.None,
            });
        }
        catch (Exception e) when (e is HoldfastException or InvalidProtocolBufferException)
        {
        }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - allocated < (4 << 20) + bytes.Length * 64);
    }

    private static WalSegmentSummary Walk((WalSegmentName Name, byte[] Bytes) segment)
    {
        var walker = new WalWalker(segment.Name, null);
        walker.Append(segment.Bytes);
        return walker.Finish();
    }
}
