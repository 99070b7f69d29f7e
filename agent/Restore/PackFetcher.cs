using System.Threading.Channels;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>
/// Fetches the packs that a restore needs and writes their blocks where they belong, several at once: some are on their way while others are opened.
/// Memory: a pack for each worker and each fetch, and one between.
/// </summary>
/// <param name="reader">Opens packs.</param>
/// <param name="workers">How many fetch, and how many write.</param>
/// <param name="progress">Told of each stretch.</param>
internal sealed class PackFetcher(PackReader reader, int workers, Progress progress)
{
    // Of a pack that is used for less than a quarter, the frames are fetched one by one.
    private const int FewShare = 4;

    /// <summary>Fetches and writes everything; files are there, in their length.</summary>
    /// <exception cref="DamagedException">Names the blob, the frame, and what cannot be restored without it.</exception>
    public async Task RunAsync(IEnumerable<RestorePiece> pieces, CancellationToken cancellationToken)
    {
        var packs = pieces.Where(piece => !piece.Extent.IsZero).GroupBy(piece => piece.Extent.Pack!)
            .Select(group => (Pack: group.Key, Pieces: group.OrderBy(piece => piece.Extent.PackBlock).ToArray())).ToArray();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = -1;
        var open = Channel.CreateBounded<(OpenPack, RestorePiece[])>(1);
        var fetching = Enumerable.Range(0, workers).Select(_ => GuardAsync(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < packs.Length;)
            {
                var (pack, wanted) = packs[i];
                var few = wanted.Sum(piece => (long)piece.Extent.BlockCount) * FewShare < pack.Blocks;
                var opened = await DescribeAsync(pack, wanted, () => reader.OpenAsync(pack, few ? SealedFormat.FirstRead : PackReader.Whole, stop.Token)).ConfigureAwait(false);
                await open.Writer.WriteAsync((opened, wanted), stop.Token).ConfigureAwait(false);
            }
        }, stop)).ToArray();
        var writing = Enumerable.Range(0, workers).Select(_ => GuardAsync(async () =>
        {
            using var codec = FrameCodecs.Create(3);
            await foreach (var (opened, wanted) in open.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
                await DescribeAsync(opened.Pack, wanted, async () => { await WriteAsync(opened, wanted, codec, stop.Token).ConfigureAwait(false); return 0; }).ConfigureAwait(false);
        }, stop)).ToArray();
        var failed = await FirstFailureAsync(fetching).ConfigureAwait(false);
        open.Writer.Complete();
        failed = First(failed, await FirstFailureAsync(writing).ConfigureAwait(false));
        cancellationToken.ThrowIfCancellationRequested();
        if (failed is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
    }

    private async Task WriteAsync(OpenPack pack, RestorePiece[] wanted, IFrameCodec codec, CancellationToken cancellationToken)
    {
        SafeFileHandle? handle = null;
        RestoreFile? open = null;
        var current = 0;
        try
        {
            await pack.ReadAsync([.. wanted.Select(piece => new BlockRun(piece.Extent.PackBlock, (int)piece.Extent.BlockCount))], codec, Take, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            handle?.Dispose();
        }

        void Take(int block, ReadOnlySpan<byte> bytes)
        {
            while (block >= wanted[current].Extent.PackBlock + (int)wanted[current].Extent.BlockCount) current++;
            var piece = wanted[current];
            if (open != piece.File)
            {
                handle?.Dispose();
                handle = UnixFiles.OpenToWrite(piece.File.Path);
                open = piece.File;
            }
            var offset = (piece.Extent.FirstBlock + (block - piece.Extent.PackBlock)) * (long)PackFormat.BlockSize;
            var used = bytes[..(int)Math.Min(bytes.Length, piece.File.Row.Facts.Length - offset)];
            UnixFiles.Write(handle!, used, offset, piece.File.Path);
            piece.Crc = Crc32C.Append(piece.Crc, used);
            progress.Add(used.Length);
        }
    }

    private static async Task<T> DescribeAsync<T>(StoredPack pack, RestorePiece[] wanted, Func<Task<T>> work)
    {
        try
        {
            return await work().ConfigureAwait(false);
        }
        catch (DamagedException e)
        {
            var files = wanted.Select(piece => piece.File).Distinct().Count();
            var first = wanted[0];
            throw new DamagedException(
                $"{e.Message}\n  needed to restore this backup, made by {pack.Attempt.Label}; without it {files} file{(files == 1 ? "" : "s")} ({first.File.Row.Id}, blocks {first.Extent.FirstBlock} to {first.Extent.EndBlock - 1}{(wanted.Length > 1 ? ", …" : "")}) cannot be restored",
                e.Hint ?? "other backups may be whole: holdfast info, then holdfast restore --set=LABEL", e);
        }
    }

    private static async Task GuardAsync(Func<Task> work, CancellationTokenSource stop)
    {
        try { await Task.Run(work).ConfigureAwait(false); }
        catch
        {
            await stop.CancelAsync().ConfigureAwait(false);
            throw;
        }
    }

    private static async Task<Exception?> FirstFailureAsync(Task[] tasks)
    {
        Exception? first = null;
        foreach (var task in tasks)
        {
            await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            first = First(first, task.Exception?.InnerException ?? (task.IsCanceled ? new OperationCanceledException() : null));
        }
        return first;
    }

    /// <summary>The cause: cancellations follow from it.</summary>
    private static Exception? First(Exception? one, Exception? other) => one is null or OperationCanceledException && other is not null ? other : one;
}
