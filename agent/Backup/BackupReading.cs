using Holdfast.Agent.Compression;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Backup;

/// <summary>How a backup is read and stored.</summary>
/// <param name="Workers">Files read at once.</param>
/// <param name="CompressLevel">zstd's.</param>
/// <param name="TornPagePause">How long a page that fails is left alone before it is read again.</param>
/// <param name="FrameBlocks">Blocks of a frame.</param>
internal sealed record ReadingOptions(int Workers, int CompressLevel, TimeSpan TornPagePause, int FrameBlocks = PackFormat.DefaultFrameBlocks);

/// <summary>What reading found out.</summary>
/// <param name="IndexCounts">For each worker, the last of which stored pg_control alone, how many index blobs.</param>
/// <param name="TornPages">Pages that were being written.</param>
/// <param name="Times">Where the time of all workers went.</param>
internal sealed record ReadingResult(IReadOnlyList<int> IndexCounts, long TornPages, ReadingTimes Times);

/// <summary>Reads everything that a scan listed into packs: all files on several workers, then pg_control, last and by itself.</summary>
/// <param name="source">What to read.</param>
/// <param name="blobs">Where it is stored.</param>
/// <param name="sealer">Seals and signs.</param>
/// <param name="fingerprint">The cluster's.</param>
/// <param name="options">How.</param>
/// <param name="start">The backup's start.</param>
/// <param name="insertLsn">Asks where the server writes now.</param>
/// <param name="warn">Told of junk.</param>
internal sealed class BackupReading(
    BackupSource source, AttemptBlobs blobs, ObjectSealer sealer, PageFingerprint fingerprint, ReadingOptions options, Lsn start, Func<CancellationToken, Task<Lsn>> insertLsn, Action<string> warn)
{
    private const int ControlReads = 100;

    private static readonly byte[] ControlPath = System.Text.Encoding.ASCII.GetBytes(ControlFile.RelativePath);

    /// <summary>Reads and stores.</summary>
    /// <exception cref="HoldfastException">A file is unreadable, or the store refused.</exception>
    public async Task<ReadingResult> RunAsync(CancellationToken cancellationToken)
    {
        var control = FindControl();
        var queue = new StretchQueue(source.Files, options.Workers, file => file == control);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var stored = Enumerable.Range(0, options.Workers + 1).Select(worker => new WorkerBlobs(blobs, worker, warn)).ToArray();
        var (torn, times) = (new long[options.Workers], new ReadingTimes[options.Workers]);
        var workers = Enumerable.Range(0, options.Workers).Select(number => OnItsOwnThread(() =>
        {
            try
            {
                using var worker = Worker(number, stored[number], stop.Token);
                worker.Run(queue, file => file == control, stop.Token);
                (torn[number], times[number]) = (worker.TornPages, worker.Times);
            }
            catch
            {
                stop.Cancel();
                throw;
            }
        })).ToArray();
        await FirstFailureOf(workers, cancellationToken).ConfigureAwait(false);
        await OnItsOwnThread(() =>
        {
            using var last = Worker(options.Workers, stored[^1], cancellationToken);
            last.Append(control, ReadControl(cancellationToken), cancellationToken);
            last.Finish(cancellationToken);
        }).ConfigureAwait(false);
        return new ReadingResult([.. stored.Select(worker => worker.IndexCount)], torn.Sum(), times.Aggregate((sum, next) => sum + next));
    }

    private BackupWorker Worker(int number, WorkerBlobs stored, CancellationToken cancellationToken)
    {
        var builder = new PackBuilder(sealer, FrameCodecs.Create(ZstdParameters.ForPostgres(options.CompressLevel)), fingerprint, blobs.Attempt, number, options.FrameBlocks);
        var judge = new PageJudge(start, () => insertLsn(cancellationToken).GetAwaiter().GetResult(), () => cancellationToken.WaitHandle.WaitOne(options.TornPagePause));
        return new BackupWorker(source, builder, judge, stored);
    }

    private int FindControl()
    {
        for (var file = 0; file < source.Files.Count; file++)
            if (source.Files.Kind(file) == FileKind.Other && source.Files.Id(file).Path.SequenceEqual(ControlPath)) return file;
        throw new DamagedException($"backing up {RawFiles.Display(source.Root)}: it has no {ControlFile.RelativePath}", "is pg-path the data directory?");
    }

    // The server rewrites it in place: what falls into a write fails its CRC, and is read again.
    private byte[] ReadControl(CancellationToken cancellationToken)
    {
        byte[] path = [.. source.Root, (byte)'/', .. ControlPath];
        for (var read = 1; ; read++)
        {
            var bytes = new byte[ControlFile.FileSize];
            using var file = RawFiles.OpenFile(path) ?? throw new DamagedException($"backing up {ControlFile.RelativePath}: it is gone");
            try
            {
                ControlFile.Parse(bytes.AsSpan(0, RawFiles.Read(file, bytes, 0, path)));
                return bytes;
            }
            catch (DamagedException) when (read < ControlReads)
            {
                cancellationToken.WaitHandle.WaitOne(20);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    private static Task OnItsOwnThread(Action work) => Task.Factory.StartNew(work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);

    // When one worker fails, the others are cancelled; what is told is why the first one did.
    private static async Task FirstFailureOf(Task[] workers, CancellationToken cancellationToken)
    {
        try { await Task.WhenAll(workers).ConfigureAwait(false); }
        catch (Exception)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var failures = workers.Where(worker => worker.IsFaulted).Select(worker => worker.Exception!.InnerException!).ToArray();
            System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(failures.FirstOrDefault(failure => failure is not OperationCanceledException) ?? failures[0]);
        }
    }
}
