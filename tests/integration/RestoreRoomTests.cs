using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A restore onto a disk that is too small, or becomes full.</summary>
public sealed class RestoreRoomTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    /// <summary>A real one, else a limit on files: either way the kernel refuses to write.</summary>
    [NeedsFact(Everything)]
    public async Task A_disk_that_becomes_full_is_named_no_server_starts_and_the_same_command_ends_it_when_there_is_room()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote", "--skip-space-check"];
        await using var disk = await SmallFileSystem.TryMountAsync(restored.DataFolder, 12);
        if (disk is null) ScratchFolder.GiveToServers(restored.SocketFolder);

        var failed = (disk is null ? await world.Stored.RestoreLimitedAsync(restored, 300_000, options) : await world.Stored.RestoreAsync(restored, options)).MustExit(2).Error;

        Assert.Contains($"restoring to {restored.DataFolder}: cannot ", failed, StringComparison.Ordinal);
        Assert.Matches($"cannot (write|make|make room in) {restored.DataFolder}/[a-z_./0-9]+: (No space left on device|File too large)", failed);
        if (disk is not null) Assert.Matches(@"\d MiB are still to be written, and .* are free there", failed);
        Assert.Contains("run the same command again", failed, StringComparison.Ordinal);
        Assert.Contains(
            $"To give up, remove {restored.DataFolder} and {restored.SocketFolder}/elsewhere/PG_17_202406281", failed, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(restored.DataFolder, "holdfast.restore")));
        Assert.False(File.Exists(Path.Combine(restored.DataFolder, "global", "pg_control")));

        if (disk is not null) await disk.ResizeAsync(200);
        (await world.Stored.RestoreAsync(restored, options)).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal("first", await RestoreWorld.ToldAsync(restored));
        await restored.StopAsync();
    }

    [NeedsFact(Everything)]
    public async Task Half_of_a_restore_counts_as_room_for_the_next_one()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"];
        await Assert.ThrowsAsync<OperationCanceledException>(() => world.Stored.RestoreHereAsync(restored, reached => { if (reached == "files written") throw new OperationCanceledException(); }, options));
        ScratchFolder.GiveToServers(restored.SocketFolder);

        var plan = System.Text.Json.JsonDocument.Parse((await world.Stored.RestoreAsync(restored, [.. options, "--dry-run", "--output=json"])).MustExit().Output).RootElement;

        Assert.InRange(plan.GetProperty("room")[0].GetProperty("needed-bytes").GetInt64(), 0, 1 << 20);
        Assert.InRange(plan.GetProperty("written-bytes").GetInt64(), 10 << 20, 1 << 30);
    }
}
