using System.Buffers.Binary;
using System.Security.Cryptography;
using Google.Protobuf;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Sealing;

/// <summary>What an object is, as far as its prefix says.</summary>
/// <param name="Kind">What it holds.</param>
/// <param name="Name">The path below the container.</param>
/// <param name="PlainLength">Bytes of content.</param>
/// <param name="CoveredLength">WAL kinds: bytes under the tag.</param>
/// <param name="Tag">WAL kinds: the tag.</param>
public sealed record SealedContent(SealedKind Kind, string Name, long PlainLength, long CoveredLength = 0, ReadOnlyMemory<byte> Tag = default);

/// <summary>Seals objects of one run: prefix, frames, index, signature, in that order (docs/format.md, "Making").</summary>
public sealed class ObjectSealer(SealingRun run, ISigningKey signer)
{
    /// <summary>The key that signs.</summary>
    public ISigningKey Signer => signer;

    /// <summary>Seals the frames in place and signs. The object reads from the spool, which must live as long.</summary>
    /// <param name="content">What goes into the prefix.</param>
    /// <param name="frames">All frames, compressed, in order.</param>
    /// <param name="index">What the index says beside the frames; its frame table is filled in here.</param>
    /// <param name="cancellationToken">Cancels a remote signature.</param>
    public async Task<SealedObject> SealAsync(SealedContent content, FrameSpool frames, ObjectIndex index, CancellationToken cancellationToken)
    {
        var salt = RandomNumberGenerator.GetBytes(SealedFormat.KeySize);
        var prefix = new SealedPrefix
        {
            Kind = content.Kind,
            Name = content.Name,
            PlainLength = content.PlainLength,
            FramesLength = frames.Length,
            CoveredLength = content.CoveredLength,
            Tag = content.Tag,
            RunId = run.RunId,
            Slots = run.Slots,
            Salt = salt,
            CommitIndex = SealingKeys.CommitIndex(run.IndexDataKey, salt, content.Name),
            CommitContent = SealingKeys.CommitContent(run.DataKey, salt, content.Name),
            Signer = signer.PublicKey.Thumbprint,
        }.Encode();
        var hash = SealedPrefix.Hash(prefix);
        index.Frames = frames.Seal(SealingKeys.ContentKey(run.DataKey, salt, content.Name), hash);
        var sealedIndex = SealIndex(SealingKeys.IndexKey(run.IndexDataKey, salt, content.Name), hash, index, IndexBounds.Of(content.Kind, content.PlainLength));
        var signature = await signer.SignAsync(SignedDigest(hash, sealedIndex), cancellationToken).ConfigureAwait(false);
        return new SealedObject([.. prefix, .. sealedIndex, .. signature], frames);
    }

    /// <summary>The digest that G signs: SHA-256("HFS1sig" ‖ H ‖ SHA-256(S ‖ X)).</summary>
    internal static byte[] SignedDigest(ReadOnlySpan<byte> prefixHash, ReadOnlySpan<byte> sealedIndex)
    {
        Span<byte> message = stackalloc byte[7 + 32 + 32];
        SealedFormat.SignatureDomain.CopyTo(message);
        prefixHash.CopyTo(message[7..]);
        SHA256.HashData(sealedIndex, message[39..]);
        return SHA256.HashData(message);
    }

    // S ‖ X
    private static byte[] SealIndex(byte[] indexKey, byte[] hash, ObjectIndex index, int allowed)
    {
        var length = index.CalculateSize() + SealedFormat.TagSize;
        if (length > allowed) throw new DamagedException($"an index of {length} bytes is above the {allowed} that the format allows its kind");
        var bytes = new byte[4 + length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, length);
        var plain = bytes.AsSpan(4, length - SealedFormat.TagSize);
        index.WriteTo(plain);
        IndexScan.Check(plain, ObjectIndexShape.Index); // What no reader would open must not be stored.
        using var aes = new AesGcm(indexKey, SealedFormat.TagSize);
        FrameCrypto.Seal(aes, 0, hash, bytes.AsSpan(4));
        return bytes;
    }
}
