using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>A SHA-256: 32 bytes, in text 64 lower-case hexadecimal digits. Compared in constant time: some of them stand for
/// secrets.</summary>
public readonly struct Sha256Digest : IEquatable<Sha256Digest>
{
    /// <summary>Length in bytes.</summary>
    public const int Size = 32;

    private readonly byte[]? _bytes;

    /// <summary>Wraps 32 bytes (copied).</summary>
    /// <exception cref="ArgumentException">Not 32 bytes.</exception>
    public Sha256Digest(ReadOnlySpan<byte> bytes) =>
        _bytes = bytes.Length == Size ? bytes.ToArray() : throw new ArgumentException("a SHA-256 has 32 bytes", nameof(bytes));

    /// <summary>The 32 bytes; all zero for <c>default</c>.</summary>
    public ReadOnlySpan<byte> Bytes => _bytes ?? new byte[Size];

    /// <summary>Hashes bytes.</summary>
    public static Sha256Digest Of(ReadOnlySpan<byte> content) => new(SHA256.HashData(content));

    /// <summary>Parses the text form.</summary>
    /// <exception cref="FormatException">Not 64 lower-case hexadecimal digits.</exception>
    public static Sha256Digest Parse(ReadOnlySpan<char> text) =>
        text.Length == 2 * Size && !text.ContainsAnyExcept("0123456789abcdef")
            ? new Sha256Digest(Convert.FromHexString(text))
            : throw new FormatException("not a SHA-256 (64 lower-case hexadecimal digits)");

    /// <inheritdoc/>
    public override string ToString() => Convert.ToHexStringLower(Bytes);

    /// <inheritdoc/>
    public bool Equals(Sha256Digest other) => CryptographicOperations.FixedTimeEquals(Bytes, other.Bytes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Sha256Digest other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => BitConverter.ToInt32(Bytes);

    /// <summary>Equal bytes.</summary>
    public static bool operator ==(Sha256Digest left, Sha256Digest right) => left.Equals(right);

    /// <summary>Different bytes.</summary>
    public static bool operator !=(Sha256Digest left, Sha256Digest right) => !left.Equals(right);
}
