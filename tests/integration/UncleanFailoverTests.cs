using System.Globalization;
using Azure.Storage.Blobs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A primary dies with complete segments that it never archived; its registered standby is promoted and adopted; a third node, which
/// archives always, follows. Every process as an operator would have it.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class UncleanFailoverTests(SharedAzurite azurite)
{
    private const string Segment = "SELECT pg_walfile_name(pg_current_wal_lsn())";

    [NeedsFact(Needs.Azurite | Needs.Postgres | Needs.Agent | Needs.ControlPlane)]
    public async Task After_an_unclean_failover_nothing_is_lost_without_a_word_and_the_schedule_goes_on()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        await cluster.Server.ExecuteAsync("CREATE TABLE t AS SELECT generate_series(1, 1000) AS i");
        (await cluster.RunAsync("backup", "--type=full")).MustExit();
        await using var standbyServer = await StandbyOfAsync(cluster.Server, "on");
        await using var thirdServer = await StandbyOfAsync(standbyServer, "always");
        var standby = new ControlledHost(cluster, standbyServer, "standby1");
        var third = new ControlledHost(cluster, thirdServer, "third");
        await standby.RegisterAsync();
        await third.RegisterAsync();
        standby.StartAgent();
        third.StartAgent();
        await SetAsync(standbyServer, standby.ArchiveCommand);

        var unarchived = await DieUnarchivedAsync(cluster, thirdServer);
        var lost = unarchived[1];
        foreach (var server in (PostgresServer[])[standbyServer, thirdServer]) Forget(server, lost);
        await standbyServer.PromoteAsync();
        await standby.RenewTokenAsync();
        var adopted = await standby.RunAsync("adopt", "--yes", $"--control-plane-config={cluster.Configuration("control-plane")}");
        Assert.True(adopted.ExitCode == 0, $"{adopted.Output}{adopted.Error}");

        // What the standby had is there; what nobody had is a cut, and a gap until a backup that does not need it.
        Assert.Contains("is nowhere to be had", adopted.Output, StringComparison.Ordinal);
        var names = Names(cluster);
        Assert.Contains(names, blob => blob.EndsWith("/" + unarchived[0], StringComparison.Ordinal));
        Assert.Contains(names, blob => blob.EndsWith("/" + unarchived[2], StringComparison.Ordinal));
        Assert.DoesNotContain(names, blob => blob.EndsWith("/" + lost, StringComparison.Ordinal));
        await standbyServer.ExecuteAsync("INSERT INTO t SELECT generate_series(1, 1000); SELECT pg_switch_wal()");
        await cluster.RestartControlPlaneAsync(); // it looks once a minute, and when it starts
        await Eventually.IsTrueAsync(async () => Gaps(await cluster.MetricsAsync()) == 1, () => cluster.Log);

        // The schedule goes on, on the promoted host; its full ends the gap.
        await cluster.DecideAsync("policy", $"--config={cluster.Configuration("control-plane")}", "--schedule-full=*_*_*_*_*");
        const string Committed = "of backup ended: Completed";
        await Eventually.IsTrueAsync(
            () => Task.FromResult(cluster.ControlPlane.Log.Contains(Committed, StringComparison.Ordinal)), () => cluster.Log);
        Assert.Contains("of host standby1 succeeded", cluster.ControlPlane.Log, StringComparison.Ordinal);
        await cluster.DecideAsync("policy", $"--config={cluster.Configuration("control-plane")}", "--schedule-full=off");
        await cluster.RestartControlPlaneAsync();
        await Eventually.IsTrueAsync(async () => Gaps(await cluster.MetricsAsync()) == 0, () => cluster.Log);

        // The third node followed; what it hands over only now is found stored, or is the part-filled end of timeline 1.
        await SetAsync(thirdServer, third.ArchiveCommand);
        await Eventually.IsTrueAsync(
            () => Task.FromResult(Ready(thirdServer).Length == 0), () => $"{string.Join(' ', Ready(thirdServer))}\n{thirdServer.Log}");
        Assert.Equal(2, await thirdServer.ScalarAsync<int>("SELECT received_tli FROM pg_stat_wal_receiver"));
        Assert.DoesNotContain("ERROR: ", thirdServer.Log, StringComparison.Ordinal);
        names = Names(cluster);
        Assert.DoesNotContain(names, blob => blob.Contains(".damaged", StringComparison.Ordinal));
        Assert.Contains(names, blob => blob.Contains($"{unarchived[^1]}.partial", StringComparison.Ordinal));
    }

    /// <summary>Writes three segments and part of a fourth that are not archived, but streamed, and kills the primary. Their names.</summary>
    private static async Task<List<string>> DieUnarchivedAsync(ControlledCluster cluster, PostgresServer last)
    {
        var primary = cluster.Server;
        await ArchivedCluster.ArchiveAllAsync(primary);
        await primary.StopAsync(); // what the command line sets, no file changes
        primary.Settings["archive_command"] = "false";
        await primary.StartAsync();
        var names = new List<string>();
        for (var i = 0; i < 3; i++)
        {
            names.Add(await primary.ScalarAsync<string>(Segment));
            await primary.ExecuteAsync("INSERT INTO t SELECT generate_series(1, 1000)");
            await primary.ScalarAsync<string>("SELECT pg_walfile_name(pg_switch_wal())");
            await primary.ExecuteAsync("INSERT INTO t VALUES (1)");
        }
        names.Add(await primary.ScalarAsync<string>(Segment));
        var end = await primary.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text");
        await Eventually.IsTrueAsync(() => last.ScalarAsync<bool>($"SELECT pg_last_wal_replay_lsn() >= '{end}'"), () => last.Log);
        await cluster.KillAgentAsync();
        await primary.Kill9();
        return names;
    }

    private List<string> Names(ControlledCluster cluster)
    {
        var options = new BlobClientOptions { Transport = azurite.Server.CreateTransport() };
        var data = new BlobServiceClient(azurite.Server.ConnectionString, options).GetBlobContainerClient($"{cluster.Name}-data");
        return [.. data.GetBlobs().Select(blob => blob.Name)];
    }

    private static async Task SetAsync(PostgresServer server, string archiveCommand)
    {
        await server.ExecuteAsync($"ALTER SYSTEM SET archive_command = '{archiveCommand}'");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
    }

    private static void Forget(PostgresServer server, string segment)
    {
        var wal = Path.Combine(server.DataFolder, "pg_wal");
        File.Delete(Path.Combine(wal, segment));
        foreach (var mark in Directory.GetFiles(Path.Combine(wal, "archive_status"), segment + ".*")) File.Delete(mark);
    }

    private static string[] Ready(PostgresServer server) =>
        Directory.GetFiles(Path.Combine(server.DataFolder, "pg_wal", "archive_status"), "*.ready");

    private static double Gaps(string page) => page.Split('\n').Where(line => line.StartsWith("holdfast_wal_gaps{", StringComparison.Ordinal))
        .Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Sum();

    private static async Task<PostgresServer> StandbyOfAsync(PostgresServer upstream, string mode)
    {
        var standby = await BaseCopy.ByPgBasebackupAsync(upstream, "--wal-method=stream");
        foreach (var (name, value) in upstream.Settings) standby.Settings.TryAdd(name, value);
        standby.Settings.Remove("archive_command"); // by ALTER SYSTEM: servers get settings on their command line
        standby.Settings["archive_mode"] = mode;
        standby.Settings["primary_conninfo"] = $"host={upstream.SocketFolder} user=postgres";
        File.WriteAllText(Path.Combine(standby.DataFolder, "standby.signal"), "");
        await standby.StartAsync();
        return standby;
    }
}
