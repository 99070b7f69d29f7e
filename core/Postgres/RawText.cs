using System.Buffers;
using System.Globalization;
using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>Paths and names as PostgreSQL and the kernel have them: bytes of some encoding, or of none.</summary>
public static class RawText
{
    /// <summary>As messages show it: UTF-8 where it is, other bytes and control characters as \xNN.</summary>
    public static string Display(ReadOnlySpan<byte> bytes)
    {
        var text = new StringBuilder(bytes.Length);
        while (!bytes.IsEmpty)
        {
            var status = Rune.DecodeFromUtf8(bytes, out var rune, out var used);
            if (status == OperationStatus.Done && !Rune.IsControl(rune)) text.Append(rune.ToString());
            else foreach (var b in bytes[..used]) text.Append("\\x").Append(b.ToString("x2", CultureInfo.InvariantCulture));
            bytes = bytes[used..];
        }
        return text.ToString();
    }

    /// <summary>The bytes of a text that may hold \xNN, as <see cref="Display"/> writes them.</summary>
    public static byte[] Parse(string text)
    {
        ReadOnlySpan<byte> rest = Encoding.UTF8.GetBytes(text);
        var bytes = new List<byte>(rest.Length);
        while (!rest.IsEmpty)
        {
            var isEscape = TryEscape(rest, out var escaped);
            bytes.Add(isEscape ? escaped : rest[0]);
            rest = rest[(isEscape ? 4 : 1)..];
        }
        return [.. bytes];
    }

    private static bool TryEscape(ReadOnlySpan<byte> text, out byte value)
    {
        value = 0;
        return text.Length >= 4 && text.StartsWith("\\x"u8)
            && byte.TryParse(text.Slice(2, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
