using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository.Packs;

/// <summary>Opens packs. Safe to use from several threads.</summary>
/// <param name="data">The data container.</param>
/// <param name="keyring">A restorer's keys for content; an index key is enough for what a pack holds and whether it is intact.</param>
/// <param name="trust">Whose signature counts.</param>
/// <param name="report">Told of junk, from any thread.</param>
public sealed class PackReader(IObjectStore data, Keyring keyring, BackupTrust trust, Action<Junk> report)
{
    /// <summary>Asks for a whole pack, whatever its length.</summary>
    public const int Whole = PackFormat.MaxPayload + (1 << 20);

    private readonly SealedStore _store = new(data);

    /// <summary>Reads and verifies a pack's head, with as much of its frames as <paramref name="firstRead"/> brings.</summary>
    /// <param name="pack">Which, as an index blob or a manifest says it.</param>
    /// <param name="firstRead"><see cref="Whole"/> for all of it in one GET; <see cref="SealedFormat.FirstRead"/> for the head, when few frames are wanted.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">Missing, damaged, another's, or not as the manifest says; names the blob.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<OpenPack> OpenAsync(StoredPack pack, int firstRead, CancellationToken cancellationToken)
    {
        var label = $"pack {pack.Name} of backup {pack.Attempt.Label}";
        var item = new SealedItem(SealedKind.Pack, pack.Name, trust.For(pack.Attempt), label);
        var blob = await _store.FindAsync(item, firstRead, report, cancellationToken).ConfigureAwait(false)
            ?? throw new DamagedException($"{label}: it is missing in {data.DisplayName}", "the backup cannot be restored whole: bring the blob back from a replica, or take another backup");
        try
        {
            if (blob.Properties.Length != pack.Length) throw new SealedObjectException($"it has {blob.Properties.Length} bytes, its backup says {pack.Length}");
            return new OpenPack(data, pack, blob, await blob.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false));
        }
        catch (SealedObjectException e)
        {
            throw e.In(blob.Name);
        }
    }
}

/// <summary>Some blocks of a pack's content.</summary>
/// <param name="First">The first one's number in the content.</param>
/// <param name="Count">How many, at least 1.</param>
public readonly record struct BlockRun(int First, int Count);

/// <summary>A pack whose head was verified and whose index is open. Safe to use from several threads; the codec is not.</summary>
public sealed class OpenPack
{
    // A request costs about as much as this many bytes more (10 ms at 25 MB/s): frames with less between them are fetched together.
    private const int Gap = 256 << 10;
    private const int MaxRead = 16 << 20;

    private readonly IObjectStore _data;
    private readonly SealedBlob _blob;
    private readonly OpenedObject _object;

    internal OpenPack(IObjectStore data, StoredPack pack, SealedBlob blob, OpenedObject opened)
    {
        (_data, Pack, _blob, _object) = (data, pack, blob, opened);
        var index = opened.Index.Pack ?? throw new SealedObjectException("its index says nothing of blocks");
        if (opened.Head.Prefix.PlainLength != (long)pack.Blocks * PackFormat.BlockSize)
            throw new SealedObjectException($"it holds {opened.Head.Prefix.PlainLength} bytes, its backup says {pack.Blocks} blocks");
        foreach (var frame in opened.Frames)
            if (frame.PlainLength % PackFormat.BlockSize != 0) throw new SealedObjectException($"frame {frame.Number} holds {frame.PlainLength} bytes, no whole number of blocks");
        if (index.Fingerprints.Length != pack.Blocks * 8L) throw new SealedObjectException($"it has {index.Fingerprints.Length} bytes of fingerprints for {pack.Blocks} blocks");
        Extents = ExtentTableCodec.Decode(index.Extents, FileTableCodec.Decode(index.Files), [pack]);
        CheckCovered(pack, Extents);
    }

    /// <summary>Which pack.</summary>
    public StoredPack Pack { get; }

    /// <summary>Where it was found: its name, maybe with <c>.{n}</c>.</summary>
    public string Blob => _blob.Name;

    /// <summary>What it holds, ascending; runs of zeros between as well.</summary>
    public IReadOnlyList<Extent> Extents { get; }

    /// <summary>Where its frames lie, in order; all of whole blocks.</summary>
    public IReadOnlyList<FramePlace> Frames => _object.Frames;

    /// <summary>The fingerprint of a block of the content (<see cref="PageFingerprint"/>).</summary>
    public ulong FingerprintOf(int block) => System.Buffers.Binary.BinaryPrimitives.ReadUInt64LittleEndian(_object.Index.Pack.Fingerprints.Span[(block * 8)..]);

