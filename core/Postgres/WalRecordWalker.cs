using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Follows the records through the pages of one segment, page by page, as XLogDecodeNextRecord does (access/transam/xlogreader.c), and
/// verifies each. Records within a page are judged where they lie; those that cross pages are gathered.
/// </summary>
internal sealed class WalRecordWalker(WalSegmentName segment, int major, IWalRecordVisitor? visitor)
{
    private readonly WalFragmentBuilder _open = new();
    private readonly WalRecordDecoder _decoder = new(major);
    private readonly WalFactsBuilder _facts = new(major);

    /// <summary>Set between a page that says it overwrites an open record and the record that must say the same.</summary>
    private bool _expectsOverwrite;

    /// <summary>The record that was open then; invalid when it started before this segment.</summary>
    private Lsn _overwritten;

    private bool _headMayBeSwitch;

    public bool HasEnded { get; private set; }

    public bool EndsBySwitch { get; private set; }

    public Lsn ValidEnd { get; private set; } = segment.Start;

    public Lsn FirstStart { get; private set; }

    public Lsn FirstPrevious { get; private set; }

    public Lsn LastStart { get; private set; }

    public Lsn LastEnd { get; private set; }

    public int Count { get; private set; }

    public WalFragment? Head { get; private set; }

    public WalFragment? Tail { get; private set; }

    public Lsn OverwrittenBefore { get; private set; }

    public WalFacts Facts() => _facts.Build();

    /// <summary>Walks the next page, whose header was checked. A page shorter than 8192 bytes is where a partial file ends.</summary>
    /// <exception cref="WalDamagedException">A record is damaged, or WAL ends here.</exception>
    public void WalkPage(ReadOnlySpan<byte> page, Lsn pageStart, int headerLength)
    {
        var position = Continue(page, pageStart, headerLength);
        while (position < page.Length && !HasEnded) position = WalkRecord(page, pageStart, position);
    }

    /// <summary>The segment's last byte was walked: what is open runs over it.</summary>
    public void ReachSegmentEnd()
    {
        if (HasEnded) return;
        if (_open.IsHead) Head = _open.ToFragment(segment.End);
        else if (_open.IsOpen) Tail = _open.ToFragment(segment.End);
        ValidEnd = segment.End;
    }

    /// <summary>WAL ended before the segment did: a first record that turned out not to be one is none.</summary>
    public void StopEarly()
    {
        if (Count == 0) FirstStart = FirstPrevious = Lsn.Invalid;
        HasEnded = true;
    }

    /// <summary>Consumes the continuation of an open record at a page's start; returns where the first record may start.</summary>
    private int Continue(ReadOnlySpan<byte> page, Lsn pageStart, int headerLength)
    {
        var header = new WalPageHeader(page);
        var continues = (header.Flags & WalPageFlags.FirstIsContinuation) != 0;
        if ((header.Flags & WalPageFlags.FirstOverwritesContinuation) != 0)
        {
            if (continues) throw Damaged(pageStart, "page", "both continues and overwrites a record");
            Overwrite(pageStart);
            return headerLength;
        }
        if (_expectsOverwrite) throw Damaged(pageStart, "page", "the record that overwrites an open one is missing");
        if (!_open.IsOpen && !continues) return headerLength;
        if (!_open.IsOpen) BeginHead(header, pageStart, headerLength);
        else if (!continues) throw Damaged(pageStart, "page", $"does not continue the record at {_open.Start}, {_open.Remaining} bytes of which are to come");
        if (header.RemainingLength != _open.Remaining)
            throw Damaged(pageStart, "page", $"{header.RemainingLength} bytes are left of the record at {_open.Start}, expected {_open.Remaining}");
        return Continue(page, headerLength, pageStart);
    }

    private int Continue(ReadOnlySpan<byte> page, int headerLength, Lsn pageStart)
    {
        var length = (int)Math.Min(_open.Remaining, WalPageHeader.PageSize - headerLength);
        var end = (int)WalRecordHeader.Align(headerLength + length);
        if (end > page.Length) throw FileEnds(pageStart);
        var headerIsKnown = _open.IsHead || _open.Length >= WalRecordHeader.Length;
        _open.Append(page.Slice(headerLength, length));
        if (!headerIsKnown && _open.Length >= WalRecordHeader.Length) CheckHeader(WalRecordHeader.Read(_open.Bytes), _open.Start);
        if (_open.Remaining == 0) FinishOpen(pageStart + end);
        return end;
    }

    private void BeginHead(in WalPageHeader header, Lsn pageStart, int headerLength)
    {
        if (pageStart != segment.Start) throw Damaged(pageStart, "page", "continues a record, but none is open");
        if (header.RemainingLength == 0) throw Damaged(pageStart, "page", "continues a record of which 0 bytes are left");
        _open.Begin(pageStart + headerLength, header.RemainingLength, isHead: true);
    }

    private void Overwrite(Lsn pageStart)
    {
        if (pageStart != segment.Start && !_open.IsOpen) throw Damaged(pageStart, "page", "overwrites a record, but none is open");
        _overwritten = _open.IsOpen && !_open.IsHead ? _open.Start : Lsn.Invalid;
        if (_open.IsHead) Head = _open.ToFragment(pageStart);
        if (FirstStart == _overwritten) FirstStart = FirstPrevious = Lsn.Invalid;
        _open.Close();
        _expectsOverwrite = true;
    }

    private void FinishOpen(Lsn end)
    {
        var wasHead = _open.IsHead;
        _open.Close();
        if (wasHead)
        {
            Head = _open.ToFragment(end);
            _headMayBeSwitch = MayEndSwitch(_open.Bytes);
            ValidEnd = end;
            return;
        }
        var header = WalRecordHeader.Read(_open.Bytes);
        CheckCrc(header, _open.RecordCrc(), _open.Start);
        Complete(_open.Bytes, header, _open.Start, end);
    }

