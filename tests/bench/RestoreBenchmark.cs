using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>A restore of the newest full backup into an empty folder, without replay, Holdfast and its peer in turn; each tool's last one is judged.</summary>
public static class RestoreBenchmark
{
    /// <summary>Prints one line of JSON: medians over the rounds, ratios Holdfast to peer.</summary>
    public static async Task RunAsync(Programs programs, string variant, bool onlyPeer)
    {
        await using var bench = await BackupBench.StartAsync(programs, variant, onlyPeer);
        foreach (var tool in bench.Tools)
        {
            await tool.PrepareAsync(1);
            Console.Error.WriteLine($"  full    {tool.Name,-18} {await tool.BackUpAsync()}");
        }
        var fingerprint = await BackupContents.FingerprintAsync(bench.Server);
        var costs = await Rounds.RunAsync([.. bench.Tools.Select(tool => new RestoringTool(tool))], (tool, round) => RestoreAsync(tool, round == Rounds.Count ? fingerprint : null, programs),
            cost => $"{cost.Wall.TotalSeconds,6:F2} s wall {cost.Cpu.TotalSeconds,6:F2} s CPU");
        Write(variant, bench.Peer.Name, costs.Single(one => one.Key.Tool == bench.Peer).Value, costs.SingleOrDefault(one => one.Key.Tool == bench.Ours && bench.Ours is not null).Value);
    }

    private static async Task<Cost> RestoreAsync(RestoringTool tool, string? fingerprint, Programs programs)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        PageCache.Sync();
        var cost = tool.Tool.Restore(restored.DataFolder);
        if (fingerprint is not null) await JudgeAsync(restored, fingerprint, programs);
        return cost;
    }

    // By PostgreSQL's own programs: the files against the manifest before the first start, where there is one; the rows; every page's checksum.
    private static async Task JudgeAsync(PostgresServer restored, string fingerprint, Programs programs)
    {
        if (File.Exists(Path.Combine(restored.DataFolder, "backup_manifest")))
            (await RunProcess.RunAsync([Path.Combine(programs.Clients, "pg_verifybackup"), "--no-parse-wal", restored.DataFolder], timeout: TimeSpan.FromMinutes(10))).MustExit();
        restored.Settings["archive_mode"] = "off";
        await restored.StartAsync();
        while (await restored.ScalarAsync<bool>("SELECT pg_is_in_recovery()")) await Task.Delay(100);
        if (await BackupContents.FingerprintAsync(restored) is var found && found != fingerprint)
            throw new InvalidOperationException($"the restored copy differs: {found}, expected {fingerprint}");
        await restored.StopAsync();
        (await RunProcess.RunAsync([Path.Combine(programs.Clients, "pg_checksums"), "--check", "--pgdata", restored.DataFolder], timeout: TimeSpan.FromMinutes(10))).MustExit();
    }

    private static void Write(string variant, string peer, List<Cost> theirs, List<Cost>? ours)
    {
        var theirCost = Cost.Median(theirs);
        Cost? ourCost = ours is null ? null : Cost.Median(ours);
        new Report("restore").Add("variant", variant)
            .AddRatio("wall_ratio", ourCost?.Wall.TotalSeconds, theirCost.Wall.TotalSeconds)
            .AddRatio("cpu_ratio", ourCost?.Cpu.TotalSeconds, theirCost.Cpu.TotalSeconds)
            .Add("wall_s", ourCost?.Wall.TotalSeconds).Add("cpu_s", ourCost?.Cpu.TotalSeconds)
            .Add("peer", peer).Add("peer_wall_s", theirCost.Wall.TotalSeconds).Add("peer_cpu_s", theirCost.Cpu.TotalSeconds)
            .Add("wall_s_rounds", Report.Seconds(ours?.Select(cost => cost.Wall))).Add("cpu_s_rounds", Report.Seconds(ours?.Select(cost => cost.Cpu)))
            .Add("peer_wall_s_rounds", Report.Seconds(theirs.Select(cost => cost.Wall))).Add("peer_cpu_s_rounds", Report.Seconds(theirs.Select(cost => cost.Cpu)))
            .Add("rounds", Rounds.Count).Write();
    }

    // The backup is there: a round needs no preparation.
    private sealed record RestoringTool(IBackupTool Tool) : ITool
    {
        public string Name => Tool.Name;

        public Task PrepareAsync(int round) => Task.CompletedTask;
    }
}
