using System.Runtime.CompilerServices;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// A blob that holds a sealed object, its head read and parsed but not yet believed. <see cref="Start"/> is what was read so far: for most WAL,
/// all of it, so that a segment costs one GET.
/// </summary>
/// <param name="Name">The blob, <c>.{n}</c> included.</param>
/// <param name="Properties">Of the version read.</param>
/// <param name="Head">P, S, X, G.</param>
/// <param name="Start">The blob's first bytes, at least the head.</param>
public sealed record SealedBlob(string Name, BlobProperties Properties, SealedHead Head, ReadOnlyMemory<byte> Start)
{
    // A ranged read of the store's contract.
    private const int MaxRead = 16 << 20;

    /// <summary>Reads the head of a blob; null when it is absent.</summary>
    /// <param name="store">Where.</param>
    /// <param name="name">Which.</param>
    /// <param name="firstRead">Bytes to ask for at once: <see cref="SealedFormat.FirstRead"/> for the index, more to have the content too.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="SealedObjectException">What is there is no sealed object, or not the whole of it; names the blob.</exception>
    public static async Task<SealedBlob?> ReadHeadAsync(IObjectStore store, string name, int firstRead, CancellationToken cancellationToken)
    {
        var read = await store.ReadAsync(name, 0, firstRead, cancellationToken).ConfigureAwait(false);
        if (read is null) return null;
        var start = read.Bytes;
        try
        {
            // At most twice: once to learn |X|, once to have it.
            for (var needed = Needed(start); needed > start.Length; needed = Needed(start))
            {
                if (needed > read.Properties.Length) throw new SealedObjectException($"it has {read.Properties.Length} bytes, its head alone claims {needed}");
                start = await ExtendAsync(store, name, read.Properties, start, needed, cancellationToken).ConfigureAwait(false);
            }
            var head = SealedHead.Parse(start.Span);
            if (head.ObjectLength != read.Properties.Length)
                throw new SealedObjectException($"it has {read.Properties.Length} bytes, its prefix says {head.ObjectLength}");
            return new SealedBlob(name, read.Properties, head, start);
        }
        catch (SealedObjectException e)
        {
            throw e.In(name);
        }
    }

    /// <summary>Writes the whole content to <paramref name="destination"/>, frame by frame, each verified before a byte of it is written.</summary>
    /// <param name="store">Where the blob is.</param>
    /// <param name="keyring">A restorer's keys.</param>
    /// <param name="codec">Decompresses.</param>
    /// <param name="destination">Receives the content; its caller discards it when this throws.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The opened object.</returns>
    /// <exception cref="SealedObjectException">Names the blob, and the frame.</exception>
    public async Task<OpenedObject> CopyContentAsync(IObjectStore store, Keyring keyring, IFrameCodec codec, Stream destination, CancellationToken cancellationToken)
    {
        try
        {
            var opened = await Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false);
            var (plain, scratch) = (Array.Empty<byte>(), Array.Empty<byte>());
            await foreach (var (frame, sealedBytes) in FramesAsync(store, opened, cancellationToken).ConfigureAwait(false))
            {
                if (plain.Length < frame.PlainLength) plain = new byte[frame.PlainLength];
                if (scratch.Length < frame.SealedLength) scratch = new byte[frame.SealedLength];
                var content = plain.AsMemory(0, frame.PlainLength);
                opened.OpenFrame(frame, sealedBytes.Span, content.Span, codec, scratch);
                await destination.WriteAsync(content, cancellationToken).ConfigureAwait(false);
            }
            return opened;
        }
        catch (SealedObjectException e)
        {
            throw e.In(Name);
        }
    }

    /// <summary>Reads the whole blob and compares every frame with its signed hash, which an index key is enough for.</summary>
    /// <param name="store">Where the blob is.</param>
    /// <param name="keyring">An index key, or a restorer's keys.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <returns>The opened object.</returns>
    /// <exception cref="SealedObjectException">Names the blob, and the frame.</exception>
    public async Task<OpenedObject> VerifyFramesAsync(IObjectStore store, Keyring keyring, CancellationToken cancellationToken)
    {
        try
        {
            var opened = await Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false);
            await foreach (var (frame, sealedBytes) in FramesAsync(store, opened, cancellationToken).ConfigureAwait(false))
                if (!opened.IsIntact(frame, sealedBytes.Span)) throw new SealedObjectException($"frame {frame.Number} does not match its signed hash");
            return opened;
        }
        catch (SealedObjectException e)
        {
            throw e.In(Name);
        }
    }

    private async IAsyncEnumerable<(FramePlace Frame, ReadOnlyMemory<byte> Sealed)> FramesAsync(
        IObjectStore store, OpenedObject opened, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var (window, windowStart) = (Start, 0L);
        foreach (var frame in opened.Frames)
        {
            if (frame.Offset + frame.SealedLength > windowStart + window.Length)
            {
                window = await ReadAsync(store, Name, Properties, frame.Offset, Math.Max(frame.SealedLength, MaxRead), frame.SealedLength, cancellationToken).ConfigureAwait(false);
                windowStart = frame.Offset;
            }
            yield return (frame, window.Slice((int)(frame.Offset - windowStart), frame.SealedLength));
        }
    }

    private static int Needed(ReadOnlyMemory<byte> start) =>
        start.Length < 10 ? throw new SealedObjectException($"it has {start.Length} bytes: no sealed object") : SealedHead.BytesNeeded(start.Span);

    private static async Task<ReadOnlyMemory<byte>> ExtendAsync(
        IObjectStore store, string name, BlobProperties version, ReadOnlyMemory<byte> start, int needed, CancellationToken cancellationToken)
    {
        var whole = new byte[needed];
        start.CopyTo(whole);
        for (var have = start.Length; have < needed;)
        {
            var more = await ReadAsync(store, name, version, have, Math.Min(MaxRead, needed - have), Math.Min(MaxRead, needed - have), cancellationToken).ConfigureAwait(false);
            more.CopyTo(whole.AsMemory(have));
            have += more.Length;
        }
        return whole;
    }

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(
        IObjectStore store, string name, BlobProperties version, long offset, int length, int atLeast, CancellationToken cancellationToken)
    {
        var read = await store.ReadAsync(name, offset, length, cancellationToken).ConfigureAwait(false)
            ?? throw new SealedObjectException("it was there a moment ago and is gone");
        if (read.ETag != version.ETag) throw new SealedObjectException($"it changed while it was read (version {version.ETag}, then {read.ETag})");
        if (read.Bytes.Length < atLeast) throw new SealedObjectException($"it ends within the {atLeast} bytes at {offset}");
        return read.Bytes;
    }
}