    /// <summary>
    /// Reads blocks: fetches the frames they are in, those near one another with one GET, verifies, opens and hands them out. What the first read
    /// brought is not fetched again.
    /// </summary>
    /// <param name="wanted">Runs of blocks, ascending, not overlapping.</param>
    /// <param name="codec">This thread's.</param>
    /// <param name="take">Given each stretch of wanted blocks that lies in one frame: the first one's number in the content, and the bytes, which are
    /// good only for the call.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">Names the blob, and the frame.</exception>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task ReadAsync(IReadOnlyList<BlockRun> wanted, IFrameCodec codec, Action<int, ReadOnlySpan<byte>> take, CancellationToken cancellationToken)
    {
        var frames = FramesOf(wanted);
        var (plain, scratch) = (Array.Empty<byte>(), Array.Empty<byte>());
        var (window, windowStart) = (_blob.Start, 0L);
        try
        {
            var (run, done) = (0, 0);
            for (var i = 0; i < frames.Count; i++)
            {
                var frame = frames[i];
                if (frame.Offset < windowStart || frame.Offset + frame.SealedLength > windowStart + window.Length)
                    (window, windowStart) = (await FetchAsync(frames, i, cancellationToken).ConfigureAwait(false), frame.Offset);
                if (plain.Length < frame.PlainLength) plain = new byte[frame.PlainLength];
                if (scratch.Length < frame.SealedLength) scratch = new byte[frame.SealedLength];
                _object.OpenFrame(frame, window.Span.Slice((int)(frame.Offset - windowStart), frame.SealedLength), plain.AsSpan(0, frame.PlainLength), codec, scratch);
                HandOut(frame, plain, wanted, ref run, ref done, take);
            }
        }
        catch (SealedObjectException e)
        {
            throw e.In(Blob);
        }
    }

    private static void HandOut(FramePlace frame, byte[] plain, IReadOnlyList<BlockRun> wanted, ref int run, ref int done, Action<int, ReadOnlySpan<byte>> take)
    {
        var (first, end) = Blocks(frame);
        while (run < wanted.Count && wanted[run].First + done < end)
        {
            var from = wanted[run].First + done;
            var count = Math.Min(end - from, wanted[run].Count - done);
            take(from, plain.AsSpan((from - first) * PackFormat.BlockSize, count * PackFormat.BlockSize));
            done += count;
            if (done < wanted[run].Count) return;
            (run, done) = (run + 1, 0);
        }
    }

    private List<FramePlace> FramesOf(IReadOnlyList<BlockRun> wanted)
    {
        var frames = new List<FramePlace>();
        var (next, before) = (0, 0);
        foreach (var (first, count) in wanted)
        {
            if (first < before || count < 1 || first + (long)count > Pack.Blocks) throw new ArgumentException($"blocks {first} to {first + (long)count} of {Pack.Blocks}, after {before}", nameof(wanted));
            before = first + count;
            while (next < Frames.Count && Blocks(Frames[next]).End <= first) next++;
            for (; next < Frames.Count && Blocks(Frames[next]).First < before; next++) frames.Add(Frames[next]);
            // The last frame may hold the first blocks of the next run, too: it is in the list already.
        }
        return frames;
    }

    /// <summary>This frame, and those behind it that are near enough.</summary>
    private async Task<ReadOnlyMemory<byte>> FetchAsync(List<FramePlace> frames, int first, CancellationToken cancellationToken)
    {
        var (start, end) = (frames[first].Offset, frames[first].Offset + frames[first].SealedLength);
        for (var i = first + 1; i < frames.Count && frames[i].Offset - end <= Gap && frames[i].Offset + frames[i].SealedLength - start <= MaxRead; i++)
            end = frames[i].Offset + frames[i].SealedLength;
        var read = await _data.ReadAsync(Blob, start, (int)(end - start), cancellationToken).ConfigureAwait(false)
            ?? throw new SealedObjectException("it was there a moment ago and is gone");
        if (read.ETag != _blob.Properties.ETag) throw new SealedObjectException($"it changed while it was read (version {_blob.Properties.ETag}, then {read.ETag})");
        return read.Bytes.Length == end - start ? read.Bytes : throw new SealedObjectException($"it ends within the {end - start} bytes at {start}");
    }

    private static (int First, int End) Blocks(FramePlace frame) =>
        ((int)(frame.PlainOffset / PackFormat.BlockSize), (int)((frame.PlainOffset + frame.PlainLength) / PackFormat.BlockSize));

    /// <summary>Every block of the content is some file's, once, in the order of the files.</summary>
    internal static void CheckCovered(StoredPack pack, IEnumerable<Extent> extents)
    {
        var next = 0L;
        foreach (var extent in extents)
        {
            if (extent.IsZero) continue;
            if (extent.PackBlock != next) throw new SealedObjectException($"its block {next} is of no file, or of two: {extent.File} has those from {extent.PackBlock} on");
            next += extent.BlockCount;
        }
        if (next != pack.Blocks) throw new SealedObjectException($"its extents hold {next} blocks, its content {pack.Blocks}");
    }
}
