using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>
/// The identity of one WAL segment. <see cref="Number"/> counts segments of <see cref="Size"/> from LSN 0. The text form is PostgreSQL's
/// 24 hexadecimal digits: timeline, high half, segment within that 4 GiB (access/xlog_internal.h, XLogFileName).
/// </summary>
public readonly record struct WalSegmentName(TimelineId Timeline, ulong Number, WalSegmentSize Size)
{
    /// <summary>Length of a segment's file name.</summary>
    public const int Length = 24;

    /// <summary>Parses a name; the segment size is needed because the low part counts segments.</summary>
    /// <exception cref="FormatException">Not a segment name, or its low part is beyond what <paramref name="size"/> allows.</exception>
    public static WalSegmentName Parse(ReadOnlySpan<char> text, WalSegmentSize size) =>
        TryParse(text, size, out var name) ? name : throw new FormatException($"\"{text}\" is not the name of a WAL segment of {size}");

    /// <summary>As <see cref="Parse"/>, without throwing.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, WalSegmentSize size, out WalSegmentName name)
    {
        name = default;
        if (!LooksLikeSegment(text)) return false;
        var timeline = uint.Parse(text[..8], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var log = uint.Parse(text[8..16], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        var low = uint.Parse(text[16..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (timeline == 0 || low >= size.SegmentsPerLog) return false;
        name = new WalSegmentName(new TimelineId(timeline), log * size.SegmentsPerLog + low, size);
        return true;
    }

    /// <summary>24 upper-case hexadecimal digits, whatever the segment size (PostgreSQL's IsXLogFileName).</summary>
    public static bool LooksLikeSegment(ReadOnlySpan<char> text) =>
        text.Length == Length && !text.ContainsAnyExcept("0123456789ABCDEF");

    /// <summary>What would be a segment's name at the start of a path's last part; empty when that is too short.</summary>
    public static ReadOnlySpan<char> In(ReadOnlySpan<char> path)
    {
        var file = path[(path.LastIndexOf('/') + 1)..];
        return file.Length < Length ? default : file[..Length];
    }

    /// <summary>The segment that holds the byte at <paramref name="lsn"/>.</summary>
    public static WalSegmentName Containing(TimelineId timeline, Lsn lsn, WalSegmentSize size) =>
        new(timeline, lsn.Value / (uint)size.Bytes, size);

    /// <summary>The first byte.</summary>
    public Lsn Start => new(Number * (uint)Size.Bytes);

    /// <summary>The byte after the last one.</summary>
    public Lsn End => Start + Size.Bytes;

    /// <summary>The next segment of the same timeline.</summary>
    public WalSegmentName Next => this with { Number = Number + 1 };

    /// <summary>The eight hexadecimal digits in the middle of the name, the folder of the segment's blob.</summary>
    public string LogFolder => ((uint)(Number / Size.SegmentsPerLog)).ToString("X8", CultureInfo.InvariantCulture);

    /// <summary><c>{TLI}/{log hi}/</c>: the same for all sizes.</summary>
    public string FolderPrefix => $"{Timeline.ToFileName()}/{LogFolder}/";

    /// <summary>PostgreSQL's file name.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture,
        $"{Timeline.Value:X8}{(uint)(Number / Size.SegmentsPerLog):X8}{(uint)(Number % Size.SegmentsPerLog):X8}");
}
