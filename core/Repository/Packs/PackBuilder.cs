using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// Makes the packs of one worker. The caller reads blocks straight into <see cref="Space"/> and says with <see cref="Commit"/> what they are; when
/// <see cref="IsFull"/>, it takes the pack with <see cref="SealAsync"/>, stores it, and goes on. Files ascend, and so do the blocks within a file:
/// the manifest is merged from that order. Not for two threads at once; sealed packs may be stored meanwhile.
/// <code>
/// while ((read = file.Read(builder.Space.Span, ...)) > 0)
/// {
///     crc = Crc32C.Combine(crc, builder.Commit(id, block, read), read);
///     if (builder.IsFull) await StoreAsync(await builder.SealAsync(token), token);
/// }
/// </code>
/// Each block is looked at for zeros (its first bytes, mostly), by CRC-32C, by XXH3 and by zstd, and copied by none of them.
/// Memory: one frame, and 16 MiB for each pack that is being built or stored.
/// </summary>
public sealed class PackBuilder : IDisposable
{
    private const int BlockSize = PackFormat.BlockSize;

    private static readonly uint ZeroBlockCrc = Crc32C.Of(new byte[BlockSize]);

    private readonly ObjectSealer _sealer;
    private readonly IFrameCodec _codec;
    private readonly PageFingerprint _fingerprint;
    private readonly BackupAttempt _attempt;
    private readonly int _worker;
    private readonly byte[] _frame;
    private readonly ConcurrentStack<byte[]> _buffers = new(); // not a bag: what was given to that lives on in statics of the thread that gave it
    private readonly List<Run> _runs = [];
    private readonly List<ulong> _fingerprints = [];
    private FrameSpool _frames = new(0, "");
    private byte[]? _payload;
    private int _payloadLength, _frameBlocks, _number, _pathBytes;
    private FileId _file;
    private uint _nextBlock;
    private bool _any;

    /// <summary>A builder.</summary>
    /// <param name="sealer">Seals for one attempt's run, and signs as the host.</param>
    /// <param name="codec">This thread's; the builder takes it over.</param>
    /// <param name="fingerprint">The cluster's.</param>
    /// <param name="attempt">Whose packs they are.</param>
    /// <param name="worker">From 0, below <see cref="PackFormat.MaxWorkers"/>.</param>
    /// <param name="frameBlocks">Blocks of a frame.</param>
    public PackBuilder(ObjectSealer sealer, IFrameCodec codec, PageFingerprint fingerprint, BackupAttempt attempt, int worker,
        int frameBlocks = PackFormat.DefaultFrameBlocks)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(worker);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(worker, PackFormat.MaxWorkers);
        ArgumentOutOfRangeException.ThrowIfLessThan(frameBlocks, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(frameBlocks, PackFormat.MaxFrameBlocks);
        (_sealer, _codec, _fingerprint, _attempt, _worker) = (sealer, codec, fingerprint, attempt, worker);
        _frame = GC.AllocateUninitializedArray<byte>(frameBlocks * BlockSize);
    }

    /// <summary>Room for the next blocks: at least one, a whole number of them. Not while <see cref="IsFull"/>.</summary>
    public Memory<byte> Space => IsFull ? throw new InvalidOperationException("the pack is full: seal it first") : _frame.AsMemory(_frameBlocks * BlockSize);

    /// <summary>Whether the pack must be sealed before it can take more.</summary>
    public bool IsFull { get; private set; }

    /// <summary>Whether there is anything that a pack must be made of: blocks, or runs of zeros.</summary>
    public bool HasContent => _runs.Count > 0;

    /// <summary>Blocks that were all zero, and are stored nowhere; of all packs so far.</summary>
    public long ZeroBlocks { get; private set; }

