using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

public sealed class PostgresServerTests
{
    [NeedsTheory(Needs.Postgres)]
    [MemberData(nameof(PostgresServer.Majors), MemberType = typeof(PostgresServer))]
    public async Task Recovers_committed_rows_after_a_kill(int major)
    {
        await using var server = await PostgresServer.StartNewAsync(major, walSegmentMebibytes: 1);
        Assert.StartsWith($"{major}.", await server.ScalarAsync<string>("SHOW server_version"));
        Assert.Equal("1MB", await server.ScalarAsync<string>("SHOW wal_segment_size"));
        Assert.Equal("on", await server.ScalarAsync<string>("SHOW data_checksums"));
        await server.ExecuteAsync("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");

        await server.Kill9();
        await server.StartAsync();

        Assert.Equal(1000L, await server.ScalarAsync<long>("SELECT count(*) FROM kept"));
    }

    [NeedsTheory(Needs.Postgres)]
    [InlineData(14)]
    [InlineData(18)]
    public async Task A_file_copy_recovers_to_a_restore_point_from_an_archive(int major)
    {
        using var archive = new ScratchFolder("wal");
        ScratchFolder.GiveToServers(archive.Path);
        await using var server = await PostgresServer.StartNewAsync(
            major, 1, true, ("archive_mode", "on"), ("archive_command", $"cp %p {archive.Path}/%f"));
        await server.ExecuteAsync("CREATE TABLE kept AS SELECT generate_series(1, 1000) AS n");
        await using var copy = await BaseCopy.CopyFilesAsync(server);
        await server.ExecuteAsync("INSERT INTO kept SELECT generate_series(1, 500)");
        await server.ExecuteAsync("SELECT pg_create_restore_point('here')");
        await server.ExecuteAsync("DROP TABLE kept");
        await server.ExecuteAsync("SELECT pg_switch_wal()");
        await server.StopAsync();

        BaseCopy.Recover(copy, $"cp {archive.Path}/%f %p", "recovery_target_name = 'here'");
        await copy.StartAsync();

        Assert.Equal(1500L, await copy.ScalarAsync<long>("SELECT count(*) FROM kept"));
    }

    [NeedsFact(Needs.Postgres | Needs.Clients)]
    public async Task A_copy_by_pg_basebackup_follows_and_is_promoted()
    {
        await using var server = await PostgresServer.StartNewAsync(17, dataChecksums: false);
        Assert.Equal("off", await server.ScalarAsync<string>("SHOW data_checksums"));
        await server.ExecuteAsync("CREATE TABLE kept AS SELECT 1 AS n");
        await using var standby = await BaseCopy.ByPgBasebackupAsync(server, "--write-recovery-conf");
        await standby.StartAsync();
        Assert.True(await standby.ScalarAsync<bool>("SELECT pg_is_in_recovery()"));

        await standby.PromoteAsync();
        await standby.ExecuteAsync("INSERT INTO kept VALUES (2)");

        Assert.Equal(2L, await standby.ScalarAsync<long>("SELECT count(*) FROM kept"));
        await standby.StopAsync(PostgresStop.Immediate);
    }
}
