using System.Buffers.Binary;
using System.IO.Hashing;
using System.Security.Cryptography;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// What tells one block from another without reading the backup: 64 bits, the CRC-32C of its 8192 bytes (low half), and 32 bits of XXH3-64
/// seeded from the cluster's equality key, so that who does not hold the key cannot make two blocks that look the same.
/// </summary>
public sealed class PageFingerprint
{
    private readonly long _seed;

    /// <summary>Fingerprints of one cluster.</summary>
    public PageFingerprint(EqualityKey equality)
    {
        Span<byte> seed = stackalloc byte[8];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, equality.Bytes, seed, [], "HFS1 page fingerprint"u8);
        _seed = BinaryPrimitives.ReadInt64LittleEndian(seed);
    }

    /// <summary>The fingerprint of a block.</summary>
    /// <param name="block">8192 bytes.</param>
    public ulong Of(ReadOnlySpan<byte> block) => Of(block, Crc32C.Of(block));

    /// <summary>The same, where its CRC-32C is known.</summary>
    public ulong Of(ReadOnlySpan<byte> block, uint crc) => crc | XxHash3.HashToUInt64(block, _seed) << 32;
}