    /// <summary>Takes the blocks that begin <see cref="Space"/>.</summary>
    /// <param name="file">Whose they are: the same as before, or a later one.</param>
    /// <param name="firstBlock">The first one's number in the file.</param>
    /// <param name="length">Bytes. Where that is no whole number of blocks, the last one is the file's last: the rest of it is filled with zeros.</param>
    /// <returns>CRC-32C of these bytes.</returns>
    /// <exception cref="ArgumentException">Not in order, or more than there is room for.</exception>
    public uint Commit(FileId file, uint firstBlock, int length)
    {
        if (IsFull) throw new InvalidOperationException("the pack is full: seal it first");
        if (length <= 0 || length > _frame.Length - _frameBlocks * BlockSize) throw new ArgumentException($"{length} bytes do not fit", nameof(length));
        if (_any && (file < _file || (file == _file && firstBlock < _nextBlock)))
            throw new ArgumentException($"blocks ascend: {file} block {firstBlock} comes after {_file} block {_nextBlock - 1}", nameof(file));
        if (!_any || file != _file) _pathBytes += file.Path.Length;
        (_any, _file) = (true, file);
        var crc = 0u;
        var from = _frameBlocks * BlockSize;
        for (var done = 0; done < length; done += BlockSize, firstBlock++)
            crc = CommitBlock(firstBlock, from + done, Math.Min(BlockSize, length - done), crc);
        _nextBlock = length % BlockSize == 0 ? firstBlock : uint.MaxValue;
        if (_frameBlocks * BlockSize == _frame.Length) CloseFrame();
        IsFull |= _runs.Count >= PackFormat.MaxRuns || _pathBytes >= PackFormat.MaxPathBytes;
        return crc;
    }

    /// <summary>
    /// Copies blocks in: for content that does not come from a file, as <c>backup_label</c>. As much as there is room for; call again with the rest
    /// when the pack was sealed.
    /// </summary>
    /// <returns>Bytes taken: all, or a whole number of blocks.</returns>
    public int Append(FileId file, uint firstBlock, ReadOnlySpan<byte> content, ref uint crc)
    {
        var taken = 0;
        while (taken < content.Length && !IsFull)
        {
            var part = content[taken..Math.Min(content.Length, taken + Space.Length)];
            part.CopyTo(Space.Span);
            crc = Crc32C.Combine(crc, Commit(file, firstBlock + (uint)(taken / BlockSize), part.Length), part.Length);
            taken += part.Length;
        }
        return taken;
    }

    /// <summary>Seals the pack; the next one begins. Dispose the result when it is stored: its memory is used again.</summary>
    /// <remarks>When it fails the builder is of no more use: the frames may be sealed already.</remarks>
    /// <exception cref="InvalidOperationException">There is nothing to seal.</exception>
    public async Task<SealedPack> SealAsync(CancellationToken cancellationToken)
    {
        if (!HasContent) throw new InvalidOperationException("there is nothing to make a pack of");
        if (_number == PackFormat.MaxPacks) throw new RefusedException($"worker {_worker} of backup {_attempt} made {_number} packs, more have no name", "use more workers");
        if (_frameBlocks > 0) CloseFrame();
        var (name, blocks) = (_attempt.Pack(_worker, _number), _fingerprints.Count);
        var content = new SealedContent(SealedKind.Pack, name, (long)blocks * BlockSize);
        var sealedObject = await _sealer.SealAsync(content, _frames, new Wire.ObjectIndex { Pack = Index() }, cancellationToken).ConfigureAwait(false);
        var pack = new StoredPack(_attempt, _worker, _number++, sealedObject.Length, blocks);
        var extents = _runs.ConvertAll(run => run.On(pack));
        var result = new SealedPack(pack, extents, sealedObject, _payload, _buffers);
        (_frames, _payload, _payloadLength, _pathBytes, IsFull) = (new FrameSpool(0, ""), null, 0, 0, false);
        _runs.Clear();
        _fingerprints.Clear();
        return result;
    }

    /// <inheritdoc/>
    public void Dispose() => _codec.Dispose();

    private uint CommitBlock(uint number, int from, int used, uint crc)
    {
        var block = _frame.AsSpan(from, BlockSize);
        if (used < BlockSize) block[used..].Clear();
        if (!block.ContainsAnyExcept((byte)0))
        {
            AddRun(number, isZero: true);
            ZeroBlocks++;
            return Crc32C.Combine(crc, used == BlockSize ? ZeroBlockCrc : Crc32C.Of(block[..used]), used);
        }
        // Where zeros were left out, what follows moves up.
        var to = _frame.AsSpan(_frameBlocks * BlockSize, BlockSize);
        if (from != _frameBlocks * BlockSize) block.CopyTo(to);
        var bytes = Crc32C.Of(to[..used]);
        AddRun(number, isZero: false);
        _fingerprints.Add(_fingerprint.Of(to, used == BlockSize ? bytes : Crc32C.Append(bytes, to[used..])));
        _frameBlocks++;
        return Crc32C.Combine(crc, bytes, used);
    }

