using System.Text;

namespace Holdfast.Agent.Restore;

/// <summary>
/// Paths as text that loses nothing: a byte that is no UTF-8 is a lone surrogate, U+DC80 to U+DCFF (as PEP 383 has it). Such text compares, combines and sorts
/// as any other; only what goes to the kernel must come from <see cref="ToBytes"/>, for .NET would replace what it cannot encode, and make another name.
/// </summary>
internal static class RawPath
{
    private const int Escape = 0xDC00;

    /// <summary>The text of a path's bytes.</summary>
    public static string ToText(ReadOnlySpan<byte> path)
    {
        var text = new StringBuilder(path.Length);
        while (!path.IsEmpty)
        {
            var valid = Rune.DecodeFromUtf8(path, out var rune, out var used) == System.Buffers.OperationStatus.Done;
            if (valid) text.Append(rune.ToString());
            else foreach (var b in path[..used]) text.Append((char)(Escape + b));
            path = path[used..];
        }
        return text.ToString();
    }

    /// <summary>The bytes of a path's text.</summary>
    public static byte[] ToBytes(string path)
    {
        var bytes = new List<byte>(path.Length + 8);
        Span<byte> encoded = stackalloc byte[4];
        for (var rest = path.AsSpan(); !rest.IsEmpty;)
        {
            var valid = Rune.DecodeFromUtf16(rest, out var rune, out var used) == System.Buffers.OperationStatus.Done;
            if (valid) bytes.AddRange(encoded[..rune.EncodeToUtf8(encoded)]);
            else bytes.Add(rest[0] is >= (char)(Escape + 0x80) and <= (char)(Escape + 0xFF) ? (byte)rest[0] : throw new ArgumentException("a lone surrogate that stands for no byte", nameof(path)));
            rest = rest[used..];
        }
        return [.. bytes];
    }

    /// <summary>For libc: the bytes, and a zero.</summary>
    public static byte[] Terminated(string path) => [.. ToBytes(path), 0];

    /// <summary>For people: bytes that are no UTF-8 as \xNN.</summary>
    public static string Display(string path) => Host.RawFiles.Display(ToBytes(path));
}
