using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Sealing;

/// <summary>
/// The cluster's equality key: 32 bytes that every registered host holds, so that it can tell "the same segment" from "another" by the tag in
/// a blob's prefix, without reading the blob. It opens nothing.
/// </summary>
public sealed class EqualityKey
{
    private readonly byte[] _key;

    /// <summary>Wraps 32 bytes (copied).</summary>
    /// <exception cref="DamagedException">Not 32 bytes.</exception>
    public EqualityKey(ReadOnlySpan<byte> key) =>
        _key = key.Length == SealedFormat.KeySize ? key.ToArray() : throw new DamagedException($"an equality key has 32 bytes, not {key.Length}");

    /// <summary>A new random key.</summary>
    public static EqualityKey Generate() => new(RandomNumberGenerator.GetBytes(SealedFormat.KeySize));

    /// <summary>Reads the text of a key's file.</summary>
    /// <param name="text">The file.</param>
    /// <param name="source">What messages call it.</param>
    /// <exception cref="ConfigurationException">Not such a text; it is not repeated.</exception>
    public static EqualityKey Parse(ReadOnlySpan<byte> text, string source)
    {
        var bytes = new byte[SealedFormat.KeySize];
        var trimmed = Encoding.ASCII.GetString(text).Trim();
        return trimmed.Length == 43 && Base64Url.TryDecodeFromChars(trimmed, bytes, out var written) && written == bytes.Length
            ? new EqualityKey(bytes)
            : throw new ConfigurationException($"{source}: expected an equality key (43 characters of base64url)");
    }

    /// <summary>The text of a key's file: 43 characters of base64url and a line feed; secret.</summary>
    public byte[] Write() => Encoding.ASCII.GetBytes(Base64Url.EncodeToString(_key) + "\n");

    /// <summary>The 32 bytes; secret.</summary>
    public ReadOnlySpan<byte> Bytes => _key;

    /// <summary>HMAC-SHA256 over these bytes.</summary>
    public byte[] Tag(ReadOnlySpan<byte> covered) => HMACSHA256.HashData(_key, covered);

    /// <summary>The same, piece by piece.</summary>
    public IncrementalHash StartTag() => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
}
