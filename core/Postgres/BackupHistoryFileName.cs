using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>
/// The name of a backup history file, which the server archives when a backup ends: the segment where the backup started and the start's offset
/// in it, <c>000000010000000000000002.00000028.backup</c> (access/xlog_internal.h, BackupHistoryFileName).
/// </summary>
/// <param name="Segment">The segment that holds the start.</param>
/// <param name="Offset">The start's offset in bytes, below the segment's size.</param>
public readonly record struct BackupHistoryFileName(WalSegmentName Segment, uint Offset)
{
    /// <summary>What follows the offset.</summary>
    public const string Suffix = ".backup";

    private const int OffsetDigits = 8;

    /// <summary>Where the backup started.</summary>
    public Lsn Start => Segment.Start + Offset;

    /// <summary>Parses a name; the offset has eight upper-case digits and lies within the segment.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, WalSegmentSize size, out BackupHistoryFileName name)
    {
        name = default;
        if (text.Length != WalSegmentName.Length + 1 + OffsetDigits + Suffix.Length || text[WalSegmentName.Length] != '.'
            || !text.EndsWith(Suffix, StringComparison.Ordinal) || !WalSegmentName.TryParse(text[..WalSegmentName.Length], size, out var segment))
            return false;
        var digits = text.Slice(WalSegmentName.Length + 1, OffsetDigits);
        if (digits.ContainsAnyExcept("0123456789ABCDEF")) return false;
        var offset = uint.Parse(digits, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        if (offset >= (uint)size.Bytes) return false;
        name = new BackupHistoryFileName(segment, offset);
        return true;
    }

    /// <summary>PostgreSQL's file name.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Segment}.{Offset:X8}{Suffix}");
}