    private void AddRun(uint number, bool isZero)
    {
        if (_runs.Count > 0)
        {
            ref var last = ref CollectionsMarshal.AsSpan(_runs)[^1];
            if (last.IsZero == isZero && last.FirstBlock + last.Count == number && last.File == _file)
            {
                last.Count++;
                return;
            }
        }
        _runs.Add(new Run { File = _file, FirstBlock = number, Count = 1, IsZero = isZero, PackBlock = isZero ? 0 : _fingerprints.Count });
    }

    private void CloseFrame()
    {
        if (_payload is null && !_buffers.TryPop(out _payload)) _payload = GC.AllocateUninitializedArray<byte>(PackFormat.MaxPayload);
        var plain = _frame.AsSpan(0, _frameBlocks * BlockSize);
        var room = _payload.AsMemory(_payloadLength);
        var length = _codec.Compress(plain, room.Span[..(plain.Length - 1)]);
        var stored = length == 0;
        if (stored)
        {
            plain.CopyTo(room.Span);
            length = plain.Length;
        }
        _frames.Append(new CompressedFrame(room[..(length + SealedFormat.TagSize)], plain.Length, stored));
        _payloadLength += length + SealedFormat.TagSize;
        _frameBlocks = 0;
        // The next frame may be stored, and whole.
        IsFull = _payloadLength + _frame.Length + SealedFormat.TagSize > PackFormat.MaxPayload || _fingerprints.Count + _frame.Length / BlockSize > PackFormat.MaxBlocks;
    }

    private Wire.PackIndex Index()
    {
        var index = new Wire.PackIndex { Files = new Wire.FileTable(), Extents = new Wire.ExtentTable() };
        var (row, lastRow, file) = (-1, 0, default(FileId));
        foreach (var run in _runs)
        {
            if (row < 0 || run.File != file)
            {
                FileTableCodec.Append(index.Files, file = run.File);
                row++;
            }
            index.Extents.File.Add((uint)(row - lastRow));
            index.Extents.FirstBlock.Add(run.FirstBlock);
            index.Extents.BlockCount.Add(run.Count);
            index.Extents.Pack.Add(run.IsZero ? 0u : 1u);
            index.Extents.PackBlock.Add((uint)run.PackBlock);
            lastRow = row;
        }
        var fingerprints = new byte[_fingerprints.Count * 8];
        for (var i = 0; i < _fingerprints.Count; i++) BinaryPrimitives.WriteUInt64LittleEndian(fingerprints.AsSpan(i * 8), _fingerprints[i]);
        index.Fingerprints = UnsafeByteOperations.UnsafeWrap(fingerprints);
        return index;
    }

    // Blocks of one file that follow one another, in the file and in the pack.
    private struct Run
    {
        public FileId File;
        public uint FirstBlock, Count;
        public bool IsZero;
        public int PackBlock;

        public readonly Extent On(StoredPack pack) => new(File, FirstBlock, Count, IsZero ? null : pack, PackBlock);
    }
}

/// <summary>A pack, ready to be stored. Dispose it then.</summary>
public sealed class SealedPack : IDisposable
{
    private readonly ConcurrentStack<byte[]> _home;
    private byte[]? _payload;

    internal SealedPack(StoredPack pack, IReadOnlyList<Extent> extents, SealedObject sealedObject, byte[]? payload, ConcurrentStack<byte[]> home) =>
        (Pack, Extents, Object, _payload, _home) = (pack, extents, sealedObject, payload, home);

    /// <summary>Name, length and blocks, as the worker's index blobs say them.</summary>
    public StoredPack Pack { get; }

    /// <summary>What is in it, and the runs of zeros between, ascending.</summary>
    public IReadOnlyList<Extent> Extents { get; }

    /// <summary>The object to store under the pack's name.</summary>
    public SealedObject Object { get; }

    /// <summary>Gives the memory back: the object must not be read afterwards.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _payload, null) is { } payload) _home.Push(payload);
    }
}
