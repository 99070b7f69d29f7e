using System.Buffers.Binary;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>Writes WAL as PostgreSQL lays it out, from the start of a segment on.</summary>
internal sealed class SyntheticWal(WalSegmentSize size, ushort magic = 0xD118, ulong firstSegment = 1, uint timeline = 1)
{
    public static readonly SystemIdentifier System = new(7_711_343_946_708_064_075);

    private readonly MemoryStream _bytes = new();
    private readonly Lsn _start = new WalSegmentName(new TimelineId(timeline), firstSegment, size).Start;
    private Lsn _previous;
    private bool _overwritesNext;

    public Lsn Position => _start + _bytes.Length;

    /// <summary>Where the next record will start: after the page header when at a page boundary.</summary>
    public Lsn NextStart => Position.Value % 8192 != 0 ? Position : Position + (IsSegmentStart(Position) ? 40 : 24);

    public uint Timeline { get; set; } = timeline;

    /// <summary>Bytes left for records on the current page.</summary>
    public int LeftOnPage => (int)(8192 - NextStart.Value % 8192);

    public WalSegmentName Name(int index) => new(new TimelineId(Timeline), firstSegment + (ulong)index, size);

    /// <summary>A segment's bytes, zeros where nothing was written.</summary>
    public byte[] Segment(int index)
    {
        var segment = new byte[size.Bytes];
        var all = _bytes.GetBuffer().AsSpan(0, (int)_bytes.Length);
        var from = (long)index * size.Bytes;
        if (from < all.Length) all.Slice((int)from, (int)Math.Min(size.Bytes, all.Length - from)).CopyTo(segment);
        return segment;
    }

    public WalSegmentSummary Summarise(int index, IWalRecordVisitor? visitor = null) => Summarise(Name(index), Segment(index), visitor: visitor);

    public static WalSegmentSummary Summarise(
        WalSegmentName name, ReadOnlySpan<byte> bytes, WalJudgement judgement = WalJudgement.Complete, IWalRecordVisitor? visitor = null)
    {
        var walker = new WalWalker(name, System, judgement, visitor);
        walker.Append(bytes);
        return walker.Finish();
    }

    /// <summary>A record of which the body (block headers, data headers, data) is given.</summary>
    public Lsn Add(byte resourceManager, byte info, uint xid, ReadOnlySpan<byte> body, int keep = int.MaxValue)
    {
        var record = new byte[24 + body.Length];
        var start = NextStart;
        BinaryPrimitives.WriteUInt32LittleEndian(record, (uint)record.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(4), xid);
        BinaryPrimitives.WriteUInt64LittleEndian(record.AsSpan(8), _previous.Value);
        (record[16], record[17]) = (info, resourceManager);
        body.CopyTo(record.AsSpan(24));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(20), Crc32C.Append(Crc32C.Of(body), record.AsSpan(0, 20)));
        Write(record, keep);
        if (keep >= record.Length) _previous = start;
        return start;
    }

    /// <summary>A record with main data only.</summary>
    public Lsn AddMain(byte resourceManager, byte info, uint xid, ReadOnlySpan<byte> main, int keep = int.MaxValue)
    {
        var header = main.Length <= 255 ? new byte[] { 255, (byte)main.Length } : [254, 0, 0, 0, 0];
        if (header.Length == 5) BinaryPrimitives.WriteUInt32LittleEndian(header.AsSpan(1), (uint)main.Length);
        return Add(resourceManager, info, xid, [.. header, .. main], keep);
    }

    /// <summary>An XLOG_NOOP record of exactly this length: 24, 26 to 281, or from 285.</summary>
    public Lsn AddFiller(int length)
    {
        if (length == 24) return Add(0, 0x20, 0, []);
        var main = new byte[length <= 281 ? length - 26 : length - 29];
        if (length <= 1 << 20) new Random(length).NextBytes(main);
        return AddMain(0, 0x20, 0, main);
    }

    /// <summary>Fills up to where the next record starts so many bytes before its page's end (a multiple of 8).</summary>
    public void FillPageUpTo(int left)
    {
        while (LeftOnPage != left)
        {
            var distance = LeftOnPage - left;
            AddFiller(distance is >= 24 and <= 512 ? distance : 48);
        }
    }

    /// <summary>Fills up to the last page of the current segment, and there up to so many bytes before the end.</summary>
    public void FillSegmentUpTo(int left)
    {
        while ((NextStart.Value & ~8191UL) % (uint)size.Bytes != (uint)size.Bytes - 8192) AddFiller(3000);
        FillPageUpTo(left);
    }

    public Lsn AddCommit(uint xid, PostgresTime time)
    {
        var main = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(main, time.Microseconds);
        return AddMain(1, 0x00, xid, main);
    }

    public Lsn AddSwitch(byte[]? recycled = null)
    {
        var start = Add(0, 0x40, 0, []);
        var rest = (int)(((uint)size.Bytes - Position.Value % (uint)size.Bytes) % (uint)size.Bytes);
        var tail = new byte[rest];
        recycled?.AsSpan(^rest..).CopyTo(tail);
        _bytes.Write(tail);
        return start;
    }

    /// <summary>A record cut off by a crash at the end of its page, or of so many bytes that reach a page's end.</summary>
    public Lsn AddLost(int length, int keep)
    {
        var start = AddMain(0, 0x20, 0, new byte[length - 29], keep);
        Assert.Equal(0UL, Position.Value % 8192);
        _overwritesNext = true;
        return start;
    }

    public Lsn AddOverwrite(Lsn lost)
    {
        var main = new byte[16];
        BinaryPrimitives.WriteUInt64LittleEndian(main, lost.Value);
        return AddMain(0, 0xD0, 0, main);
    }

    private bool IsSegmentStart(Lsn lsn) => lsn.Value % (uint)size.Bytes == 0;

    private void Write(ReadOnlySpan<byte> record, int keep)
    {
        var isFirst = true;
        var written = 0;
        keep = Math.Min(keep, record.Length);
        while (written < keep)
        {
            if (Position.Value % 8192 == 0) WritePageHeader(isFirst ? 0 : (uint)(record.Length - written));
            isFirst = false;
            var piece = Math.Min(keep - written, (int)(8192 - Position.Value % 8192));
            _bytes.Write(record.Slice(written, piece));
            written += piece;
        }
        if (keep == record.Length) _bytes.Write(new byte[(8 - Position.Value % 8) % 8]);
    }

    private void WritePageHeader(uint remaining)
    {
        var isLong = IsSegmentStart(Position);
        Span<byte> header = stackalloc byte[40];
        header.Clear();
        var flags = (isLong ? 2 : 0) | (remaining > 0 ? 1 : 0) | (_overwritesNext ? 8 : 0);
        BinaryPrimitives.WriteUInt16LittleEndian(header, magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[2..], (ushort)flags);
        BinaryPrimitives.WriteUInt32LittleEndian(header[4..], Timeline);
        BinaryPrimitives.WriteUInt64LittleEndian(header[8..], Position.Value);
        BinaryPrimitives.WriteUInt32LittleEndian(header[16..], remaining);
        BinaryPrimitives.WriteUInt64LittleEndian(header[24..], System.Value);
        BinaryPrimitives.WriteInt32LittleEndian(header[32..], size.Bytes);
        BinaryPrimitives.WriteInt32LittleEndian(header[36..], 8192);
        _bytes.Write(header[..(isLong ? 40 : 24)]);
        _overwritesNext = false;
    }
}
