using System.Numerics;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Judges page headers as XLogReaderValidatePageHeader does (access/transam/xlogreader.c), and three things more that every writer of
/// PostgreSQL keeps to: all pages of a segment carry one magic, only the first has the long header, and no page is of a later timeline than
/// the file. Pages may be of an earlier one, never falling: a promotion copies the old timeline's pages up to the switch point.
/// </summary>
internal sealed class WalPageChecker(WalSegmentName segment, SystemIdentifier? expectedSystem, bool mayBeUnwritten)
{
    private bool _hasPage;

    public ushort Magic { get; private set; }

    public int? Major { get; private set; }

    public SystemIdentifier? SystemIdentifier { get; private set; }

    public TimelineId FirstTimeline { get; private set; }

    public TimelineId LastTimeline { get; private set; }

    /// <summary>The pages are of a PostgreSQL that came after this code: only their headers are judged.</summary>
    public bool IsNewer => _hasPage && Major is null;

    /// <summary>Checks the header of the page at <paramref name="lsn"/> and returns the header's length.</summary>
    /// <exception cref="WalDamagedException">The page is damaged, or not WAL.</exception>
    /// <exception cref="WalForeignException">The first page is WAL of something else.</exception>
    public int Check(ReadOnlySpan<byte> page, Lsn lsn)
    {
        if (page.Length < (_hasPage ? WalPageHeader.ShortLength : WalPageHeader.LongLength))
            throw Damaged(lsn, "the file ends in the page's header");
        var header = new WalPageHeader(page);
        if (!_hasPage)
        {
            CheckFirst(header, lsn);
            return WalPageHeader.LongLength;
        }
        if (IsNewer)
        {
            CheckNewer(header, lsn);
            return WalPageHeader.ShortLength;
        }
        CheckMagic(header, lsn);
        CheckFlags(header, lsn);
        if ((header.Flags & WalPageFlags.LongHeader) != 0) throw Damaged(lsn, "a long header, which only a segment's first page has");
        if (header.Address != lsn) throw Damaged(lsn, $"address is {header.Address}, expected {lsn}");
        CheckTimeline(header, lsn);
        LastTimeline = header.Timeline;
        return WalPageHeader.ShortLength;
    }

    private void CheckFirst(in WalPageHeader header, Lsn lsn)
    {
        var major = WalPageHeader.MajorOf(header.Magic);
        if (major is null && !WalPageHeader.LooksNewer(header.Magic))
            throw Damaged(lsn, $"page magic is 0x{header.Magic:X4}, expected that of PostgreSQL 14 to 18 (0xD10D to 0xD118) or later");
        if (major is not null) CheckFlags(header, lsn);
        if ((header.Flags & WalPageFlags.LongHeader) == 0) throw Damaged(lsn, "no long header on the segment's first page");
        CheckIdentity(header, lsn);
        CheckAddress(header, lsn);
        CheckTimeline(header, lsn);
        (Magic, Major, SystemIdentifier, _hasPage) = (header.Magic, major, header.SystemIdentifier, true);
        FirstTimeline = LastTimeline = header.Timeline;
    }

    private void CheckIdentity(in WalPageHeader header, Lsn lsn)
    {
        if (!WalSegmentSize.IsValid(header.SegmentSize) || !BitOperations.IsPow2(header.BlockSize) || header.BlockSize is < 1024 or > 65536)
            throw Damaged(lsn, $"the long header says segments of {header.SegmentSize} bytes and pages of {header.BlockSize}");
        if (expectedSystem is { } expected && header.SystemIdentifier != expected)
            throw Foreign(WalForeignReason.OtherCluster, $"system identifier is {header.SystemIdentifier}, expected {expected}",
                "This WAL was written by another cluster. Check archive_command and the cluster's configuration.");
        if (header.SegmentSize != segment.Size.Bytes)
            throw Foreign(WalForeignReason.OtherSegmentSize, $"segment size is {header.SegmentSize} bytes, expected {segment.Size.Bytes}");
        if (header.BlockSize != WalPageHeader.PageSize)
            throw Foreign(WalForeignReason.OtherPageSize, $"XLOG_BLCKSZ is {header.BlockSize}, expected {WalPageHeader.PageSize}",
                "PostgreSQL built with another WAL block size is not supported.");
    }

    /// <summary>A whole segment at another address is another segment; in a partial file it is one recycled and not written yet.</summary>
    private void CheckAddress(in WalPageHeader header, Lsn lsn)
    {
        if (header.Address == lsn) return;
        var what = $"page at {lsn}: address is {header.Address}, expected {lsn}";
        if (mayBeUnwritten || header.Address.Value % (uint)segment.Size.Bytes != 0) throw new WalDamagedException(segment, lsn, what);
        throw Foreign(WalForeignReason.OtherSegment, what, "The file holds another segment than its name says.");
    }

    private void CheckTimeline(in WalPageHeader header, Lsn lsn)
    {
        if (header.Timeline.Value == 0) throw Damaged(lsn, "timeline is 0");
        if (header.Timeline.CompareTo(LastTimeline) < 0)
            throw Damaged(lsn, $"timeline is {header.Timeline}, expected at least {LastTimeline} as on the page before");
        if (header.Timeline.CompareTo(segment.Timeline) <= 0) return;
        var what = $"timeline is {header.Timeline}, expected at most {segment.Timeline}";
        if (_hasPage) throw Damaged(lsn, what);
        throw Foreign(WalForeignReason.OtherSegment, $"page at {lsn}: {what}");
    }

    private void CheckMagic(in WalPageHeader header, Lsn lsn)
    {
        if (header.Magic != Magic) throw Damaged(lsn, $"page magic is 0x{header.Magic:X4}, expected 0x{Magic:X4}");
    }

    private void CheckFlags(in WalPageHeader header, Lsn lsn)
    {
        if ((header.Flags & ~WalPageFlags.All) != 0) throw Damaged(lsn, $"flags are 0x{(ushort)header.Flags:X4}, expected only bits of 0x{(ushort)WalPageFlags.All:X4}");
    }

    /// <summary>Where the records end is not known, so a page that is not of this place may be a recycled tail; but one of this place must fit.</summary>
    private void CheckNewer(in WalPageHeader header, Lsn lsn)
    {
        if (header.Address != lsn) return;
        CheckMagic(header, lsn);
        CheckTimeline(header, lsn);
        LastTimeline = header.Timeline;
    }

    private WalDamagedException Damaged(Lsn lsn, string what) => new(segment, lsn, $"page at {lsn}: {what}");

    private WalForeignException Foreign(WalForeignReason reason, string what, string? hint = null) => new(segment, reason, what, hint);
}
