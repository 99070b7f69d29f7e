using Holdfast.Agent.Resident;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>Backups whose files are read from a standby, while its primary is written to.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class StandbyBackupTests(SharedAzurite azurite)
{
    private const Needs All = Needs.Azurite | Needs.Postgres | Needs.Clients;

    [NeedsTheory(All)]
    [InlineData(14)]
    [InlineData(18)]
    public async Task A_backup_of_a_standby_replays_to_what_its_primary_ended_with(int major)
    {
        await using var primary = await StartPrimaryAsync(major);
        await using var host = await BackupHost.StandbyOfAsync(azurite.Server, primary);
        var load = primary.RunClientAsync("pgbench", ["--client=2", "--time=4", "--no-vacuum"]);
        var files = await host.BackUpAsync(started: () => Task.Delay(500));
        await load;

        var stored = await host.ReadBackAsync();
        Assert.True(BackupLabel.Parse(files.BackupLabel.Span).FromStandby);
        Assert.Equal((1u, 0ul), (files.Timeline, files.CorruptPageCount));
        var control = ControlFile.Parse(stored.Contents.Single(file => file.Key.Path.SequenceEqual("global/pg_control"u8)).Value);
        Assert.Equal(DatabaseState.InArchiveRecovery, control.State);

        await CatchUpAsync(primary, host.Server);
        var expected = await ServerContents.DescribeAsync(primary);
        await host.Server.StopAsync();
        await using var copy = await host.RestoreAsync(stored, Recover);
        Assert.False(await copy.ScalarAsync<bool>("SELECT pg_is_in_recovery()"));
        Assert.Equal(expected, await ServerContents.DescribeAsync(copy));
        await copy.RunClientAsync("pg_amcheck", "--all", "--heapallindexed", "--install-missing");
    }

    [NeedsFact(All)]
    public async Task A_standby_that_is_promoted_meanwhile_makes_no_backup_and_the_next_one_is_of_a_primary()
    {
        await using var primary = await StartPrimaryAsync(17);
        await using var host = await BackupHost.StandbyOfAsync(azurite.Server, primary);
        var promoted = await Assert.ThrowsAsync<ConfigurationException>(() => host.BackUpAsync(stopping: host.Server.PromoteAsync));
        Assert.Contains("the standby was promoted during online backup", promoted.Message, StringComparison.Ordinal);
        Assert.Equal(AttemptRetry.Later, JobEnd.Of(promoted).Retry);
        Assert.DoesNotContain(await host.NamesAsync(), name => name.EndsWith("/1/files", StringComparison.Ordinal));
        var files = await host.BackUpAsync(attempt: 2);
        Assert.False(BackupLabel.Parse(files.BackupLabel.Span).FromStandby);
    }

    private static async Task<PostgresServer> StartPrimaryAsync(int major)
    {
        var primary = await PostgresServer.StartNewAsync(major, walSegmentMebibytes: 1,
            settings: [("archive_mode", "on"), ("archive_command", "true"), ("wal_keep_size", "2GB"), ("max_wal_size", "1GB"), ("autovacuum_naptime", "1s")]);
        await primary.RunClientAsync("pgbench", ["--initialize", "--scale=3", "--quiet"]);
        return primary;
    }

    private static async Task CatchUpAsync(PostgresServer primary, PostgresServer standby)
    {
        var written = await primary.ScalarAsync<string>("SELECT pg_current_wal_flush_lsn()::text");
        await Eventually.IsTrueAsync(() => standby.ScalarAsync<bool>($"SELECT pg_last_wal_replay_lsn() >= '{written}'"), () => standby.Log);
    }

    // The WAL is beside it: recovery goes to its end, and the server is a primary then.
    private static void Recover(PostgresServer copy)
    {
        BaseCopy.Recover(copy, "false");
        File.Delete(Path.Combine(copy.DataFolder, "standby.signal"));
        copy.Settings["hot_standby"] = "off";
    }
}
