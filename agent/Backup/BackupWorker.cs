using System.Diagnostics;
using Holdfast.Agent.Host;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Backup;

/// <summary>What the workers of one attempt share.</summary>
/// <param name="Root">PGDATA, raw bytes.</param>
/// <param name="VersionDirectory"><see cref="ControlFile.TablespaceVersionDirectory"/></param>
/// <param name="Files">What there is to read.</param>
/// <param name="VerifyChecksums">Whether data checksums are on.</param>
/// <param name="Corrupt">Where corrupt pages are listed.</param>
/// <param name="Progress">How far it is.</param>
internal sealed record BackupSource(
    byte[] Root, string VersionDirectory, ScannedFiles Files, bool VerifyChecksums, CorruptPages Corrupt, ReadingProgress Progress);

/// <summary>
/// Reads files into packs, one of several workers. While a pack is being stored, the next one is filled; a third is not begun before the first is stored,
/// so memory stays bounded. Runs on a thread of its own and waits there: the pool's threads are what the PUTs need to go on.
/// </summary>
internal sealed class BackupWorker(BackupSource source, PackBuilder builder, PageJudge judge, WorkerBlobs blobs) : IDisposable
{
    private const int Sequential = 2; // POSIX_FADV_SEQUENTIAL

    private Task _stored = Task.CompletedTask;
    private ReadingTimes _times;

    /// <summary>Where its time went.</summary>
    public ReadingTimes Times => _times;

    /// <summary>Pages that were being written.</summary>
    public long TornPages => judge.TornPages;

    /// <summary>Reads stretches until there are none left, then stores what is unfinished.</summary>
    public void Run(StretchQueue queue, Func<int, bool> skip, CancellationToken cancellationToken)
    {
        try
        {
            while (queue.TryTake(out var stretch))
            {
                if (stretch.Part is { } part)
                {
                    ReadPart(part, stretch, cancellationToken);
                    continue;
                }
                for (var file = stretch.FirstFile; file < stretch.FirstFile + stretch.FileCount; file++)
                    if (source.Files.HasContent(file) && !skip(file)) ReadWhole(file, cancellationToken);
            }
            Finish(cancellationToken);
        }
        catch
        {
            // The PUT's memory is the pack's: it must be over before the pack is given back.
            Settle();
            throw;
        }
    }

    /// <summary>Reads bytes that are at hand, under the name of a file.</summary>
    public void Append(int file, ReadOnlySpan<byte> content, CancellationToken cancellationToken)
    {
        var (id, crc) = (source.Files.Id(file), 0u);
        for (var done = 0; done < content.Length;)
        {
            done += builder.Append(id, (uint)(done / PackFormat.BlockSize), content[done..], ref crc);
            if (builder.IsFull) Store(cancellationToken);
        }
        source.Files.Note(file, content.Length, crc);
        source.Progress.Read(content.Length);
        source.Progress.FileDone();
    }

    /// <summary>Stores what is unfinished, and waits for it.</summary>
    public void Finish(CancellationToken cancellationToken)
    {
        if (builder.HasContent) Store(cancellationToken);
        var at = Stopwatch.GetTimestamp();
        _stored.GetAwaiter().GetResult();
        Spent(ref _times.Wait, ref at);
        blobs.FinishAsync(cancellationToken).GetAwaiter().GetResult();
        source.Progress.Zeros(builder.ZeroBlocks * PackFormat.BlockSize);
    }

    /// <inheritdoc/>
    public void Dispose() => builder.Dispose();

    private void ReadWhole(int file, CancellationToken cancellationToken)
    {
        var id = source.Files.Id(file);
        // WAL repeats how a relation grew; nothing repeats it for any other file, so that one is read to its end, whatever the scan saw.
        var length = id.IsRelation ? source.Files.Length(file) : FileFacts.MaxLength;
        if (length > 0)
        {
            var path = PathOf(id);
            using var handle = RawFiles.OpenFile(path);
            if (handle is null) source.Files.NoteGone(file);
            else
            {
                var (read, crc) = Read(handle, id, path, 0, length, cancellationToken);
                source.Files.Note(file, read, crc);
            }
        }
        source.Progress.FileDone();
    }

