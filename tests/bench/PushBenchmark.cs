using System.Globalization;
using System.Text.Json;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>archive-push, one segment after the other as PostgreSQL's archiver does it, Holdfast and its peer in turn.</summary>
public static class PushBenchmark
{
    private const int Segments = 60;
    private const int Rounds = 5;

    /// <summary>Prints one line of JSON: means per segment, medians over the rounds, ratios Holdfast to peer.</summary>
    public static async Task RunAsync(string pgBackRest, string holdfast, bool onlyPeer)
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

        var peer = new PgBackRestPush(pgBackRest, azurite, server, scratch);
        IPushTool[] tools = onlyPeer ? [peer] : [new HoldfastPush(holdfast, azurite, server, scratch["registered"], scratch), peer];
        var costs = tools.ToDictionary(tool => tool, _ => new List<Cost>());
        for (var round = 1; round <= Rounds; round++)
        {
            foreach (var tool in round % 2 == 0 ? tools.Reverse() : tools)
            {
                await tool.PrepareAsync(round);
                costs[tool].Add(PushAll(tool, segments, scratch["output"]));
                Console.Error.WriteLine($"  round {round} {tool.Name,-18} {costs[tool][^1].Wall.TotalMilliseconds,7:F1} ms wall {costs[tool][^1].Cpu.TotalMilliseconds,7:F1} ms CPU");
            }
        }
        var phases = onlyPeer ? [] : await PhasesAsync((HoldfastPush)tools[0], segments, scratch["output"]);
        Report(peer.Name, Median(costs[peer]), onlyPeer ? null : Median(costs[tools[0]]), phases);
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
        await tool.PrepareAsync(Rounds + 1);
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
        return times.ToDictionary(time => time.Key + "_ms", time => Math.Round(time.Value.Order().ElementAt(time.Value.Count / 2), 2));
    }

    private static Cost Median(List<Cost> costs) => new(
        costs.Select(cost => cost.Wall).Order().ElementAt(costs.Count / 2), costs.Select(cost => cost.Cpu).Order().ElementAt(costs.Count / 2));

    private static void Report(string peer, Cost peerCost, Cost? ours, Dictionary<string, double> phases) => Console.WriteLine(JsonSerializer.Serialize(new Dictionary<string, object?>
    {
        ["name"] = "push",
        ["wall_ms"] = Rounded(ours?.Wall.TotalMilliseconds),
        ["cpu_ms"] = Rounded(ours?.Cpu.TotalMilliseconds),
        ["wall_ratio"] = Rounded(ours?.Wall / peerCost.Wall),
        ["cpu_ratio"] = Rounded(ours?.Cpu / peerCost.Cpu),
        ["phases"] = phases,
        ["peer"] = peer,
        ["peer_wall_ms"] = Rounded(peerCost.Wall.TotalMilliseconds),
        ["peer_cpu_ms"] = Rounded(peerCost.Cpu.TotalMilliseconds),
        ["segments"] = Segments,
        ["rounds"] = Rounds,
    }));

    private static double? Rounded(double? value) => value is { } number ? Math.Round(number, 3) : null;
}
