using System.Threading.Channels;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

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
    /// <summary>Fetches and writes everything; files are there, in their length.</summary>
    /// <exception cref="DamagedException">Names the blob, the frame, and what cannot be restored without it.</exception>
    public async Task RunAsync(IEnumerable<RestorePiece> pieces, CancellationToken cancellationToken)
    {
        var packs = PackUse.Of(pieces);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var next = -1;
        var open = Channel.CreateBounded<(OpenPack, PackUse)>(1);
        var fetching = Enumerable.Range(0, workers).Select(_ => GuardAsync(async () =>
        {
            for (int i; (i = Interlocked.Increment(ref next)) < packs.Length;)
            {
                var use = packs[i];
                var opened = await DescribeAsync(use, () => reader.OpenAsync(use.Pack, use.IsFew ? SealedFormat.FirstRead : PackReader.Whole, stop.Token)).ConfigureAwait(false);
                await open.Writer.WriteAsync((opened, use), stop.Token).ConfigureAwait(false);
            }
        }, stop)).ToArray();
        var writing = Enumerable.Range(0, workers).Select(_ => GuardAsync(async () =>
        {
            using var codec = FrameCodecs.Create(3);
            await foreach (var (opened, use) in open.Reader.ReadAllAsync(stop.Token).ConfigureAwait(false))
                await DescribeAsync(use, async () => { await WriteAsync(opened, use.Pieces, codec, stop.Token).ConfigureAwait(false); return 0; }).ConfigureAwait(false);
        }, stop)).ToArray();
        var failed = await FirstFailureAsync(fetching).ConfigureAwait(false);
        open.Writer.Complete();
        failed = First(failed, await FirstFailureAsync(writing).ConfigureAwait(false));
        cancellationToken.ThrowIfCancellationRequested();
        if (failed is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failed);
    }

    private async Task WriteAsync(OpenPack pack, RestorePiece[] wanted, IFrameCodec codec, CancellationToken cancellationToken)
    {
        using var writer = new FileWriter();
        var current = 0;
        await pack.ReadAsync([.. wanted.Select(piece => new BlockRun(piece.Extent.PackBlock, (int)piece.Extent.BlockCount))], codec, Take, cancellationToken).ConfigureAwait(false);

        void Take(int block, ReadOnlySpan<byte> bytes)
        {
            while (block >= wanted[current].Extent.PackBlock + (int)wanted[current].Extent.BlockCount) current++;
            var piece = wanted[current];
            var offset = (piece.Extent.FirstBlock + (block - piece.Extent.PackBlock)) * (long)PackFormat.BlockSize;
            var used = bytes[..(int)Math.Min(bytes.Length, piece.File.Row.Facts.Length - offset)];
            writer.Write(piece.File.Path, used, offset);
            piece.Crc = Crc32C.Append(piece.Crc, used);
            progress.Add(used.Length);
        }
    }

    private static async Task<T> DescribeAsync<T>(PackUse use, Func<Task<T>> work)
    {
        try { return await work().ConfigureAwait(false); }
        catch (DamagedException e) { throw use.Describe(e); }
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
