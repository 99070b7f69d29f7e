using System.Security.Cryptography;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Sealing;

/// <summary>Where one frame lies in its object.</summary>
/// <param name="Number">From 1.</param>
/// <param name="Offset">From the object's first byte.</param>
/// <param name="SealedLength">Bytes in the object.</param>
/// <param name="PlainOffset">From the content's first byte.</param>
/// <param name="PlainLength">Bytes after decompression.</param>
/// <param name="Stored">Not compressed.</param>
public readonly record struct FramePlace(int Number, long Offset, int SealedLength, long PlainOffset, int PlainLength, bool Stored);

/// <summary>An object whose index is open. Ciphertext can be verified by anyone who has it; content needs a restorer's key.</summary>
public sealed class OpenedObject
{
    private readonly byte[]? _contentKey;
    private readonly byte[] _prefixHash;
    private readonly ReadOnlyMemory<byte> _hashes;

    internal OpenedObject(SealedHead head, ObjectIndex index, byte[]? contentKey, byte[] prefixHash)
    {
        (Head, Index, _contentKey, _prefixHash) = (head, index, contentKey, prefixHash);
        var table = index.Frames ?? new FrameTable();
        _hashes = table.Sha256.Memory;
        Frames = Places(head, table);
    }

    /// <summary>The head this was opened from.</summary>
    public SealedHead Head { get; }

    /// <summary>The whole index.</summary>
    public ObjectIndex Index { get; }

    /// <summary>All frames, in order.</summary>
    public IReadOnlyList<FramePlace> Frames { get; }

    /// <summary>Bytes that the whole object must have.</summary>
    public long Length => Head.ObjectLength;

    /// <summary>Whether the content can be opened, not only verified.</summary>
    public bool CanOpenContent => _contentKey is not null;

    /// <summary>Whether the sealed bytes of a frame are those that were signed.</summary>
    public bool IsIntact(FramePlace frame, ReadOnlySpan<byte> sealedBytes)
    {
        if (sealedBytes.Length != frame.SealedLength) return false;
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(sealedBytes, hash);
        return hash.SequenceEqual(_hashes.Span.Slice((frame.Number - 1) * 32, 32));
    }

    /// <summary>Verifies, opens and decompresses one frame.</summary>
    /// <param name="frame">Which.</param>
    /// <param name="sealedBytes">Its bytes in the object.</param>
    /// <param name="destination">Exactly <see cref="FramePlace.PlainLength"/> bytes; undefined when this throws.</param>
    /// <param name="codec">This thread's.</param>
    /// <param name="scratch">This thread's, at least as long as the sealed bytes.</param>
    /// <exception cref="SealedObjectException">Names the frame and what is wrong.</exception>
    public void OpenFrame(FramePlace frame, ReadOnlySpan<byte> sealedBytes, Span<byte> destination, IFrameCodec codec, Span<byte> scratch)
    {
        if (_contentKey is null) throw new SealedObjectException("the key at hand opens its index only", "reading content takes a restorer's key: content-private-key-file");
        if (!IsIntact(frame, sealedBytes)) throw new SealedObjectException($"frame {frame.Number} does not match its signed hash");
        using var aes = new AesGcm(_contentKey, SealedFormat.TagSize);
        var text = frame.Stored ? destination : scratch[..(frame.SealedLength - SealedFormat.TagSize)];
        if (!FrameCrypto.TryOpen(aes, (ulong)frame.Number, _prefixHash, sealedBytes, text)) throw new SealedObjectException($"frame {frame.Number} is not authentic");
        if (frame.Stored) return;
        try { codec.Decompress(text, destination); }
        catch (DamagedException e) { throw new SealedObjectException($"frame {frame.Number}: {e.Message}", inner: e); }
    }

    private static FramePlace[] Places(SealedHead head, FrameTable table)
    {
        var count = table.SealedLength.Count;
        if (table.PlainLength.Count != count || table.Stored.Count != count || table.Sha256.Length != count * 32L)
            throw new SealedObjectException("the columns of its frame table differ in length");
        var places = new FramePlace[count];
        var (offset, plain) = ((long)head.Length, 0L);
        for (var i = 0; i < count; i++)
        {
            var (sealedLength, plainLength, stored) = (table.SealedLength[i], table.PlainLength[i], table.Stored[i]);
            // A frame that does not shrink is stored, so its sealed form is never longer than its plaintext and a tag.
            if (plainLength is 0 or > SealedFormat.MaxFrame || sealedLength <= SealedFormat.TagSize || sealedLength > plainLength + SealedFormat.TagSize
                || (stored && sealedLength != plainLength + SealedFormat.TagSize))
                throw new SealedObjectException($"frame {i + 1} claims {sealedLength} bytes for {plainLength}");
            places[i] = new FramePlace(i + 1, offset, (int)sealedLength, plain, (int)plainLength, stored);
            offset += sealedLength;
            plain += plainLength;
        }
        if (offset != head.ObjectLength)
            throw new SealedObjectException($"its frames have {offset - head.Length} bytes, its prefix says {head.Prefix.FramesLength}");
        return plain == head.Prefix.PlainLength ? places : throw new SealedObjectException($"its frames hold {plain} bytes, its prefix says {head.Prefix.PlainLength}");
    }
}
