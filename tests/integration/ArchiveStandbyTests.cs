using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A standby that has nothing but the archive.</summary>
public sealed class ArchiveStandbyTests
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Agent;

    [NeedsTheory(Everything)]
    [InlineData(14)]
    [InlineData(18)]
    public async Task Follows_the_archive_and_gives_a_copy_that_stops_on_a_segment_boundary(int major)
    {
        await using var azurite = await AzuriteServer.StartNewAsync();
        using var stored = await HoldfastArchive.CreateAsync(azurite);
        await using var cluster = await ArchivedCluster.StartAsync(major, 1, stored);
        await cluster.Primary.ExecuteAsync("CREATE TABLE rows AS SELECT 1 AS n");
        await cluster.TakeBaseCopyAsync();
        var standby = await cluster.PrepareRecoveryAsync(stored);
        File.Move(Path.Combine(standby.DataFolder, "recovery.signal"), Path.Combine(standby.DataFolder, "standby.signal"));
        standby.Settings["wal_retrieve_retry_interval"] = "100ms";

        await cluster.ArchiveAllAsync();
        await standby.StartAsync();
        await InsertAndFollowAsync(2);
        await cluster.Primary.ExecuteAsync("CHECKPOINT");
        await InsertAndFollowAsync(3);

        // Nothing but a switch was replayed last: the copy's stop LSN is the boundary, and the segment that begins there may never come (barman#1041).
        await cluster.TakeBaseCopyAsync(standby);
        Assert.Equal("00000", (await standby.ScalarAsync<string>("SELECT pg_last_wal_replay_lsn()::text"))[^5..]);
        var recovered = await cluster.RecoverAsync(stored);
        Assert.Equal(3L, await recovered.ScalarAsync<long>("SELECT count(*) FROM rows"));

        await standby.PromoteAsync();
        await standby.ExecuteAsync("INSERT INTO rows VALUES (4)");
        Assert.Equal(4L, await standby.ScalarAsync<long>("SELECT count(*) FROM rows"));

        async Task InsertAndFollowAsync(int n)
        {
            await cluster.Primary.ExecuteAsync($"INSERT INTO rows VALUES ({n})");
            await cluster.ArchiveAllAsync();
            await Eventually.IsTrueAsync(async () => await standby.ScalarAsync<long>("SELECT count(*) FROM rows") == n, () => $"row {n} did not come:\n{standby.Log}");
        }
    }
}
