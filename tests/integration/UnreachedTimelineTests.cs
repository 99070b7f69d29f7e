using Holdfast.Core.Postgres;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A recovery that follows a timeline and stops before that one began: PostgreSQL writes a history whose switch points do not ascend, and asks
/// no more of one than ascending timelines.
/// </summary>
public sealed class UnreachedTimelineTests(BranchedTimelines timelines) : IClassFixture<BranchedTimelines>
{
    [NeedsFact(Needs.Azurite | Needs.Postgres | Needs.Agent)]
    public async Task A_history_that_does_not_ascend_is_archived_and_followed()
    {
        await timelines.Backup;
        var early = await timelines.Cluster.RecoverAsync(timelines.Stored, "recovery_target = 'immediate'\nrecovery_target_timeline = '2'\nrecovery_target_action = 'promote'");
        var history = TimelineHistory.Parse(new TimelineId(4), await File.ReadAllBytesAsync(Path.Combine(early.DataFolder, "pg_wal", "00000004.history")));
        Assert.Equal([1u, 2u], history.Switches.Select(line => line.Parent.Value));
        Assert.True(history.Switches[1].SwitchPoint < history.Switches[0].SwitchPoint, "the server has written switch points that ascend: this test tests nothing");
        await early.ExecuteAsync("INSERT INTO told VALUES ('early')");
        await early.ExecuteAsync("SELECT pg_switch_wal()");

        (early.Settings["archive_mode"], early.Settings["archive_command"]) = ("on", await timelines.Stored.AdoptAsync(early));
        await early.StopAsync();
        await early.StartAsync();
        await early.ExecuteAsync("INSERT INTO told VALUES ('later')");
        await ArchivedCluster.ArchiveAllAsync(early);
        Assert.Equal(0L, await early.ScalarAsync<long>("SELECT failed_count FROM pg_stat_archiver"));

        var info = await timelines.Stored.InfoAsync();
        Assert.DoesNotContain("00000004.history:", info.Error, StringComparison.Ordinal);
        await using var restored = PostgresServer.CreateEmpty(18);
        (await timelines.Stored.RestoreAsync(restored, "--target-timeline=4", "--target-action=promote")).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal("early, later", await RestoreWorld.ToldAsync(restored));
    }
}
