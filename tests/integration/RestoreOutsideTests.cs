using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>What lay outside the data directory, and names that are no UTF-8.</summary>
public sealed class RestoreOutsideTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;
    private const string Etc = "/etc/postgresql/17/main";

    private static readonly (string Path, string Content)[] Configuration =
    [
        ($"{Etc}/postgresql.conf", $"""
            data_directory = '/var/lib/postgresql/17/main'	# use data in another directory
            hba_file = '{Etc}/pg_hba.conf'
            ident_file = '{Etc}/pg_ident.conf'
            external_pid_file = '/var/run/postgresql/17-main.pid'
            work_mem = 7MB
            include_dir = 'conf.d'
            include 'nothing.conf'

            """),
        ($"{Etc}/pg_hba.conf", "local all all trust\n"),
        ($"{Etc}/pg_ident.conf", ""),
        ($"{Etc}/conf.d/tuned.conf", "maintenance_work_mem = 33MB\n"),
        ("/srv/shared/hba.d/more.conf", "# shared\n"),
    ];

    [NeedsFact(Everything)]
    public async Task A_server_that_was_configured_in_etc_starts_on_the_copies_and_not_on_the_originals_files()
    {
        var backup = await BackUpAsync();
        await using var restored = PostgresServer.CreateEmpty(17);

        var told = (await world.Stored.RestoreAsync(restored, Options(restored, backup))).MustExit();

        Assert.Contains("copies go into holdfast.outside; none of this host's own files is touched", told.Error, StringComparison.Ordinal);
        Assert.Contains($"its configuration was {Etc}/postgresql.conf", told.Output, StringComparison.Ordinal);
        await RestoreMatrixTests.JudgeCold(restored);
        Assert.Equal("first, second, third", await RestoreWorld.ToldAsync(restored));
        Assert.Equal(("7MB", "33MB"), (await restored.ScalarAsync<string>("SHOW work_mem"), await restored.ScalarAsync<string>("SHOW maintenance_work_mem")));
        Assert.Equal(restored.DataFolder, await restored.ScalarAsync<string>("SHOW data_directory"));
        Assert.Equal($"{restored.DataFolder}/pg_hba.conf", await restored.ScalarAsync<string>("SHOW hba_file"));
        foreach (var (path, content) in Configuration) Assert.Equal(content, await File.ReadAllTextAsync(restored.DataFolder + "/holdfast.outside" + path));
    }

    [NeedsFact(Everything)]
    public async Task Config_path_gets_the_files_as_they_were_and_nothing_there_is_overwritten()
    {
        var backup = await BackUpAsync();
        await using var restored = PostgresServer.CreateEmpty(17);
        var etc = Path.Combine(restored.SocketFolder, "etc");
        string[] options = [.. Options(restored, backup), $"--config-path={etc}"];
        Directory.CreateDirectory(etc);
        await File.WriteAllTextAsync(Path.Combine(etc, "pg_hba.conf"), "theirs");
        ScratchFolder.GiveToServers(restored.SocketFolder);

        var refused = (await world.Stored.RestoreAsync(restored, options)).MustExit(3).Error;
        Assert.Contains($"{etc}/pg_hba.conf is there already", refused, StringComparison.Ordinal);
        Assert.False(Directory.Exists(restored.DataFolder));
        Assert.Equal("theirs", await File.ReadAllTextAsync(Path.Combine(etc, "pg_hba.conf")));

        await File.WriteAllTextAsync(Path.Combine(etc, "pg_hba.conf"), "local all all trust\n"); // the same is nobody's loss
        var told = (await world.Stored.RestoreAsync(restored, options)).MustExit().Output;
        Assert.Contains($"data_directory in {etc}/postgresql.conf is /var/lib/postgresql/17/main: make it {restored.DataFolder}", told, StringComparison.Ordinal);
        foreach (var (path, content) in Configuration.Where(file => file.Path.StartsWith(Etc, StringComparison.Ordinal)))
            Assert.Equal(content, await File.ReadAllTextAsync(etc + path[Etc.Length..]));
        Assert.Equal(["conf.d", "pg_hba.conf", "pg_ident.conf", "postgresql.conf"], Directory.EnumerateFileSystemEntries(etc).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.False(File.Exists(Path.Combine(restored.DataFolder, "postgresql.conf")));
        await RestoreMatrixTests.JudgeCold(restored);
    }

    [NeedsFact(Everything)]
    public async Task Leftover_targets_in_any_file_and_places_of_the_original_are_named_and_count_no_more()
    {
        var original = world.Cluster.Primary.DataFolder;
        var seen = (await File.ReadAllTextAsync(original + "/postmaster.pid"), File.GetLastWriteTimeUtc(original + "/postgresql.conf"));
        var main = $"""
            data_directory = '{original}'
            hba_file = '{original}/access/pg_hba.conf'
            external_pid_file = '{original}/../second.pid'
            recovery_target_time = '{world.Second}'
            primary_conninfo = 'host=/nowhere password=geheim'
            synchronous_standby_names = '*'
            recovery_min_apply_delay = '1h'
            recovery_end_command = 'touch {original}/../touched'
            log_directory = '{original}/log'
            include '/srv/shared/common.conf'
            include_dir 'conf.d'

            """;
        string[] files = ["postgresql.conf", "postgresql.auto.conf", "conf.d/left.conf", "access/pg_hba.conf", "/srv/shared/common.conf"];
        string[] contents = [main, "recovery_target_xid = '3'\n", $"data_directory = '{original}'\nrecovery_target_name = 'x'\n", "local all all trust\n", $"data_directory '{original}'\n"];
        var backup = await BackUpAsync(maker =>
        {
            maker.Omit.UnionWith(["postgresql.conf", "postgresql.auto.conf", "pg_hba.conf"]);
            maker.Extra.AddRange([("conf.d"u8.ToArray(), null), ("access"u8.ToArray(), null)]);
            for (var i = 0; i < files.Length; i++) maker.Extra.Add((Encoding.UTF8.GetBytes(files[i]), Encoding.UTF8.GetBytes(contents[i])));
            maker.Settings.Add(("data_directory", original));
        }, inEtc: false);
        await using var restored = PostgresServer.CreateEmpty(17);

        var told = (await world.Stored.RestoreAsync(restored, [.. RestoreWorld.Moved(restored, world.Tablespace), $"--set={backup.Label}"])).MustExit().Output;

        string[] named =
        [
            $"recovery_target_time, now ''; was '{world.Second}' ({original}/postgresql.conf:4)", $"({original}/postgresql.auto.conf:1)",
            $"data_directory, taken out; was '{original}' ({original}/conf.d/left.conf:1)", "(/srv/shared/common.conf:1)",
            "primary_conninfo, now ''; was 'host=/nowhere password=***'", "synchronous_standby_names, now ''; was '*'", "log_directory, now 'log'",
            "max_prepared_transactions, now '8'; was '0' (in no file)",
        ];
        Assert.All(named, text => Assert.Contains(text, told, StringComparison.Ordinal));
        Assert.DoesNotContain("geheim", told, StringComparison.Ordinal);
        await RestoreMatrixTests.JudgeCold(restored);
        await restored.StartAsync(); // with no settings of the original's command line, and hot_standby
        await Eventually.IsTrueAsync(async () => !await restored.ScalarAsync<bool>("SELECT pg_is_in_recovery()"), () => restored.Log);
        Assert.Equal("first, second, third", await restored.ScalarAsync<string>("SELECT string_agg(what, ', ' ORDER BY what) FROM told"));
        Assert.Equal(restored.DataFolder, await restored.ScalarAsync<string>("SHOW data_directory"));
        await restored.ExecuteAsync("INSERT INTO told VALUES ('fourth')"); // no standby is waited for
        Assert.Equal(seen, (await File.ReadAllTextAsync(original + "/postmaster.pid"), File.GetLastWriteTimeUtc(original + "/postgresql.conf")));
        Assert.False(File.Exists(original + "/../touched") || File.Exists(original + "/../second.pid") || Directory.Exists(original + "/log"));
    }

    [NeedsFact(Everything)]
    public async Task Names_that_are_no_UTF_8_come_back_byte_for_byte_also_after_an_interruption()
    {
        byte[] file = [.. "gr"u8, 0xF6, 0xDF, (byte)'e'], folder = [(byte)'d', 0xFE], within = [.. folder, (byte)'/', 0xFF];
        var backup = await BackUpAsync(maker => maker.Extra.AddRange([(file, "in a file"u8.ToArray()), (folder, null), (within, "in a folder"u8.ToArray())]), inEtc: false);
        await using var restored = PostgresServer.CreateEmpty(17);
        ScratchFolder.GiveToServers(restored.SocketFolder);
        var root = Encoding.UTF8.GetBytes(restored.DataFolder + "/");
        try
        {
            Assert.Contains("File too large", (await world.Stored.RestoreLimitedAsync(restored, 300_000, Options(restored, backup))).MustExit(2).Error, StringComparison.Ordinal);
            (await world.Stored.RestoreAsync(restored, Options(restored, backup))).MustExit();

            await RestoreMatrixTests.JudgeCold(restored); // by Encoded-Path
            Assert.Equal("in a file"u8, Read([.. root, .. file]));
            Assert.Equal("in a folder"u8, Read([.. root, .. within]));
            Assert.Equal([[0xFF]], RawFiles.Names([.. root, .. folder])!);
        }
        finally
        {
            await RunProcess.RunAsync(["rm", "-rf", restored.DataFolder]); // .NET cannot name them
        }
    }

    private static byte[] Read(byte[] path)
    {
        using var file = RawFiles.OpenFile(path) ?? throw new FileNotFoundException();
        var content = new byte[RandomAccess.GetLength(file)];
        Assert.Equal(content.Length, RandomAccess.Read(file, content, 0));
        return content;
    }

    private string[] Options(PostgresServer restored, LoggedBackup backup) =>
        [.. RestoreWorld.Moved(restored, world.Tablespace), $"--set={backup.Label}", "--target-immediate", "--target-action=promote"];

    private async Task<LoggedBackup> BackUpAsync(Action<BackupMaker>? more = null, bool inEtc = true)
    {
        var maker = world.Stored.Backups();
        if (inEtc)
        {
            maker.Omit.UnionWith(["postgresql.conf", "pg_hba.conf", "pg_ident.conf"]);
            maker.Extra.AddRange(Configuration.Select(one => (Encoding.UTF8.GetBytes(one.Path), (byte[]?)Encoding.UTF8.GetBytes(one.Content))));
            maker.Settings.AddRange([("config_file", $"{Etc}/postgresql.conf"), ("hba_file", $"{Etc}/pg_hba.conf"), ("ident_file", $"{Etc}/pg_ident.conf")]);
        }
        more?.Invoke(maker);
        var backup = await maker.BackUpAsync(world.Cluster.Primary);
        await world.Cluster.ArchiveAllAsync();
        return backup;
    }
}
