using System.Globalization;

namespace Holdfast.Core.Postgres;

/// <summary>
/// A position in the write-ahead log, in bytes since the start of the cluster's history (PostgreSQL's XLogRecPtr, access/xlogdefs.h).
/// Zero is <see cref="Invalid"/>: no record ever starts there.
/// </summary>
public readonly record struct Lsn(ulong Value) : IComparable<Lsn>
{
    /// <summary>PostgreSQL's InvalidXLogRecPtr.</summary>
    public static readonly Lsn Invalid;

    /// <summary>False only for <see cref="Invalid"/>.</summary>
    public bool IsValid => Value != 0;

    /// <summary>Parses PostgreSQL's text form: two hexadecimal halves of 1 to 8 digits, separated by a slash.</summary>
    /// <exception cref="FormatException">The text is not an LSN.</exception>
    public static Lsn Parse(ReadOnlySpan<char> text) =>
        TryParse(text, out var lsn) ? lsn : throw new FormatException($"\"{text}\" is not an LSN such as 0/2A000028");

    /// <summary>As <see cref="Parse"/>, without throwing.</summary>
    public static bool TryParse(ReadOnlySpan<char> text, out Lsn lsn)
    {
        lsn = default;
        var slash = text.IndexOf('/');
        if (slash is < 1 or > 8 || text.Length - slash - 1 is < 1 or > 8
            || !uint.TryParse(text[..slash], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var high)
            || !uint.TryParse(text[(slash + 1)..], NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var low))
            return false;
        lsn = new Lsn((ulong)high << 32 | low);
        return true;
    }

    /// <summary>As PostgreSQL writes it: upper case, no leading zeros, <c>0/2A000028</c>.</summary>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{(uint)(Value >> 32):X}/{(uint)Value:X}");

    /// <inheritdoc/>
    public int CompareTo(Lsn other) => Value.CompareTo(other.Value);

    /// <summary>The position <paramref name="bytes"/> further on.</summary>
    public static Lsn operator +(Lsn left, long bytes) => new(unchecked(left.Value + (ulong)bytes));

    /// <summary>Bytes from <paramref name="right"/> to <paramref name="left"/>.</summary>
    public static long operator -(Lsn left, Lsn right) => unchecked((long)(left.Value - right.Value));

    /// <summary>Earlier in the log.</summary>
    public static bool operator <(Lsn left, Lsn right) => left.Value < right.Value;

    /// <summary>Later in the log.</summary>
    public static bool operator >(Lsn left, Lsn right) => left.Value > right.Value;

    /// <summary>Earlier or equal.</summary>
    public static bool operator <=(Lsn left, Lsn right) => left.Value <= right.Value;

    /// <summary>Later or equal.</summary>
    public static bool operator >=(Lsn left, Lsn right) => left.Value >= right.Value;
}
