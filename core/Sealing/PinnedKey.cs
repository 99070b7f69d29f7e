using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;

namespace Holdfast.Core.Sealing;

/// <summary>
/// A public signing key pinned by configuration: "{thumbprint}:{point}", 43 and 86 characters of base64url. The thumbprint is there for the
/// eye; <see cref="ToVerifyingKey"/> checks that it is the point's. Reading the text is cheap and touches no cryptography.
/// </summary>
/// <param name="Thumbprint">RFC 7638 thumbprint as given.</param>
/// <param name="Point">x ‖ y, 64 bytes.</param>
public sealed record PinnedKey(KeyThumbprint Thumbprint, ReadOnlyMemory<byte> Point)
{
    /// <summary>What messages expect.</summary>
    public const string Expected = "THUMBPRINT:POINT of a P-256 public key (43 and 86 characters of base64url)";

    private const int PointLength = 86;

    /// <summary>Reads the text form; false when it is not one.</summary>
    public static bool TryParse(string text, [MaybeNullWhen(false)] out PinnedKey value)
    {
        value = null;
        var parts = text.Split(':');
        if (parts is not [{ Length: 43 } thumbprint, { Length: PointLength } point]) return false;
        var head = new byte[KeyThumbprint.Size];
        var body = new byte[VerifyingKey.PointSize];
        if (!Base64Url.TryDecodeFromChars(thumbprint, head, out var a) || !Base64Url.TryDecodeFromChars(point, body, out var b)) return false;
        if (a != head.Length || b != body.Length) return false;
        value = new PinnedKey(new KeyThumbprint(head), body);
        return true;
    }

    /// <summary>The text form of a key.</summary>
    public static string Format(VerifyingKey key) => $"{key.Thumbprint}:{Base64Url.EncodeToString(key.Point)}";

    /// <summary>The key.</summary>
    /// <exception cref="ConfigurationException">The point is not on the curve, or the thumbprint is another key's.</exception>
    public VerifyingKey ToVerifyingKey()
    {
        VerifyingKey key;
        try { key = new VerifyingKey(Point.Span); }
        catch (DamagedException e) { throw new ConfigurationException($"the pinned key {Thumbprint.Short}: {e.Message}", inner: e); }
        return key.Thumbprint == Thumbprint
            ? key
            : throw new ConfigurationException($"the pinned key names the thumbprint {Thumbprint}, but its point has {key.Thumbprint}", "copy the whole line from the recovery kit or from the output of: holdfast init");
    }
}
