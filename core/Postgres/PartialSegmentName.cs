namespace Holdfast.Core.Postgres;

/// <summary>
/// The name under which a promoted server archives the last, incomplete segment of the timeline it left: <c>…002A.partial</c>
/// (xlog.c, CleanupAfterArchiveRecovery; access/xlog_internal.h, IsPartialXLogFileName).
/// </summary>
/// <param name="Segment">The segment of which it is the beginning.</param>
public readonly record struct PartialSegmentName(WalSegmentName Segment)
{
    /// <summary>What follows the segment's name.</summary>
    public const string Suffix = ".partial";

    /// <summary>Parses a name.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, WalSegmentSize size, out PartialSegmentName name)
    {
        name = default;
        if (!text.EndsWith(Suffix, StringComparison.Ordinal)
            || !WalSegmentName.TryParse(text[..^Suffix.Length], size, out var segment))
            return false;
        name = new PartialSegmentName(segment);
        return true;
    }

    /// <summary>PostgreSQL's file name.</summary>
    public override string ToString() => Segment + Suffix;
}