    /// <summary>A switch record is a header only, so its continuation has 8 or 16 bytes, and info and resource manager are 8 from the end.</summary>
    private static bool MayEndSwitch(ReadOnlySpan<byte> head) => head.Length is 8 or 16
        && head[^7] == WalResourceManager.Xlog && (head[^8] & 0xF0) == WalResourceManager.XlogSwitch;

    private int WalkRecord(ReadOnlySpan<byte> page, Lsn pageStart, int position)
    {
        var start = pageStart + position;
        var rest = page[position..];
        if (rest.Length < 8) throw FileEnds(start);
        var totalLength = BinaryPrimitives.ReadUInt32LittleEndian(rest);
        if (totalLength < WalRecordHeader.Length) return EndAfterHead(start, totalLength, page.Length);
        if (rest.Length >= WalRecordHeader.Length)
        {
            var header = WalRecordHeader.Read(rest);
            CheckHeader(header, start);
            var aligned = WalRecordHeader.Align(totalLength);
            if (aligned <= rest.Length)
            {
                rest = rest[..(int)totalLength];
                var crc = Crc32C.Append(Crc32C.Of(rest[WalRecordHeader.Length..]), rest[..WalRecordHeader.CoveredLength]);
                CheckCrc(header, crc, start);
                Complete(rest, header, start, start + aligned);
                return position + (int)aligned;
            }
        }
        if (page.Length < WalPageHeader.PageSize) throw FileEnds(start);
        Open(rest, start, totalLength);
        return page.Length;
    }

    private void Open(ReadOnlySpan<byte> rest, Lsn start, uint totalLength)
    {
        if (!FirstStart.IsValid) FirstStart = start;
        _open.Begin(start, totalLength, isHead: false);
        _open.Append(rest);
    }

    /// <summary>No record follows: legitimate only after a switch record whose end came first in this segment.</summary>
    private int EndAfterHead(Lsn start, uint totalLength, int pageLength)
    {
        if (totalLength != 0 || !_headMayBeSwitch || FirstStart.IsValid)
            throw Damaged(start, "record", $"length is {totalLength}, expected at least {WalRecordHeader.Length}");
        EndsBySwitch = HasEnded = true;
        return pageLength;
    }

    private void CheckHeader(in WalRecordHeader header, Lsn start)
    {
        if (!WalResourceManager.IsValid(header.ResourceManager, major)) throw WrongResourceManager(header, start);
        if (LastStart.IsValid ? header.Previous != LastStart : header.Previous >= segment.Start) throw WrongPrevious(header, start);
        if (FirstStart.IsValid && FirstStart != start) return;
        FirstStart = start;
        FirstPrevious = header.Previous;
    }

    private void CheckCrc(in WalRecordHeader header, uint crc, Lsn start)
    {
        if (header.Crc != crc) throw WrongCrc(header, crc, start);
    }

    private void Complete(ReadOnlySpan<byte> bytes, in WalRecordHeader header, Lsn start, Lsn end)
    {
        if (!_decoder.TryDecode(bytes, header, start, end, out var record, out var problem)) throw Damaged(start, "record", problem!);
        if (_expectsOverwrite || header.IsOverwriteContrecord) CheckOverwrite(record);
        if (header.ResourceManager <= WalResourceManager.Transaction) _facts.Add(record);
        visitor?.Visit(record);
        LastStart = start;
        LastEnd = ValidEnd = end;
        Count++;
        if (header.IsSwitch) EndsBySwitch = HasEnded = true;
    }

    /// <summary>xl_overwrite_contrecord: u64 the overwritten record, i64 time (VerifyOverwriteContrecord, access/transam/xlogrecovery.c).</summary>
    private void CheckOverwrite(in WalRecord record)
    {
        if (!_expectsOverwrite) throw Damaged(record.Start, "record", "overwrites a record, but its page does not say so");
        if (!record.Header.IsOverwriteContrecord || record.MainData.Length < 8)
            throw Damaged(record.Start, "record", "is not XLOG_OVERWRITE_CONTRECORD, as its page says");
        var overwritten = new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(record.MainData));
        if (_overwritten.IsValid ? overwritten != _overwritten : overwritten >= segment.Start)
            throw Damaged(record.Start, "record", $"overwrites the record at {overwritten}, expected {(_overwritten.IsValid ? _overwritten : "one before the segment")}");
        if (!_overwritten.IsValid) OverwrittenBefore = overwritten;
        _expectsOverwrite = false;
    }

    // Messages are made in methods of their own: an interpolated string costs its method a cleared frame at every call.
    private WalDamagedException WrongResourceManager(in WalRecordHeader header, Lsn start) =>
        Damaged(start, "record", $"resource manager is {header.ResourceManager}, which PostgreSQL {major} does not have");

    private WalDamagedException WrongPrevious(in WalRecordHeader header, Lsn start) => Damaged(
        start, "record", $"previous record is {header.Previous}, expected {(LastStart.IsValid ? LastStart : "one before the segment")}");

    private WalDamagedException WrongCrc(in WalRecordHeader header, uint crc, Lsn start) =>
        Damaged(start, "record", $"CRC-32C is {crc:X8}, expected {header.Crc:X8}");

    private WalDamagedException FileEnds(Lsn at) => Damaged(at, "record or page", "the file ends in it");

    private WalDamagedException Damaged(Lsn at, string subject, string what) => new(segment, at, $"{subject} at {at}: {what}");
}
