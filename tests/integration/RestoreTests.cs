using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>What <c>holdfast restore</c> makes, and what it refuses.</summary>
public sealed class RestoreTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    [NeedsFact(Everything)]
    public async Task A_tablespace_goes_where_it_is_told_and_holes_stay_holes()
    {
        await using var restored = PostgresServer.CreateEmpty(17);

        var done = (await world.Stored.RestoreAsync(restored, [.. RestoreWorld.Moved(restored, world.Tablespace), $"--target-time={world.Second}", "--target-action=promote"])).MustExit();

        Assert.Contains($"restored {world.Backup.Label} into {restored.DataFolder}", done.Output, StringComparison.Ordinal);
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal(3 << 20, new FileInfo(Path.Combine(restored.DataFolder, "holes")).Length - 3);
        var kibibytes = (await RunProcess.RunAsync(["du", "--block-size=1K", Path.Combine(restored.DataFolder, "holes")])).MustExit().Output.Split('\t')[0];
        Assert.InRange(int.Parse(kibibytes, System.Globalization.CultureInfo.InvariantCulture), 0, 64); // of 3 MiB
        Assert.Equal("first, second", await RestoreWorld.ToldAsync(restored));
        Assert.Equal(20000, await restored.ScalarAsync<long>("SELECT count(*) FROM moved"));
        Assert.Equal(0, await restored.ScalarAsync<long>("SELECT count(*) FROM forgotten"));
        Assert.Equal($"{restored.SocketFolder}/elsewhere", await restored.ScalarAsync<string>("SELECT pg_tablespace_location(oid) FROM pg_tablespace WHERE spcname = 'elsewhere'"));
        Assert.Equal("off", await restored.ScalarAsync<string>("SHOW archive_mode"));
        await restored.RunClientAsync("pg_amcheck", "--all", "--heapallindexed", "--install-missing");
        await RestoreMatrixTests.CheckSumsAsync(restored);
    }

    [NeedsFact(Everything)]
    public async Task The_recovery_kit_a_credential_and_the_escrow_key_are_enough()
    {
        await using var restored = PostgresServer.CreateEmpty(17);

        (await world.Stored.RestoreAsync(restored.DataFolder, [$"--kit={world.Stored.RecoveryKit}", .. world.Stored.Credential, $"--content-private-key-file={world.Stored.Key("escrow", "escrow.jwk")}",
            .. RestoreWorld.Moved(restored, world.Tablespace)])).MustExit();

        Assert.Equal("first, second, third", await RestoreWorld.ToldAsync(restored));
    }

    [NeedsFact(Everything)]
    public async Task A_tablespaces_mount_point_may_hold_lost_and_found_and_another_majors_folder()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"];
        var place = Path.Combine(restored.SocketFolder, "elsewhere");
        string[] theirs = [Path.Combine(place, "lost+found", "#12"), Path.Combine(place, "PG_16_202307071", "5", "16384")];
        foreach (var file in theirs)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            await File.WriteAllTextAsync(file, "theirs");
        }
        Directory.CreateDirectory(Path.Combine(place, "PG_17_202406281")); // empty: as good as absent
        ScratchFolder.GiveToServers(restored.SocketFolder);

        // Interrupted and gone on with, they are passed over just the same.
        await Assert.ThrowsAsync<OperationCanceledException>(() => world.Stored.RestoreHereAsync(
            restored, reached => { if (reached == "files written") throw new OperationCanceledException(); }, options));
        ScratchFolder.GiveToServers(restored.SocketFolder);
        var mine = Path.Combine(place, "PG_17_202406281", "theirs");
        await File.WriteAllTextAsync(mine, "");
        Assert.Contains(mine, (await world.Stored.RestoreAsync(restored, options)).MustExit(3).Error, StringComparison.Ordinal);
        File.Delete(mine);
        (await world.Stored.RestoreAsync(restored, options)).MustExit();

        // No pg_verifybackup: it goes through the link, and takes what is others' for extra files of the backup's.
        Assert.All(theirs, file => Assert.Equal("theirs", File.ReadAllText(file)));
        Assert.Equal("first", await RestoreWorld.ToldAsync(restored));
        Assert.Equal(20000, await restored.ScalarAsync<long>("SELECT count(*) FROM moved"));
    }

    [NeedsFact(Everything)]
    public async Task A_dry_run_shows_the_plan_and_changes_nothing()
    {
        await using var restored = PostgresServer.CreateEmpty(17);

        var plan = (await world.Stored.RestoreAsync(restored, [.. RestoreWorld.Moved(restored, world.Tablespace), $"--target-time={world.Second}", "--dry-run"])).MustExit().Output;

        Assert.Contains($"{world.Second[..19]}", plan, StringComparison.Ordinal);
        Assert.Contains("→ before LSN ", plan, StringComparison.Ordinal);
        Assert.Contains("nothing was changed", plan, StringComparison.Ordinal);
        Assert.False(Directory.Exists(restored.DataFolder));
    }

    [NeedsFact(Everything)]
    public async Task Refuses_a_directory_of_another_server_and_leaves_it()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        var data = world.Cluster.Primary.DataFolder;

        var refused = (await world.Stored.RestoreAsync(world.Cluster.Primary)).MustExit(3);

        Assert.Contains($"a server runs in {data}", refused.Error, StringComparison.Ordinal);
        Assert.Contains("not empty", (await world.Stored.RestoreAsync(restored)).MustExit(3).Error, StringComparison.Ordinal); // the tablespace's old place
        Assert.False(Directory.Exists(restored.DataFolder));
    }

    [NeedsFact(Everything)]
    public async Task A_moment_before_the_first_backup_is_an_error_that_names_the_nearest()
    {
        await using var restored = PostgresServer.CreateEmpty(17);

        var error = (await world.Stored.RestoreAsync(restored, "--target-time=2020-01-01 00:00:00")).MustExit(1).Error;

        Assert.Contains("no backup reaches 2020-01-01 00:00:00+00", error, StringComparison.Ordinal);
        Assert.Contains($"HINT: nearest moments: none before, {world.Backup.Facts.StopTime}", error, StringComparison.Ordinal);
        error = (await world.Stored.RestoreAsync(restored, "--target-time=2100-01-01 00:00:00")).MustExit(1).Error;
        Assert.Contains("the archive of timeline 1 ends before 2100-01-01", error, StringComparison.Ordinal);
    }

    [NeedsTheory(Everything)]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_pack_that_is_missing_or_damaged_is_named_and_no_server_starts_until_it_is_back(bool missing)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"];
        var blob = world.Stored.Container("data").GetBlobClient(world.Packs[^1]);
        var content = (await blob.DownloadContentAsync()).Value.Content.ToArray();
        byte[] damaged = [.. content];
        damaged[^100] ^= 1;
        await blob.DeleteAsync();
        if (!missing) await blob.UploadAsync(new BinaryData(damaged));
        try
        {
            var error = (await world.Stored.RestoreAsync(restored, options)).MustExit(5).Error;
            Assert.Contains(world.Packs[^1], error, StringComparison.Ordinal);
            Assert.Contains(missing ? "it is missing in" : "does not match its signed hash", error, StringComparison.Ordinal);
            Assert.Contains("cannot be restored", error, StringComparison.Ordinal);
            Assert.False(File.Exists(Path.Combine(restored.DataFolder, "global", "pg_control")));
        }
        finally
        {
            await blob.UploadAsync(new BinaryData(content), overwrite: true);
        }

        (await world.Stored.RestoreAsync(restored, options)).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal("first", await RestoreWorld.ToldAsync(restored));
    }

    [NeedsFact(Everything)]
    public async Task A_gap_is_named_before_a_byte_is_fetched()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        var stop = world.Backup.Facts.StopLsn;
        var name = await world.Cluster.Primary.ScalarAsync<string>($"SELECT pg_walfile_name('{stop}'::pg_lsn + 1048576)");
        var blob = world.Stored.Container("data").GetBlobClient($"{world.Backup.System}/wal/00000001/00000000/{name}");
        var content = (await blob.DownloadContentAsync()).Value.Content.ToArray();
        await blob.DeleteAsync();
        try
        {
            await world.Cluster.ArchiveAllAsync(); // so that there is WAL behind it
            var error = (await world.Stored.RestoreAsync(restored)).MustExit(1).Error;
            Assert.Contains($"segment {name} is missing", error, StringComparison.Ordinal);
            Assert.False(Directory.Exists(restored.DataFolder));
        }
        finally
        {
            await blob.UploadAsync(new BinaryData(content));
        }
    }

    [NeedsFact(Everything)]
    public async Task Root_hands_everything_to_those_who_had_it()
    {
        if (!Environment.IsPrivilegedProcess) return;
        await using var restored = PostgresServer.CreateEmpty(17);

        (await world.Stored.RestoreAsRootAsync(restored, [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"])).MustExit();

        var foreign = await RunProcess.RunAsync(["find", restored.DataFolder, $"{restored.SocketFolder}/elsewhere", "!", "-uid", $"{UnprivilegedUser.Id}"]);
        Assert.Equal("", foreign.MustExit().Output);
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal("first", await RestoreWorld.ToldAsync(restored));
    }

    // pg_rewind -c calls restore_command in whatever folder it was started in, and %p leads into its target.
    [NeedsTheory(Everything)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task The_written_restore_command_serves_pg_rewind_in_any_folder(bool isRelative)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), $"--target-time={world.Second}", "--target-action=promote"];
        (await world.Stored.RestoreAsync(restored, options)).MustExit();
        Assert.Equal("first, second", await RestoreWorld.ToldAsync(restored)); // promoted: timeline 2
        await restored.ExecuteAsync("INSERT INTO told VALUES ('astray'); CHECKPOINT");
        await restored.StopAsync();
        var left = Directory.GetFiles(Path.Combine(restored.DataFolder, "pg_wal"), "00000001????????????????");
        Array.ForEach(left, File.Delete);

        var rewind = await RewindTool.PrepareAsync(restored.SocketFolder, 17);
        var (target, folder) = isRelative ? ("data", restored.SocketFolder) : (restored.DataFolder, "/");
        var server = world.Cluster.Primary;
        var source = $"--source-server=host={server.SocketFolder} port=5432 user=postgres dbname=postgres";
        var command = UnprivilegedUser.Command(rewind, "--restore-target-wal", $"--target-pgdata={target}", "--no-sync", source);
        var done = await RunProcess.RunAsync(command, workingFolder: folder);

        Assert.Contains("Done!", done.MustExit().Error, StringComparison.Ordinal);
        Assert.Matches("fetched 00000001[0-9A-F]{16}", done.Error); // archive-get's own word
    }

    [NeedsTheory(Everything)]
    [InlineData("claimed")]
    [InlineData("files made")]
    [InlineData("files written")]
    [InlineData("before sync")]
    [InlineData("synced")]
    [InlineData("pg_control")]
    public async Task Interrupted_anywhere_it_goes_on(string step)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        string[] options = [.. RestoreWorld.Moved(restored, world.Tablespace), "--target-immediate", "--target-action=promote"];

        await Assert.ThrowsAsync<OperationCanceledException>(() => world.Stored.RestoreHereAsync(restored, reached => { if (reached == step) throw new OperationCanceledException(); }, options));

        Assert.True(File.Exists(Path.Combine(restored.DataFolder, "holdfast.restore")));
        Assert.Equal(step == "pg_control", File.Exists(Path.Combine(restored.DataFolder, "global", "pg_control")));
        ScratchFolder.GiveToServers(restored.SocketFolder);
        (await world.Stored.RestoreAsync(restored, options)).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.False(File.Exists(Path.Combine(restored.DataFolder, "holdfast.restore")));
    }

    [NeedsFact(Everything)]
    public async Task Info_tells_backups_and_what_can_be_restored()
    {
        var screen = (await world.Stored.InfoAsync()).Output;
        Assert.Contains("restorable  ", screen, StringComparison.Ordinal);
        Assert.Contains($"{world.Backup.Label}  full", screen, StringComparison.Ordinal);
        var history = System.Text.Json.JsonDocument.Parse((await world.Stored.InfoAsync("--output=json")).Output).RootElement.GetProperty("histories")[0];
        Assert.Equal(world.Backup.Label.ToString(), history.GetProperty("backups")[0].GetProperty("label").GetString());
        Assert.Equal(world.Backup.Facts.StopLsn.ToString(), history.GetProperty("restorable")[0].GetProperty("start").GetString());
    }
}
