using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>Recovery across promotions; <c>cp</c> is the judge.</summary>
public sealed class TimelineRecoveryTests(BranchedTimelines timelines) : IClassFixture<BranchedTimelines>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Agent;

    [NeedsTheory(Everything)]
    [InlineData("latest", null, "first, second, third, unarchived")]
    [InlineData("3", null, "first, second, third, unarchived")]
    [InlineData("current", null, "first, late on 1")]
    [InlineData("1", "late on 1", "first, late on 1")]
    [InlineData("1", "fork of 2", "first")]
    [InlineData("2", null, "first, late on 2, second")]
    [InlineData("2", "fork of 3", "first, second")]
    public async Task Follows_the_timeline_it_was_told(string timeline, string? restorePoint, string told)
    {
        var settings = $"recovery_target_timeline = '{timeline}'" + (restorePoint is null ? "" : $"\nrecovery_target_name = '{restorePoint}'");

        var ends = await Task.WhenAll(RecoverAsync(timelines.Reference, settings), RecoverAsync(timelines.Stored, settings));

        Assert.Equal((told, 4), (ends[0].Told, ends[0].Timeline));
        Assert.Equal(ends[0], ends[1]);
    }

    [NeedsTheory(Everything)]
    [InlineData("latest", null, "first, second, third, unarchived")]
    [InlineData("3", null, "first, second, third, unarchived")]
    [InlineData("current", null, "first, late on 1")]
    [InlineData("1", "late on 1", "first, late on 1")]
    [InlineData("1", "fork of 2", "first")]
    [InlineData("2", null, "first, late on 2, second")]
    [InlineData("2", "fork of 3", "first, second")]
    public async Task A_restore_follows_the_timeline_it_was_told(string timeline, string? restorePoint, string told)
    {
        await timelines.Backup;
        await using var restored = PostgresServer.CreateEmpty(18);

        (await timelines.Stored.RestoreAsync(restored, [$"--target-timeline={timeline}", "--target-action=promote", .. restorePoint is null ? (string[])[] : [$"--target-name={restorePoint}"]])).MustExit();

        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal(told, await RestoreWorld.ToldAsync(restored));
        Assert.Equal(4, await restored.ScalarAsync<int>("SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int"));
    }

    [NeedsFact(Everything)]
    public async Task A_restore_point_of_another_timeline_is_not_found()
    {
        await timelines.Backup;
        await using var restored = PostgresServer.CreateEmpty(18);
        Assert.Contains("is not in the WAL of timeline 3", (await timelines.Stored.RestoreAsync(restored, "--target-name=late on 1")).MustExit(1).Error, StringComparison.Ordinal);
        Assert.Contains("nothing is stored of timeline 9", (await timelines.Stored.RestoreAsync(restored, "--target-timeline=9")).MustExit(1).Error, StringComparison.Ordinal);
    }

    [NeedsTheory(Everything)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Refuses_a_timeline_without_a_history_file(bool stored)
    {
        var copy = await timelines.Cluster.PrepareRecoveryAsync(stored ? timelines.Stored : timelines.Reference, "recovery_target_timeline = '9'");

        await Assert.ThrowsAsync<InvalidOperationException>(copy.StartAsync);

        Assert.Contains("FATAL:  recovery target timeline 9 does not exist", copy.Log, StringComparison.Ordinal);
    }

    [NeedsFact(Everything)]
    public async Task A_history_file_that_never_was_is_absent() =>
        (await timelines.Stored.GetAsync(timelines.Cluster.Primary, "00000004.history", "pg_wal/RECOVERYHISTORY")).MustExit(1);

    [NeedsFact(Everything)]
    public async Task Every_file_of_every_timeline_comes_back_byte_for_byte()
    {
        using var fetched = new ScratchFolder("get");
        ScratchFolder.GiveToServers(fetched.Path);
        var names = timelines.Reference.Names;
        foreach (var name in names)
        {
            (await timelines.Stored.GetAsync(timelines.Cluster.Primary, name, fetched[name])).MustExit();
            Assert.True(timelines.Reference.Read(name).AsSpan().SequenceEqual(File.ReadAllBytes(fetched[name])), $"{name} differs");
        }

        Assert.Equal(["00000002.history", "00000003.history"], names.Where(name => name.EndsWith(".history", StringComparison.Ordinal)));
        Assert.Single(names, name => name.EndsWith(".partial", StringComparison.Ordinal));
    }

    // Its keys were registered on timeline 4, then it was built anew from a copy of timeline 1, as a standby is: all that it restores is older than
    // its registration, and with archive_mode=always PostgreSQL hands all of it to archive_command.
    [NeedsFact(Everything)]
    public async Task A_standby_that_archives_all_it_restores_is_not_held_up_by_what_is_older_than_its_registration()
    {
        var promoted = await timelines.Cluster.RecoverAsync(timelines.Stored, "recovery_target_timeline = '3'");
        await promoted.StopAsync();
        var archiveCommand = await timelines.Stored.AdmitAsync(promoted);
        await timelines.Cluster.DiscardAsync(promoted);
        var standby = await timelines.Cluster.PrepareRecoveryAsync(timelines.Stored);
        File.Move(Path.Combine(standby.DataFolder, "recovery.signal"), Path.Combine(standby.DataFolder, "standby.signal"));
        foreach (var (name, value) in ((string, string)[])[("archive_mode", "always"), ("archive_command", archiveCommand), ("wal_retrieve_retry_interval", "100ms")])
            standby.Settings[name] = value;

        await standby.StartAsync();

        await Eventually.IsTrueAsync(
            () => standby.ScalarAsync<bool>("""
                SELECT (SELECT count(*) FROM told WHERE what = 'unarchived') = 1
                  AND NOT EXISTS (SELECT FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')
                  AND (SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name IN ('00000002.history.done', '00000003.history.done')) = 2
                """),
            () => $"it does not follow, or its archiver is held up:\n{standby.Log}");
        Assert.Equal(0L, await standby.ScalarAsync<long>("SELECT failed_count FROM pg_stat_archiver"));
        Assert.True(await standby.ScalarAsync<long>("SELECT archived_count FROM pg_stat_archiver") > 2);
        await timelines.Cluster.DiscardAsync(standby);
    }

    private async Task<(string Told, int Timeline, RecoveryEnd End)> RecoverAsync(IWalArchive archive, string settings)
    {
        var copy = await timelines.Cluster.RecoverAsync(archive, settings);
        var end = await RecoveryEnd.OfAsync(copy);
        var told = await copy.ScalarAsync<string>("SELECT string_agg(what, ', ' ORDER BY what) FROM told");
        var timeline = await copy.ScalarAsync<int>("SELECT ('x' || left(pg_walfile_name(pg_current_wal_lsn()), 8))::bit(32)::int");
        await timelines.Cluster.DiscardAsync(copy);
        return (told, timeline, end);
    }
}