    private void ReadPart(SplitFile part, Stretch stretch, CancellationToken cancellationToken)
    {
        var (read, crc) = (0L, 0u);
        if (part.Begin(stretch.Offset, stretch.Length))
        {
            var id = source.Files.Id(stretch.FirstFile);
            var path = PathOf(id);
            using var handle = RawFiles.OpenFile(path);
            if (part.Meet(handle is not null))
            {
                if (handle is not null) (read, crc) = Read(handle, id, path, stretch.Offset, stretch.Length, cancellationToken);
                if (read < stretch.Length && part.EndEarly(stretch.Offset, stretch.Length, read)) (read, crc) = (stretch.Length, FillUp(stretch, read, crc, cancellationToken));
            }
        }
        if (part.Finish(stretch.Offset, read, crc)) source.Progress.FileDone();
    }

    private (long Read, uint Crc) Read(SafeFileHandle handle, FileId id, byte[] path, long offset, long length, CancellationToken cancellationToken)
    {
        RawFiles.Advise(handle, offset, length, Sequential);
        var verify = source.VerifyChecksums && id.IsRelation && id.Fork != RelationFork.FreeSpaceMap;
        var (done, crc) = (0L, 0u);
        while (done < length)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var space = builder.Space.Span;
            var want = (int)Math.Min(space.Length, length - done);
            var at = Stopwatch.GetTimestamp();
            var got = RawFiles.Read(handle, space[..want], offset + done, path);
            Spent(ref _times.Read, ref at);
            // PostgreSQL truncates to whole blocks: what is less is a file that is being extended, and WAL's business.
            if (got < want && id.IsRelation) got -= got % PackFormat.BlockSize;
            if (got == 0) break;
            if (verify) Verify(handle, id, path, space[..(got - got % PackFormat.BlockSize)], offset + done);
            Spent(ref _times.Verify, ref at);
            crc = Crc32C.Combine(crc, builder.Commit(id, (uint)((offset + done) / PackFormat.BlockSize), got), got);
            Spent(ref _times.Pack, ref at);
            done += got;
            source.Progress.Read(got);
            if (builder.IsFull) Store(cancellationToken);
            if (got < want) break;
        }
        return (done, crc);
    }

    private void Verify(SafeFileHandle handle, FileId id, byte[] path, Span<byte> pages, long offset)
    {
        var block = (uint)(offset / PackFormat.BlockSize);
        var first = id.Segment * RelationFileName.BlocksPerSegment + block;
        judge.Judge(pages, first, offset, (destination, at) => RawFiles.Read(handle, destination, at, path), index => source.Corrupt.Add(id, block + (uint)index));
    }

    // Zeros up to the end of the part.
    private uint FillUp(Stretch stretch, long read, uint crc, CancellationToken cancellationToken)
    {
        var id = source.Files.Id(stretch.FirstFile);
        for (var at = read; at < stretch.Length;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var space = builder.Space.Span;
            var count = (int)Math.Min(space.Length, stretch.Length - at);
            space[..count].Clear();
            crc = Crc32C.Combine(crc, builder.Commit(id, (uint)((stretch.Offset + at) / PackFormat.BlockSize), count), count);
            at += count;
            if (builder.IsFull) Store(cancellationToken);
        }
        return crc;
    }

    private void Store(CancellationToken cancellationToken)
    {
        var at = Stopwatch.GetTimestamp();
        var pack = builder.SealAsync(cancellationToken).GetAwaiter().GetResult();
        Spent(ref _times.Seal, ref at);
        _stored.GetAwaiter().GetResult();
        Spent(ref _times.Wait, ref at);
        _stored = Task.Run(() => StoreAsync(pack, cancellationToken), CancellationToken.None);
    }

    private async Task StoreAsync(SealedPack pack, CancellationToken cancellationToken)
    {
        using (pack)
        {
            await blobs.PutPackAsync(pack, cancellationToken).ConfigureAwait(false);
            source.Progress.Stored(pack.Pack.Length);
        }
    }

    private static void Spent(ref long on, ref long since)
    {
        var now = Stopwatch.GetTimestamp();
        (on, since) = (on + now - since, now);
    }

    private void Settle()
    {
        try { _stored.GetAwaiter().GetResult(); }
        catch (Exception) { } // what failed first is what is told
    }

    private byte[] PathOf(FileId id)
    {
        var path = id.ToPath(source.VersionDirectory);
        return id.IsOutside ? path : [.. source.Root, (byte)'/', .. path];
    }
}
