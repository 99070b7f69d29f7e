using System.Security.Cryptography;
using Google.Protobuf;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Sealing;

/// <summary>A compressed frame before it is sealed: its bytes, and 16 more of room for the tag.</summary>
/// <param name="Bytes">Compressed or stored bytes, then <see cref="SealedFormat.TagSize"/> bytes of room.</param>
/// <param name="PlainLength">Bytes after decompression.</param>
/// <param name="Stored">Not compressed.</param>
public readonly record struct CompressedFrame(Memory<byte> Bytes, int PlainLength, bool Stored);

/// <summary>
/// Holds the frames of one object between compression and the PUT: in memory, or in an unlinked file when the object may be large. Frames can
/// be sealed only when the prefix is known, which for WAL is after the last byte; they are sealed in place.
/// </summary>
public sealed class FrameSpool : IDisposable
{
    private readonly List<(long Offset, int Length, int PlainLength, bool Stored, Memory<byte> Bytes)> _frames = [];
    private readonly FileStream? _file;

    /// <summary>A spool in memory, or in <paramref name="spoolFolder"/> when <paramref name="plainLength"/> is above 64 MiB.</summary>
    public FrameSpool(long plainLength, string spoolFolder)
    {
        const long InMemory = 64 << 20;
        if (plainLength <= InMemory) return;
        // DeleteOnClose unlinks at dispose only; a killed process would leave the file, so the name goes as soon as the file is open.
        var path = Path.Combine(spoolFolder, $"frames-{Environment.ProcessId}-{Guid.NewGuid():N}");
        try
        {
            _file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew, Access = FileAccess.ReadWrite, Share = FileShare.Delete | FileShare.ReadWrite, BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"spool file {path}: {e.Message}", "spool-path must exist, be writable and have room for one compressed segment", e);
        }
    }

    /// <summary>Bytes of all frames, tags included.</summary>
    public long Length { get; private set; }

    /// <summary>Adds the next frame.</summary>
    public void Append(CompressedFrame frame)
    {
        if (_file is not null)
        {
            try { RandomAccess.Write(_file.SafeFileHandle, frame.Bytes.Span, Length); }
            catch (IOException e) { throw new ConfigurationException($"cannot write {frame.Bytes.Length} bytes to the spool: {e.Message}", "free room below spool-path", e); }
        }
        _frames.Add((Length, frame.Bytes.Length, frame.PlainLength, frame.Stored, _file is null ? frame.Bytes : default));
        Length += frame.Bytes.Length;
    }

    /// <summary>Seals every frame: AES-256-GCM under Kc, nonce n, AAD H ‖ n, n from 1; the table says their hashes and sizes.</summary>
    internal FrameTable Seal(ReadOnlySpan<byte> contentKey, byte[] prefixHash)
    {
        using var aes = new AesGcm(contentKey, SealedFormat.TagSize);
        var table = new FrameTable();
        var hashes = new byte[_frames.Count * 32];
        byte[] buffer = [];
        for (var i = 0; i < _frames.Count; i++)
        {
            var (offset, length, plainLength, stored, bytes) = _frames[i];
            if (_file is not null && buffer.Length < length) buffer = new byte[length];
            var frame = _file is null ? bytes.Span : buffer.AsSpan(0, length);
            if (_file is not null) ReadExactly(frame, offset);
            FrameCrypto.Seal(aes, (ulong)i + 1, prefixHash, frame);
            if (_file is not null) RandomAccess.Write(_file.SafeFileHandle, frame, offset);
            SHA256.HashData(frame, hashes.AsSpan(i * 32));
            table.SealedLength.Add((uint)length);
            table.PlainLength.Add((uint)plainLength);
            table.Stored.Add(stored);
        }
        table.Sha256 = UnsafeByteOperations.UnsafeWrap(hashes);
        return table;
    }

    /// <summary>Reads sealed bytes at an offset within the frames; returns how many, 0 at the end.</summary>
    internal int Read(Span<byte> destination, long offset)
    {
        if (_file is not null) return RandomAccess.Read(_file.SafeFileHandle, destination, offset);
        var index = IndexAt(offset);
        if (index == _frames.Count) return 0;
        var (start, length, _, _, bytes) = _frames[index];
        var from = (int)(offset - start);
        var count = Math.Min(destination.Length, length - from);
        bytes.Span.Slice(from, count).CopyTo(destination);
        return count;
    }

    /// <inheritdoc/>
    public void Dispose() => _file?.Dispose();

    private int IndexAt(long offset)
    {
        var (low, high) = (0, _frames.Count);
        while (low < high)
        {
            var middle = (low + high) / 2;
            if (_frames[middle].Offset + _frames[middle].Length <= offset) low = middle + 1;
            else high = middle;
        }
        return low;
    }

    private void ReadExactly(Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            var read = RandomAccess.Read(_file!.SafeFileHandle, destination, offset);
            if (read == 0) throw new DamagedException("the spool file is shorter than what was written to it");
            destination = destination[read..];
            offset += read;
        }
    }
}
