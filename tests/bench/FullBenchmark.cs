namespace Holdfast.Bench;

/// <summary>A full backup, Holdfast and its peer in turn, everything to be read in the page cache, or nothing.</summary>
public static class FullBenchmark
{
    /// <summary>Prints one line of JSON: medians over the rounds, ratios Holdfast to peer.</summary>
    public static async Task RunAsync(Programs programs, string variant, bool onlyPeer, bool cold)
    {
        await using var bench = await BackupBench.StartAsync(programs, variant, onlyPeer);
        var figures = await Rounds.RunAsync(bench.Tools, async (tool, _) =>
        {
            var database = Path.Combine(bench.Server.DataFolder, "base");
            if (cold) PageCache.Drop(database);
            else PageCache.Settle(database);
            return await tool.BackUpAsync();
        }, one => one.ToString());
        Write(variant, cold, bench.Peer.Name, figures[bench.Peer], bench.Ours is null ? null : figures[bench.Ours]);
    }

    private static void Write(string variant, bool cold, string peer, List<BackupFigures> theirs, List<BackupFigures>? ours)
    {
        var theirCost = Cost.Median([.. theirs.Select(round => round.Cost)]);
        Cost? ourCost = ours is null ? null : Cost.Median([.. ours.Select(round => round.Cost)]);
        var (theirStored, ourStored) = (Megabytes(theirs, round => round.Stored)!.Value, Megabytes(ours, round => round.Stored));
        new Report("full").Add("variant", variant)
            .AddRatio("wall_ratio", ourCost?.Wall.TotalSeconds, theirCost.Wall.TotalSeconds)
            .AddRatio("cpu_ratio", ourCost?.Cpu.TotalSeconds, theirCost.Cpu.TotalSeconds)
            .AddRatio("stored_ratio", ourStored, theirStored)
            .Add("peak_mb", Megabytes(ours, round => round.PeakAgent))
            .Add("control_plane_mb", Megabytes(ours, round => round.PeakControlPlane))
            .Add("wall_s", ourCost?.Wall.TotalSeconds).Add("cpu_s", ourCost?.Cpu.TotalSeconds).Add("stored_mb", ourStored).Add("read_mb", Megabytes(ours, round => round.Read))
            .Add("cpu_s_parts", Parts(ours, round => round.CpuParts)).Add("stored_mb_parts", Parts(ours, round => round.StoredParts?.ToDictionary(part => part.Key, part => part.Value / 1e6)))
            .Add("peer", peer).Add("peer_wall_s", theirCost.Wall.TotalSeconds).Add("peer_cpu_s", theirCost.Cpu.TotalSeconds).Add("peer_stored_mb", theirStored)
            .Add("wall_s_rounds", Report.Seconds(ours?.Select(round => round.Cost.Wall))).Add("cpu_s_rounds", Report.Seconds(ours?.Select(round => round.Cost.Cpu)))
            .Add("peer_wall_s_rounds", Report.Seconds(theirs.Select(round => round.Cost.Wall))).Add("peer_cpu_s_rounds", Report.Seconds(theirs.Select(round => round.Cost.Cpu)))
            .Add("page_cache", cold ? "cold" : "warm").Add("rounds", Rounds.Count).Write();
    }

    private static Dictionary<string, double>? Parts(List<BackupFigures>? rounds, Func<BackupFigures, IReadOnlyDictionary<string, double>?> parts) =>
        rounds is null || parts(rounds[0]) is not { } first ? null : first.Keys.ToDictionary(part => part, part => Math.Round(Statistics.Median(rounds.Select(round => parts(round)!.GetValueOrDefault(part))), 3));

    private static double? Megabytes(List<BackupFigures>? rounds, Func<BackupFigures, long?> figure) =>
        rounds is null || figure(rounds[0]) is null ? null : Statistics.Median(rounds.Select(round => figure(round)!.Value)) / 1e6;
}
