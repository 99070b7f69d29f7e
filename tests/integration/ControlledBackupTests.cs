using System.Globalization;
using System.Text.Json;
using Azure.Storage.Blobs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>The whole of it, nothing standing in for anything: a backup asked of the control plane, made by the agent under load, restored, and judged by others' tools.</summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class ControlledBackupTests(SharedAzurite azurite)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    [NeedsTheory(Everything)]
    [MemberData(nameof(PostgresServer.Majors), MemberType = typeof(PostgresServer))]
    public async Task A_backup_taken_under_load_brings_back_what_pg_dump_saw_at_the_moment(int major)
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, major);
        var server = cluster.Server;
        await server.RunClientAsync("pgbench", "--initialize", "--scale=2", "--quiet");
        await server.ExecuteAsync("""
            CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 20000) AS n;
            ALTER TABLE orders ADD PRIMARY KEY (id); CREATE INDEX ON orders USING gin (string_to_array(note, 'a'));
            """);

        var load = server.RunClientAsync("pgbench", "--client=2", "--time=4", "--no-vacuum");
        var taken = await cluster.RunAsync("backup", "--type=full");
        await load;
        Assert.True(taken.ExitCode == 0, $"{taken.Output}{taken.Error}\n{cluster.Log}");
        Assert.Contains("committed in", taken.Output, StringComparison.Ordinal);
        Assert.Contains("0 corrupt pages", taken.Output, StringComparison.Ordinal);
        var expected = await DumpAsync(server);
        var moment = await server.ScalarAsync<string>("SELECT to_char(clock_timestamp() AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US')");
        await server.ExecuteAsync("DROP TABLE orders; INSERT INTO pgbench_history (tid) VALUES (-1)");
        await ArchivedCluster.ArchiveAllAsync(server);

        await using var restored = PostgresServer.CreateEmpty(major);
        (await cluster.RestoreAsync(restored, $"--target-time={moment}", "--target-action=promote")).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        restored.Settings["hot_standby"] = "off"; // then the first connection is made when recovery has ended
        await restored.StartAsync();
        Assert.Equal(expected, await DumpAsync(restored));
        await restored.RunClientAsync("pg_amcheck", "--all", "--heapallindexed", "--install-missing");
        await RestoreMatrixTests.CheckSumsAsync(restored);
    }

    [NeedsFact(Everything)]
    public async Task With_agent_and_control_plane_killed_while_it_runs_it_is_committed_all_the_same()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        await cluster.Server.RunClientAsync("pgbench", "--initialize", "--scale=10", "--quiet");
        (await cluster.RunAsync("backup", "--type=full", "--detach")).MustExit();
        await cluster.KillAgentAsync();
        await cluster.RestartControlPlaneAsync();
        cluster.StartAgent();
        await Eventually.IsTrueAsync(async () =>
        {
            using var info = JsonDocument.Parse((await cluster.RunAsync("info", "--output=json")).MustExit().Output);
            var history = info.RootElement.GetProperty("histories")[0];
            Assert.Equal(0, history.GetProperty("failed").GetArrayLength());
            return history.GetProperty("backups").GetArrayLength() == 1;
        }, () => cluster.Log);

        await using var restored = PostgresServer.CreateEmpty(17);
        (await cluster.RestoreAsync(restored, "--target-immediate", "--target-action=promote")).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        restored.Settings["hot_standby"] = "off";
        await restored.StartAsync();
        Assert.Equal(1_000_000, await restored.ScalarAsync<long>("SELECT count(*) FROM pgbench_accounts"));
    }

    [NeedsFact(Everything)]
    public async Task A_backup_that_stands_in_the_way_is_ended_by_the_command_that_the_refusal_names()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        cluster.SignalAgent(19); // SIGSTOP: it takes the job later
        (await cluster.RunAsync("backup", "--type=full", "--detach")).MustExit();
        var refused = (await cluster.RunAsync("backup", "--type=full", "--detach")).MustExit(3);
        var hint = refused.Error[refused.Error.IndexOf("holdfast backup ", StringComparison.Ordinal)..].Trim().Split(' ');

        var ending = cluster.RunAsync(hint[1], [.. hint[2..], "--reason=in the way"]);
        bool IsAsked() => cluster.ControlPlane.Log.Contains("cancel", StringComparison.OrdinalIgnoreCase) || ending.IsCompleted;
        await Eventually.IsTrueAsync(() => Task.FromResult(IsAsked()), () => cluster.Log);
        cluster.SignalAgent(18);
        var ended = (await ending).MustExit();
        Assert.EndsWith("ended: cancelled: in the way\n", ended.Output, StringComparison.Ordinal);

        var again = (await cluster.RunAsync(hint[1], hint[2..])).MustExit(3);
        Assert.Contains("has ended: it is failed", again.Error, StringComparison.Ordinal);
        var both = (await cluster.RunAsync(hint[1], [.. hint[2..], "--type=full"])).MustExit(2);
        Assert.Contains("--type", both.Error, StringComparison.Ordinal);
        (await cluster.RunAsync("backup", "--type=full")).MustExit();
    }

    [NeedsFact(Everything)]
    public async Task A_segment_that_vanished_from_the_store_is_told_by_its_name()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        (await cluster.RunAsync("backup", "--type=full")).MustExit();
        for (var segment = 0; segment < 3; segment++)
        {
            await cluster.Server.ExecuteAsync($"CREATE TABLE t{segment} ()");
            await ArchivedCluster.ArchiveAllAsync(cluster.Server);
        }
        await cluster.RestartControlPlaneAsync(); // it looks once a minute, and when it starts
        await Eventually.IsTrueAsync(async () => Sum(await cluster.MetricsAsync(), "holdfast_wal_gaps") == 0, () => cluster.Log);
        var metrics = await cluster.MetricsAsync();
        Assert.Contains($"holdfast_backup_age_seconds{{cluster=\"{cluster.Name}\",type=\"full\"}}", metrics, StringComparison.Ordinal);
        Assert.True(Sum(metrics, "holdfast_repository_size_bytes") > 1e6, metrics);

        var data = new BlobServiceClient(azurite.Server.ConnectionString, new BlobClientOptions { Transport = azurite.Server.CreateTransport() }).GetBlobContainerClient($"{cluster.Name}-data");
        var segments = data.GetBlobs().Select(blob => blob.Name).Where(name => name.Contains("/wal/", StringComparison.Ordinal) && name[(name.LastIndexOf('/') + 1)..].Length == 24).ToList();
        var lost = segments[^2];
        await data.DeleteBlobAsync(lost);
        await cluster.RestartControlPlaneAsync();
        await Eventually.IsTrueAsync(async () => Sum(await cluster.MetricsAsync(), "holdfast_wal_gaps") == 1, () => cluster.Log);
        Assert.Contains($"segment {lost[(lost.LastIndexOf('/') + 1)..]} is missing", cluster.ControlPlane.Log, StringComparison.Ordinal);
    }

    [NeedsFact(Everything)]
    public async Task With_all_private_keys_in_a_vault_a_backup_is_committed_and_restored()
    {
        await using var vaults = new VaultWorld();
        vaults.AddKeys();
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17, vaults: vaults);
        await cluster.Server.ExecuteAsync("CREATE TABLE orders AS SELECT generate_series(1, 20000) AS id");
        var taken = await cluster.RunAsync("backup", "--type=full");
        Assert.True(taken.ExitCode == 0, $"{taken.Output}{taken.Error}\n{cluster.Log}");
        await ArchivedCluster.ArchiveAllAsync(cluster.Server);

        await using var restored = PostgresServer.CreateEmpty(17);
        (await cluster.RestoreAsync(restored, "--target-action=promote")).MustExit();
        restored.Settings["hot_standby"] = "off";
        await restored.StartAsync();
        Assert.Equal(20000, await restored.ScalarAsync<long>("SELECT count(*) FROM orders"));

        var asked = vaults.Vault.Requests.Where(request => request.Method == "POST" && request.Body.Length > 0).Select(request => $"{request.Path.Split('/')[2]} {request.Path.Split('/')[4]}").Distinct();
        Assert.Equal(["content unwrapkey", "index unwrapkey", "signing sign"], asked.Order(StringComparer.Ordinal));
    }

    /// <summary>The sum of a signal's readings on the page; null when it has none.</summary>
    private static double? Sum(string page, string name)
    {
        var values = page.Split('\n').Where(line => line.StartsWith(name + "{", StringComparison.Ordinal)).Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)).ToList();
        return values.Count == 0 ? null : values.Sum();
    }

    /// <summary>Everything of the database as SQL. The key that newer pg_dumps write around it is a random one.</summary>
    private static async Task<string> DumpAsync(PostgresServer server) => string.Join('\n',
        (await server.RunClientAsync("pg_dump")).Output.Split('\n').Where(line => !line.StartsWith("\\restrict ", StringComparison.Ordinal) && !line.StartsWith("\\unrestrict ", StringComparison.Ordinal)));
}
