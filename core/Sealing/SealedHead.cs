using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// P, S, X and G of an object as read: parsed, not yet believed. <see cref="IsSignedBy"/> needs no secret; <see cref="OpenIndexAsync"/> needs a
/// key of the ring.
/// </summary>
public sealed class SealedHead
{
    private readonly byte[] _sealedIndex;
    private readonly byte[] _signature;
    private readonly byte[] _hash;

    private SealedHead(SealedPrefix prefix, byte[] hash, byte[] sealedIndex, byte[] signature, int length) =>
        (Prefix, _hash, _sealedIndex, _signature, Length) = (prefix, hash, sealedIndex, signature, length);

    /// <summary>P.</summary>
    public SealedPrefix Prefix { get; }

    /// <summary>|P ‖ S ‖ X ‖ G|: where the frames start.</summary>
    public int Length { get; }

    /// <summary>Bytes of the whole object, as far as the prefix says.</summary>
    public long ObjectLength => Length + Prefix.FramesLength;

    /// <summary>
    /// How many bytes from the object's start <see cref="Parse"/> needs, as far as <paramref name="start"/> (at least 10 bytes) tells: call
    /// again with that many until it asks for no more. At most what <see cref="IndexBounds"/> allows the kind, and some KiB.
    /// </summary>
    /// <exception cref="SealedObjectException">No sealed object, or a length out of bounds.</exception>
    public static int BytesNeeded(ReadOnlySpan<byte> start)
    {
        var prefix = SealedPrefix.ReadLength(start);
        if (start.Length < prefix + 4) return prefix + 4;
        var index = BinaryPrimitives.ReadUInt32LittleEndian(start[prefix..]);
        var (kind, plainLength) = SealedPrefix.ReadKind(start[..prefix]);
        var allowed = IndexBounds.Of(kind, plainLength);
        if (index < SealedFormat.TagSize || index > allowed) throw new SealedObjectException($"its index claims {index} bytes, allowed are {allowed}");
        return prefix + 4 + (int)index + VerifyingKey.SignatureSize;
    }

    /// <summary>Parses the head from the object's first bytes.</summary>
    /// <exception cref="SealedObjectException">Cut short or malformed.</exception>
    public static SealedHead Parse(ReadOnlySpan<byte> start)
    {
        var needed = BytesNeeded(start);
        if (start.Length < needed) throw new SealedObjectException($"it ends after {start.Length} bytes, its head alone has {needed}");
        var prefixLength = SealedPrefix.ReadLength(start);
        var prefix = SealedPrefix.Parse(start[..prefixLength]);
        return new SealedHead(prefix, SealedPrefix.Hash(start[..prefixLength]), start[prefixLength..(needed - VerifyingKey.SignatureSize)].ToArray(),
            start.Slice(needed - VerifyingKey.SignatureSize, VerifyingKey.SignatureSize).ToArray(), needed);
    }

    /// <summary>Whether this key signed exactly this head.</summary>
    public bool IsSignedBy(VerifyingKey key) =>
        key.Thumbprint == Prefix.Signer && key.Verify(ObjectSealer.SignedDigest(_hash, _sealedIndex), _signature);

    /// <summary>Opens the index; where the frames lie and what they hold.</summary>
    /// <param name="keyring">Keys at hand.</param>
    /// <param name="cancellationToken">Cancels a remote unwrap.</param>
    /// <exception cref="SealedObjectException">No key, or not authentic, or the index contradicts itself or the prefix.</exception>
    public async ValueTask<OpenedObject> OpenIndexAsync(Keyring keyring, CancellationToken cancellationToken)
    {
        var keys = await keyring.OpenAsync(Prefix, cancellationToken).ConfigureAwait(false);
        var plain = new byte[_sealedIndex.Length - 4 - SealedFormat.TagSize];
        using (var aes = new AesGcm(SealingKeys.IndexKey(keys.IndexDataKey, Prefix.Salt.Span, Prefix.Name), SealedFormat.TagSize))
            if (!FrameCrypto.TryOpen(aes, 0, _hash, _sealedIndex.AsSpan(4), plain)) throw new SealedObjectException("its index is not authentic");
        var index = IndexBounds.Parse(plain);
        var contentKey = keys.DataKey is null ? null : SealingKeys.ContentKey(keys.DataKey, Prefix.Salt.Span, Prefix.Name);
        return new OpenedObject(this, index, contentKey, _hash);
    }
}
