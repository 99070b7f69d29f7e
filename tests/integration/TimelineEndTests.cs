using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A third node with archive_mode=always that streams from a standby: when that is promoted, PostgreSQL hands over the old timeline's last segment
/// part-filled and under its full name.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class TimelineEndTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task The_part_filled_end_of_a_timeline_that_a_third_node_hands_over_is_no_damage()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var primary = await ArchiveWorld.StartServerAsync();
        await world.RegisterAsync(primary);
        await using var standby = await StandbyOfAsync(primary, "on");
        await using var third = await StandbyOfAsync(standby, "always");
        await world.RenewTokenAsync();
        await world.RegisterAsync(third, "third");
        await ArchiveWorld.FinishSegmentAsync(primary);
        await primary.ExecuteAsync("INSERT INTO t SELECT generate_series(1, 100)");
        await FollowsAsync(third, 1100);
        var end = await primary.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_lsn())");

        await standby.ExecuteAsync("SELECT pg_promote()");
        await standby.ExecuteAsync("INSERT INTO t VALUES (1)");
        await FollowsAsync(third, 1101);
        var handed = Path.Combine(third.DataFolder, "pg_wal", "archive_status", end + ".ready");
        await Eventually.IsTrueAsync(() => Task.FromResult(File.Exists(handed)), () => $"PostgreSQL did not hand {end} over:\n{third.Log}");
        var whole = File.ReadAllBytes(Path.Combine(third.DataFolder, "pg_wal", end));
        var history = Path.Combine(third.DataFolder, "pg_wal", "00000002.history");
        Directory.CreateDirectory(world["wal"]);

        // Without a history that ends the timeline there, or where the WAL ends before it, the same is damage.
        File.Move(history, history + ".away");
        await DamagedAsync(whole);
        File.Move(history + ".away", history);
        var cut = (byte[])whole.Clone();
        cut.AsSpan(2048).Clear(); // the 100 rows take 6 KiB
        await DamagedAsync(cut);

        await world.PushReadyAsync(third, "third");
        var stored = await StoredAsync();
        Assert.Contains(stored, blob => blob.Contains(end + ".partial", StringComparison.Ordinal));
        Assert.DoesNotContain(stored, blob => blob.EndsWith(end, StringComparison.Ordinal) || blob.Contains("damaged", StringComparison.Ordinal));

        // The dead primary comes back, and archives the whole one: the name is free. A second push of the part finds it.
        await primary.ExecuteAsync("SELECT pg_switch_wal()");
        await world.PushReadyAsync(primary);
        Assert.Contains(await StoredAsync(), blob => blob.EndsWith(end, StringComparison.Ordinal));
        var again = await world.RunAsync(["archive-push", .. world.Host(third, "third"), world.Spool, $"pg_wal/{end}"]);
        Assert.True(again.Code == 0, again.Error);
        Assert.Contains($"{end}.partial was stored already, and is the same", again.Error, StringComparison.Ordinal);

        async Task DamagedAsync(byte[] content)
        {
            File.WriteAllBytes(world["wal", end], content);
            await world.FailsAsync(5, ["archive-push", .. world.Host(third, "third"), world.Spool, world["wal", end]]);
        }

        async Task<List<string>> StoredAsync()
        {
            using var services = BlobServices.Open(Holdfast.Agent.Host.StoreOptions.From(world.Options("control-plane"), TimeSpan.FromSeconds(20)));
            var names = new List<string>();
            await foreach (var entry in services.Data.ListAsync("", default)) names.Add(entry.Name);
            return names;
        }
    }

    private static async Task FollowsAsync(PostgresServer server, long rows) => await Eventually.IsTrueAsync(
        async () => await server.ScalarAsync<long>("SELECT count(*) FROM t") == rows, () => $"{rows} rows did not come:\n{server.Log}");

    private static async Task<PostgresServer> StandbyOfAsync(PostgresServer upstream, string mode)
    {
        var standby = await BaseCopy.ByPgBasebackupAsync(upstream, "--wal-method=stream");
        foreach (var (name, value) in upstream.Settings) standby.Settings.TryAdd(name, value);
        standby.Settings["archive_mode"] = mode;
        standby.Settings["primary_conninfo"] = $"host={upstream.SocketFolder} user=postgres";
        File.WriteAllText(Path.Combine(standby.DataFolder, "standby.signal"), "");
        await standby.StartAsync();
        return standby;
    }
}
