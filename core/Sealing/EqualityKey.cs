using System.Security.Cryptography;

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

    /// <summary>The 32 bytes; secret.</summary>
    public ReadOnlySpan<byte> Bytes => _key;

    /// <summary>HMAC-SHA256 over these bytes.</summary>
    public byte[] Tag(ReadOnlySpan<byte> covered) => HMACSHA256.HashData(_key, covered);

    /// <summary>The same, piece by piece.</summary>
    public IncrementalHash StartTag() => IncrementalHash.CreateHMAC(HashAlgorithmName.SHA256, _key);
}
