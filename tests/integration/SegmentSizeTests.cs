using System.Globalization;
using System.Text.Json;
using Azure.Storage.Blobs;
using Holdfast.Agent.Info;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>pg_resetwal --wal-segsize on a server that archives: names of segments mean other WAL from then on.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class SegmentSizeTests(SharedAzurite azurite)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    [NeedsFact(Everything)]
    public async Task After_pg_resetwal_to_64_MiB_the_old_backup_is_restored_to_its_end_and_the_new_one_to_the_latest_moment()
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17, walSegmentMebibytes: 16);
        var server = cluster.Server;
        await server.ExecuteAsync("CREATE TABLE orders AS SELECT generate_series(1, 1000) AS id");
        (await cluster.RunAsync("backup", "--type=full")).MustExit();
        await server.ExecuteAsync("INSERT INTO orders SELECT generate_series(1001, 2000)");
        await server.ScalarAsync<bool>("SELECT pg_create_restore_point('the old end') IS NOT NULL");
        for (var i = 0; i < 3; i++) await ArchivedCluster.ArchiveAllAsync(server);

        await server.StopAsync();
        await ResetWalTool.ResizeAsync(server, 64);
        // Twice the segment size at least, or the server does not start; a restored copy needs it too.
        await File.AppendAllTextAsync(Path.Combine(server.DataFolder, "postgresql.conf"), "min_wal_size = '128MB'\nmax_wal_size = '256MB'\n");
        await server.StartAsync();
        await server.ExecuteAsync("INSERT INTO orders SELECT generate_series(2001, 3000)");
        await ArchivedCluster.ArchiveAllAsync(server);
        Assert.Contains(await NamesAsync(cluster), name => name.EndsWith(".1", StringComparison.Ordinal)); // its own name was taken
        await cluster.RestartControlPlaneAsync(); // it looks once a minute, and when it starts
        await Eventually.IsTrueAsync(async () => await GapsAsync(cluster) == 1, () => cluster.Log);

        (await cluster.RunAsync("backup", "--type=full")).MustExit();
        await server.ExecuteAsync("INSERT INTO orders SELECT generate_series(3001, 4000)");
        await ArchivedCluster.ArchiveAllAsync(server);
        await cluster.RestartControlPlaneAsync();
        await Eventually.IsTrueAsync(async () => await GapsAsync(cluster) == 0, () => cluster.Log);

        var history = Assert.Single(JsonSerializer.Deserialize((await cluster.RunAsync("info", "--output=json")).MustExit().Output, InfoJson.Default.InfoReport)!.Histories);
        Assert.Equal([16 << 20, 64 << 20], Assert.Single(history.Timelines).Ranges.Select(range => range.SegmentSize));
        Assert.Equal((64 << 20, 0, 0), (history.SegmentSize, history.Alternates.Count, history.Foreign.Count));
        Assert.Single(history.Gaps);
        Assert.Equal(2, history.Restorable.Count);
        var old = history.Backups[0].Label;

        Assert.Contains("pg_resetwal", (await RestoreAsync(cluster, null, $"--set={old}")).Error, StringComparison.Ordinal);
        await RestoreAsync(cluster, 2000, $"--set={old}", "--target-name=the old end");
        await RestoreAsync(cluster, 4000);
    }

    // The other way numbers jump ahead; and back, within the same 4 GiB.
    [NeedsFact(Needs.Azurite | Needs.Postgres | Needs.Clients)]
    public async Task A_server_that_went_to_1_MiB_and_back_to_16_has_three_stretches_and_nothing_is_refused_or_junk()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var server = await PostgresServer.StartNewAsync(17, settings: [("archive_mode", "on"), ("archive_command", "false")]);
        await ArchiveWorld.FinishSegmentAsync(server);
        await world.RegisterAsync(server);
        var sizes = new List<long> { 16 << 20 };
        var last = await ArchiveAsync(world, server);
        foreach (var mebibytes in new[] { 1, 16 })
        {
            await server.StopAsync();
            await world.PushReadyAsync(server); // what the shutdown ended
            await ResetWalTool.ResizeAsync(server, mebibytes);
            await server.StartAsync();
            last = await ArchiveAsync(world, server, mebibytes == 1 ? AdoptAsync : null);
            sizes.Add((long)mebibytes << 20);
        }

        var (code, output, error) = await world.RunAsync("info", "--verify", "--output=json", $"--config={world.Configuration("restorer")}", $"--state-path={world["r"]}");
        Assert.True(code == 1, error);
        var words = await world.MustAsync("info", $"--config={world.Configuration("restorer")}", $"--state-path={world["r"]}");
        Assert.Contains("of 16.0 MiB, then 1.0 MiB", words, StringComparison.Ordinal);
        var history = Assert.Single(JsonSerializer.Deserialize(output, InfoJson.Default.InfoReport)!.Histories);
        Assert.Equal(sizes, Assert.Single(history.Timelines).Ranges.Select(range => range.SegmentSize));
        Assert.Equal((2, 0), (history.Gaps.Count, history.Alternates.Count + history.Foreign.Count));
        Assert.Equal(["gap", "gap"], history.Verification!.FirstBreaks.Select(found => found.Kind));
        Assert.Empty(history.Verification.Junk);

        await world.MustAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, last, world["fetched"]]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(server.DataFolder, "pg_wal", last)), File.ReadAllBytes(world["fetched"]));
        // A name of the 1 MiB stretch, read in 16 MiB, is one that the server has not come to yet.
        var ahead = history.Timelines[0].Ranges[1].FirstSegment;
        Assert.Equal(1, (await world.RunAsync(["archive-get", .. world.Host(server, "restorer", "restorer"), world.Spool, ahead, world["none"]])).Code);
        Assert.DoesNotContain("cut logged", await AdoptAsync(), StringComparison.Ordinal); // the archive has WAL of the size that the server has now
        var cut = Assert.Single((await world.ReadLogAsync()).State.Cuts);
        Assert.Equal(history.Timelines[0].Ranges[0].End, cut.From.ToString());
        Assert.Equal(history.Timelines[0].Ranges[1].Start, cut.To.ToString());

        Task<string> AdoptAsync() => world.MustAsync(["adopt", "--yes", .. world.Host(server), world.Spool, world.ControlPlane]);
    }

    private static async Task<string> ArchiveAsync(ArchiveWorld world, PostgresServer server, Func<Task<string>>? adopt = null)
    {
        var last = "";
        for (var i = 0; i < 3; i++) last = await ArchiveWorld.FinishSegmentAsync(server);
        if (adopt is not null) Assert.Contains("cut logged", await adopt(), StringComparison.Ordinal);
        await world.PushReadyAsync(server);
        return last;
    }

    /// <summary>Restores and counts the orders; without a count it must be refused.</summary>
    private static async Task<ProcessResult> RestoreAsync(ControlledCluster cluster, long? orders, params IEnumerable<string> words)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        var done = (await cluster.RestoreAsync(restored, [.. words, "--target-action=promote"])).MustExit(orders is null ? 1 : 0);
        if (orders is null) return done;
        restored.Settings["hot_standby"] = "off";
        await restored.StartAsync();
        Assert.Equal(orders, await restored.ScalarAsync<long>("SELECT count(*) FROM orders"));
        return done;
    }

    private static async Task<double> GapsAsync(ControlledCluster cluster) =>
        (await cluster.MetricsAsync()).Split('\n').Where(line => line.StartsWith("holdfast_wal_gaps{", StringComparison.Ordinal))
            .Select(line => double.Parse(line[(line.LastIndexOf(' ') + 1)..], CultureInfo.InvariantCulture)).DefaultIfEmpty(-1).Sum();

    private async Task<List<string>> NamesAsync(ControlledCluster cluster)
    {
        var options = new BlobClientOptions { Transport = azurite.Server.CreateTransport() };
        var container = new BlobServiceClient(azurite.Server.ConnectionString, options).GetBlobContainerClient($"{cluster.Name}-data");
        var names = new List<string>();
        await foreach (var blob in container.GetBlobsAsync()) names.Add(blob.Name);
        return names;
    }
}
