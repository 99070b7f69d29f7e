using System.Buffers.Text;
using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// The identity of a public key: SHA-256 over its canonical JWK (RFC 7638), 32 bytes; in text, base64url without padding (43 characters).
/// Not secret; compared in constant time all the same where it decides about trust.
/// </summary>
public readonly struct KeyThumbprint : IEquatable<KeyThumbprint>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 32;

    private readonly byte[]? _bytes;

    /// <summary>Wraps 32 bytes (copied).</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public KeyThumbprint(ReadOnlySpan<byte> bytes) =>
        _bytes = bytes.Length == Size ? bytes.ToArray() : throw new ArgumentException("a key thumbprint has 32 bytes", nameof(bytes));

    /// <summary>The 32 bytes; all zero for <c>default</c>.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes ?? new byte[Size];

    /// <summary>Parses the text form.</summary>
    /// <exception cref="FormatException">Not 43 characters of base64url.</exception>
    public static KeyThumbprint Parse(ReadOnlySpan<char> text)
    {
        Span<byte> bytes = stackalloc byte[Size];
        return text.Length == 43 && Base64Url.TryDecodeFromChars(text, bytes, out var written) && written == Size
            ? new KeyThumbprint(bytes)
            : throw new FormatException($"\"{text}\" is not a key thumbprint (43 characters of base64url)");
    }

    /// <inheritdoc/>
    public override string ToString() => Base64Url.EncodeToString(Bytes);

    /// <summary>The first eight characters: enough for people, never used to decide.</summary>
    public string Short => ToString()[..8];

    /// <inheritdoc/>
    public bool Equals(KeyThumbprint other) => CryptographicOperations.FixedTimeEquals(Bytes, other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is KeyThumbprint other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(Bytes);

    /// <summary>Equal bytes.</summary>
    public static bool operator ==(KeyThumbprint left, KeyThumbprint right) => left.Equals(right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(KeyThumbprint left, KeyThumbprint right) => !left.Equals(right);
}
