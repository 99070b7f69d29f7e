namespace Holdfast.Core.Postgres;

/// <summary>What a segment must be to pass.</summary>
public enum WalJudgement
{
    /// <summary>Whole: of full size, valid to its end or to its switch record. Anything else is damage.</summary>
    Complete,

    /// <summary>
    /// For <c>.partial</c> files and the segment that a timeline ends in: valid up to the last valid record, after which anything may
    /// follow, and the file may be short. Only foreign WAL fails.
    /// </summary>
    UpToLastValidRecord,
}

/// <summary>
/// Walks one WAL segment of PostgreSQL 14 to 18 as recovery would: verifies every page header, the chain and CRC-32C of every record, and
/// summarises what the segment says. Pure and streaming: give it the bytes in order, in pieces of any size.
/// <para>
/// Bits that nothing covers, so that damage in them is neither seen here nor by PostgreSQL: the 4 padding bytes after each short page
/// header; XLP_BKP_REMOVABLE; xlp_rem_len of pages that continue nothing; the up to 7 padding bytes after each record; everything after a
/// switch record. Bits that one segment cannot judge alone: the bytes of <see cref="WalSegmentSummary.Head"/> and
/// <see cref="WalSegmentSummary.Tail"/> and the low three bits of the head's length, the timeline of a first page that is not the file's,
/// all of which <see cref="WalStitch"/> proves; the system identifier, unless the expected one is given; and, when a switch ends the WAL on
/// the first page already, that page's magic, which a flipped bit can make a newer PostgreSQL's.
/// </para>
/// </summary>
public sealed class WalWalker
{
    private readonly WalSegmentName _segment;
    private readonly WalJudgement _judgement;
    private readonly IWalRecordVisitor? _visitor;
    private readonly WalPageChecker _pages;
    private readonly byte[] _page = new byte[WalPageHeader.PageSize];
    private int _pageFill;
    private long _received;
    private long _walked;
    private bool _stopped;
    private WalRecordWalker? _records;

    /// <summary>Begins a segment.</summary>
    /// <param name="segment">The segment, by its file name.</param>
    /// <param name="expectedSystem">The cluster it must be of; null when any will do.</param>
    /// <param name="judgement">What it must be to pass.</param>
    public WalWalker(WalSegmentName segment, SystemIdentifier? expectedSystem, WalJudgement judgement = WalJudgement.Complete)
        : this(segment, expectedSystem, judgement, null)
    {
    }

    /// <summary>Begins a segment whose records <paramref name="visitor"/> wants to see.</summary>
    internal WalWalker(WalSegmentName segment, SystemIdentifier? expectedSystem, WalJudgement judgement, IWalRecordVisitor? visitor)
    {
        (_segment, _judgement, _visitor) = (segment, judgement, visitor);
        _pages = new WalPageChecker(segment, expectedSystem, judgement == WalJudgement.UpToLastValidRecord);
    }

    /// <summary>Where a switch record among the bytes walked so far ends the valid WAL; null while none does.</summary>
    public Lsn? SwitchEnd => _records is { EndsBySwitch: true } ? _records.ValidEnd : null;

    /// <summary>Walks the next bytes of the segment.</summary>
    /// <exception cref="WalDamagedException">The segment is damaged; the walker is of no more use.</exception>
    /// <exception cref="WalForeignException">The segment belongs to something else.</exception>
    public void Append(ReadOnlySpan<byte> chunk)
    {
        _received += chunk.Length;
        if (_received > _segment.Size.Bytes) throw WrongSize("or more");
        if (_pageFill > 0)
        {
            var missing = Math.Min(_page.Length - _pageFill, chunk.Length);
            chunk[..missing].CopyTo(_page.AsSpan(_pageFill));
            _pageFill += missing;
            chunk = chunk[missing..];
            if (_pageFill < _page.Length) return;
            _pageFill = 0;
            WalkPage(_page);
        }
        for (; chunk.Length >= _page.Length; chunk = chunk[_page.Length..]) WalkPage(chunk[.._page.Length]);
        chunk.CopyTo(_page);
        _pageFill = chunk.Length;
    }

    /// <summary>Ends the segment and says what it held.</summary>
    /// <exception cref="WalDamagedException">A complete segment was expected, and bytes are missing.</exception>
    /// <exception cref="WalForeignException">The segment belongs to something else.</exception>
    public WalSegmentSummary Finish()
    {
        var isWhole = _received == _segment.Size.Bytes;
        if (!isWhole && _judgement == WalJudgement.Complete) throw WrongSize("");
        if (_pageFill > 0) WalkPage(_page.AsSpan(0, _pageFill));
        if (isWhole) _records?.ReachSegmentEnd();
        else _records?.StopEarly();
        return new WalSegmentSummary
        {
            Segment = _segment,
            PageMagic = _pages.Magic,
            Major = _pages.Major,
            SystemIdentifier = _pages.SystemIdentifier,
            FirstPageTimeline = _pages.FirstTimeline,
            LastPageTimeline = _pages.LastTimeline,
            ValidEnd = _records?.ValidEnd ?? (_pages.IsNewer ? _segment.Start + _received : _segment.Start),
            EndsBySwitch = _records?.EndsBySwitch ?? false,
            FirstRecordStart = _records?.FirstStart ?? Lsn.Invalid,
            FirstRecordPrevious = _records?.FirstPrevious ?? Lsn.Invalid,
            LastRecordStart = _records?.LastStart ?? Lsn.Invalid,
            LastRecordEnd = _records?.LastEnd ?? Lsn.Invalid,
            RecordCount = _records?.Count ?? 0,
            Head = _records?.Head,
            Tail = _records?.Tail,
            OverwrittenRecord = _records?.OverwrittenBefore ?? Lsn.Invalid,
            Facts = _records?.Facts() ?? WalFacts.None,
        };
    }

    /// <summary>In a partial segment, what a whole one would be damaged by is where its WAL ends.</summary>
    private void WalkPage(ReadOnlySpan<byte> page)
    {
        var start = _segment.Start + _walked;
        _walked += page.Length;
        if (_stopped || _records is { HasEnded: true }) return;
        try
        {
            var headerLength = _pages.Check(page, start);
            if (_pages.Major is not { } major) return;
            _records ??= new WalRecordWalker(_segment, major, _visitor);
            _records.WalkPage(page, start, headerLength);
        }
        catch (WalDamagedException) when (_judgement == WalJudgement.UpToLastValidRecord)
        {
            _stopped = true;
            _records?.StopEarly();
        }
    }

    private WalDamagedException WrongSize(string more) =>
        new(_segment, _segment.Start, $"is {_received} bytes long {more}".TrimEnd() + $", expected {_segment.Size.Bytes}");
}
