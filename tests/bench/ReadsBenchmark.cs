using System.Diagnostics;
using System.IO.Hashing;
using Holdfast.Tests.Fixtures;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Bench;

/// <summary>
/// How a backup should read: two workers take stretches of a real server's files in turn, as the agent's do, from the disk and from the page cache, in reads of several sizes and with what the
/// kernel can be told of them. What is read is summed up (XXH3), nothing more is done with it.
/// </summary>
public static class ReadsBenchmark
{
    private const int Workers = 2;
    private const long Stretch = 64 << 20;

    // Reading, and what is said before and after a read: Ahead is how far the kernel is asked to read ahead of us.
    private sealed record Way(string Name, int ReadKib, bool Sequential = true, int AheadKib = 0, bool Drop = false) : ITool
    {
        public Task PrepareAsync(int round) => Task.CompletedTask;
    }

    private static readonly Way[] Ways =
    [
        new("64 KiB, sequential", 64), new("256 KiB, nothing said", 256, Sequential: false), new("256 KiB, sequential", 256), new("1 MiB, sequential", 1024), new("4 MiB, sequential", 4096),
        new("256 KiB, 1 MiB ahead", 256, AheadKib: 1024), new("256 KiB, 4 MiB ahead", 256, AheadKib: 4096), new("256 KiB, sequential, dropped", 256, Drop: true),
    ];

    /// <summary>Measures each way in turn, and prints a line of JSON for each, from the disk and from the page cache: medians over the rounds.</summary>
    public static async Task RunAsync()
    {
        await using var server = await PostgresServer.StartNewAsync(17);
        await BackupContents.LoadAsync(server, "compressible");
        var folder = Path.Combine(server.DataFolder, "base");
        string[] files = [.. Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];
        foreach (var cold in (bool[])[true, false])
        {
            var bytes = 0L;
            var measured = await Rounds.RunAsync(Ways, (way, _) =>
            {
                if (cold) PageCache.Drop(folder);
                else PageCache.Settle(folder);
                var (clock, cpu) = (Stopwatch.StartNew(), Environment.CpuUsage.TotalTime);
                bytes = Read(files, way);
                return Task.FromResult((Seconds: clock.Elapsed.TotalSeconds, Cpu: (Environment.CpuUsage.TotalTime - cpu).TotalSeconds));
            }, one => $"{one.Seconds,7:F3} s wall {one.Cpu,7:F3} s CPU");
            foreach (var way in Ways)
                new Report("reads").Add("from", cold ? "disk" : "page cache").Add("way", way.Name).Add("mb_s", bytes / 1e6 / Statistics.Median(measured[way].Select(one => one.Seconds)))
                    .Add("cpu_ms_per_gb", Statistics.Median(measured[way].Select(one => one.Cpu)) * 1e3 / (bytes / 1e9)).Add("wall_s_rounds", measured[way].Select(one => Math.Round(one.Seconds, 3)).ToArray())
                    .Add("read_mb", bytes / 1e6).Add("rounds", Rounds.Count).Write();
        }
    }

    private static long Read(string[] files, Way way)
    {
        var stretches = new Queue<(string File, long Offset)>(files.SelectMany(file => Enumerable.Range(0, (int)((new FileInfo(file).Length + Stretch - 1) / Stretch)).Select(part => (file, part * Stretch))));
        var read = 0L;
        var workers = Enumerable.Range(0, Workers).Select(_ => new Thread(() =>
        {
            var (buffer, sum) = (new byte[way.ReadKib << 10], new XxHash3());
            while (true)
            {
                (string File, long Offset) next;
                lock (stretches)
                    if (!stretches.TryDequeue(out next)) return;
                using var handle = PageCache.Open(next.File);
                Interlocked.Add(ref read, ReadPart(handle, next.Offset, Stretch, way, buffer, sum));
            }
        })).ToArray();
        foreach (var worker in workers) worker.Start();
        foreach (var worker in workers) worker.Join();
        return read;
    }

    private static long ReadPart(SafeFileHandle handle, long offset, long length, Way way, byte[] buffer, XxHash3 sum)
    {
        if (way.Sequential) _ = PageCache.Advise(handle, offset, length, PageCache.Sequential);
        var (done, asked) = (0L, 0L);
        while (done < length)
        {
            // Half of what is to be ahead is asked for at a time.
            if (way.AheadKib > 0 && asked - done <= way.AheadKib << 9)
            {
                var until = Math.Min(done + ((long)way.AheadKib << 10), length);
                _ = PageCache.Advise(handle, offset + asked, until - asked, PageCache.WillNeed);
                asked = until;
            }
            var got = RandomAccess.Read(handle, buffer.AsSpan(0, (int)Math.Min(buffer.Length, length - done)), offset + done);
            if (got == 0) break;
            sum.Append(buffer.AsSpan(0, got));
            if (way.Drop) _ = PageCache.Advise(handle, offset + done, got, PageCache.DontNeed);
            done += got;
        }
        return done;
    }
}
