using System.Globalization;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>archive-push, one segment after the other as PostgreSQL's archiver does it, Holdfast and its peer in turn.</summary>
public static class PushBenchmark
{
    private const int Segments = 60;

    /// <summary>Prints one line of JSON: means per segment, medians over the rounds, ratios Holdfast to peer.</summary>
    public static async Task RunAsync(Programs programs, bool onlyPeer)
    {
        using var scratch = new ScratchFolder("bench");
        Directory.CreateDirectory(scratch["wal"]);
        await using var azurite = await AzuriteServer.StartNewAsync();
        await using var server = await PostgresServer.StartNewAsync(17, 16, true,
            ("archive_mode", "on"), ("archive_command", $"cp %p {scratch["wal"]}/%f"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "1h"));
        Directory.CreateDirectory(scratch["registered", "global"]);
        Directory.CreateDirectory(scratch["registered", "pg_wal", "archive_status"]);
        File.Copy(Path.Combine(server.DataFolder, "global", "pg_control"), scratch["registered", "global", "pg_control"]);
        var segments = await RealisticWal.MakeAsync(server, scratch["wal"], Segments);

        var peer = new PgBackRestPush(new PgBackRestRepository(programs.PgBackRest, azurite, server, scratch));
        var ours = onlyPeer ? null : new HoldfastPush(programs.Holdfast, azurite, server, scratch["registered"], scratch);
        var costs = await Rounds.RunAsync(ours is null ? [peer] : new IPushTool[] { ours, peer }, (tool, _) => Task.FromResult(PushAll(tool, segments, scratch["output"])),
            cost => $"{cost.Wall.TotalMilliseconds,7:F1} ms wall {cost.Cpu.TotalMilliseconds,7:F1} ms CPU");
        var phases = ours is null ? [] : await PhasesAsync(ours, segments, scratch["output"]);
        Write(peer.Name, Cost.Median(costs[peer]), ours is null ? null : Cost.Median(costs[ours]), phases);
    }

    private static Cost PushAll(IPushTool tool, string[] segments, string outputFile)
    {
        var sum = default(Cost);
        foreach (var segment in segments)
        {
            sum += MeasuredProcess.Run(tool.Command(segment), tool.Environment, outputFile);
        }
        return sum / segments.Length;
    }

    // A round of its own, which says where the time of each call goes; walk and tag run beside compress, on the other core. Medians over the segments.
    private static async Task<Dictionary<string, double>> PhasesAsync(HoldfastPush tool, string[] segments, string outputFile)
    {
        await tool.PrepareAsync(Rounds.Count + 1);
        var times = new Dictionary<string, List<double>>();
        foreach (var segment in segments)
        {
            MeasuredProcess.Run(tool.TimedCommand(segment), tool.Environment, outputFile);
            var line = File.ReadLines(outputFile).Single(line => line.Contains("timing_ms ", StringComparison.Ordinal));
            foreach (var pair in line[(line.IndexOf("timing_ms ", StringComparison.Ordinal) + 10)..].Split(' ').Select(pair => pair.Split('=')))
            {
                if (!times.TryGetValue(pair[0], out var list)) times[pair[0]] = list = [];
                list.Add(double.Parse(pair[1], CultureInfo.InvariantCulture));
            }
        }
        return times.ToDictionary(time => time.Key + "_ms", time => Math.Round(Statistics.Median(time.Value), 2));
    }

    private static void Write(string peer, Cost peerCost, Cost? ours, Dictionary<string, double> phases) => new Report("push")
        .Add("wall_ms", ours?.Wall.TotalMilliseconds)
        .Add("cpu_ms", ours?.Cpu.TotalMilliseconds)
        .AddRatio("wall_ratio", ours?.Wall.TotalSeconds, peerCost.Wall.TotalSeconds)
        .AddRatio("cpu_ratio", ours?.Cpu.TotalSeconds, peerCost.Cpu.TotalSeconds)
        .Add("phases", phases)
        .Add("peer", peer)
        .Add("peer_wall_ms", peerCost.Wall.TotalMilliseconds)
        .Add("peer_cpu_ms", peerCost.Cpu.TotalMilliseconds)
        .Add("segments", Segments)
        .Add("rounds", Rounds.Count)
        .Write();
}
