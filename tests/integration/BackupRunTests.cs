using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A backup of a real server into a real store, run in this process.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class BackupRunTests(SharedAzurite azurite)
{
    private const Needs All = Needs.Azurite | Needs.Postgres | Needs.Clients;

    [NeedsTheory(All)]
    [MemberData(nameof(PostgresServer.Majors), MemberType = typeof(PostgresServer))]
    public async Task A_backup_taken_under_load_replays_to_what_the_server_ended_with(int major)
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, major, settings: ("autovacuum_naptime", "1s"));
        var space = Path.Combine(Path.GetDirectoryName(host.Server.DataFolder)!, "elsewhere");
        Directory.CreateDirectory(space);
        ScratchFolder.GiveToServers(space);
        await host.Server.ExecuteAsync($"CREATE TABLESPACE elsewhere LOCATION '{space}'");
        await host.Server.ExecuteAsync("""
            CREATE TABLE moved (i int PRIMARY KEY, t text) TABLESPACE elsewhere;
            INSERT INTO moved SELECT i, repeat('x', i % 500) FROM generate_series(1, 20000) i;
            CREATE UNLOGGED TABLE fleeting AS SELECT generate_series(1, 1000) i;
            """);
        await host.Server.RunClientAsync("pgbench", ["--initialize", "--scale=3", "--quiet"]);
        var fleeting = await host.Server.ScalarAsync<string>("SELECT pg_relation_filepath('fleeting')");
        var load = host.Server.RunClientAsync("pgbench", ["--client=2", "--time=4", "--no-vacuum"]);
        var files = await host.BackUpAsync(started: () => Task.Delay(500));
        await load;

        var stored = await host.ReadBackAsync();
        Assert.Equal((ulong)stored.Facts.Count, files.FileCount);
        Assert.Equal(0ul, files.CorruptPageCount);
        Assert.True(files.StartLsn < files.StopLsn && files.StartTime < files.StopTime);
        Assert.Equal((uint)major, files.Major);
        Assert.Contains("elsewhere", files.TablespaceMap.ToStringUtf8(), StringComparison.Ordinal);
        Assert.DoesNotContain(stored.Facts.Keys, id => Encoding.UTF8.GetString(id.ToPath("*")) == fleeting);
        Assert.Contains(stored.Facts.Keys, id => Encoding.UTF8.GetString(id.ToPath("*")) == fleeting + "_init");
        Assert.Contains(files.Settings, setting => setting is { Name: "wal_level", Value: "replica" });
        Assert.NotEmpty(files.GlibcVersion);

        var relations = stored.Catalogs.SelectMany(catalog => catalog.Name.Zip(catalog.FileNode)
            .Select(pair => (catalog.DatabaseName.ToStringUtf8(), Name: pair.First.ToStringUtf8(), Node: pair.Second))).ToHashSet();
        Assert.Contains(("postgres", "moved", (uint)await host.Server.ScalarAsync<long>("SELECT pg_relation_filenode('moved')::bigint")), relations);
        Assert.Contains(("template1", "pg_class", (uint)await host.Server.ScalarAsync<long>("SELECT pg_relation_filenode('pg_class')::bigint", "template1")), relations);

        // Unlogged tables are empty after a recovery, in both.
        await host.Server.ExecuteAsync("TRUNCATE fleeting");
        var expected = await ServerContents.DescribeAsync(host.Server);
        await host.Server.StopAsync();
        await using var copy = await host.RestoreAsync(stored);
        Assert.Equal(expected, await ServerContents.DescribeAsync(copy));
    }

    [NeedsFact(All)]
    public async Task Every_file_of_a_server_at_rest_is_stored_as_it_is()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, settings: ("autovacuum", "off"));
        await host.Server.RunClientAsync("pgbench", ["--initialize", "--scale=2", "--quiet"]);
        await host.Server.ExecuteAsync("VACUUM FREEZE; CHECKPOINT");
        File.WriteAllText(Path.Combine(host.Server.DataFolder, "postgresql.auto.conf.tmp"), "half");
        await host.BackUpAsync();
        var stored = await host.ReadBackAsync();
        await host.Server.Kill9();
        var compared = 0;
        foreach (var (id, facts) in stored.Facts.Where(row => row.Value.Kind == FileKind.Relation))
        {
            var path = Path.Combine(host.Server.DataFolder, Encoding.UTF8.GetString(id.ToPath("*")));
            Assert.True(File.ReadAllBytes(path).AsSpan().SequenceEqual(stored.Contents[id]), path);
            compared++;
        }
        Assert.InRange(compared, 500, 5000);
        var all = Directory.GetFiles(Path.Combine(host.Server.DataFolder, "base"), "*", SearchOption.AllDirectories).Where(path => !Path.GetFileName(path).StartsWith("pg_internal.init", StringComparison.Ordinal));
        var known = stored.Facts.Keys.Select(id => Encoding.UTF8.GetString(id.ToPath("*"))).ToHashSet();
        Assert.All(all, path => Assert.Contains(Path.GetRelativePath(host.Server.DataFolder, path), known));
        Assert.DoesNotContain("postgresql.auto.conf.tmp", known);
        Assert.Contains("pg_hba.conf", known);
    }

    [NeedsTheory(All)]
    [InlineData(14, false)]
    [InlineData(17, false)]
    [InlineData(17, true)]
    public async Task Losing_the_session_voids_the_attempt_and_says_so(int major, bool atTheEnd)
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, major);
        Task Terminate() => host.Server.ExecuteAsync("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'holdfast backup'");
        var failure = await Assert.ThrowsAsync<SessionLostException>(() => host.BackUpAsync(started: atTheEnd ? null : Terminate, stopping: atTheEnd ? Terminate : null));
        Assert.Contains("the session with the server is lost", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(await host.NamesAsync(), name => name.EndsWith("/files", StringComparison.Ordinal));
        await host.BackUpAsync(attempt: 2);
        Assert.Contains(await host.NamesAsync(), name => name.EndsWith("/2/files", StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task A_corrupt_page_is_listed_and_the_backup_goes_on()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await host.Server.RunClientAsync("pgbench", ["--initialize", "--quiet"]);
        var path = await host.Server.ScalarAsync<string>("SELECT pg_relation_filepath('pgbench_accounts')");
        await host.Server.StopAsync();
        using (var file = File.OpenWrite(Path.Combine(host.Server.DataFolder, path)))
        {
            file.Position = 7 * 8192 + 5000;
            file.Write("rotten"u8);
        }
        await host.Server.StartAsync();
        var files = await host.BackUpAsync();
        Assert.Equal(1ul, files.CorruptPageCount);
        var page = Assert.Single(files.CorruptPages);
        Assert.Equal((7u, path.Split('/')[^1]), (page.Block, $"{page.File.Relation[0]}"));
        Assert.Contains($"{path}, block 7: the page fails its checksum", host.Log, StringComparison.Ordinal);
        await host.ReadBackAsync();
    }

    [NeedsFact(All)]
    public async Task What_cannot_become_a_backup_is_refused_before_it_begins()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await using (var other = await PostgresServer.StartNewAsync(17))
        {
            var foreign = await Assert.ThrowsAsync<RefusedException>(() => host.BackUpAsync(more: $"--pg-path={other.DataFolder}"));
            Assert.Contains("they are two clusters", foreign.Message, StringComparison.Ordinal);
        }
        await using (var copy = await BaseCopy.CopyFilesAsync(host.Server))
        {
            var twin = await Assert.ThrowsAsync<RefusedException>(() => host.BackUpAsync(more: $"--pg-path={copy.DataFolder}"));
            Assert.Contains("a copy of its data directory is not what it backs up", twin.Message, StringComparison.Ordinal);
        }
        await host.Server.StopAsync();
        var down = await Assert.ThrowsAsync<ConfigurationException>(() => host.BackUpAsync());
        Assert.Contains("cannot connect to PostgreSQL", down.Message, StringComparison.Ordinal);
        host.Server.Settings["archive_mode"] = "off";
        await host.Server.StartAsync();
        var archiving = await Assert.ThrowsAsync<RefusedException>(() => host.BackUpAsync());
        Assert.Contains("archive_mode is off", archiving.Message, StringComparison.Ordinal);
        Assert.DoesNotContain(await host.NamesAsync(), name => name.Contains("/backup/", StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task A_lost_answer_to_any_put_is_survived_and_a_refusal_of_any_fails_the_attempt()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        static bool IsPut(ProxiedRequest request) => request.Method == "PUT" && request.Path.Contains("/backup/", StringComparison.Ordinal);
        var seen = new HashSet<string>();
        // Each call tries again, finds its name taken, and reads whose it is.
        host.Proxy!.Add(request =>
        {
            lock (seen) return IsPut(request) && seen.Add(request.Path) ? new Fault.DropAfter() : null;
        });
        await host.BackUpAsync();
        await host.ReadBackAsync();
        var puts = seen.Count;
        Assert.InRange(puts, 6, 60);
        for (var refused = 1; refused <= puts; refused++)
        {
            host.Proxy.Clear();
            var count = 0;
            var nth = refused;
            host.Proxy.Add(request => IsPut(request) && Interlocked.Increment(ref count) == nth ? new Fault.Answer(403, "AuthorizationPermissionMismatch") : null);
            await Assert.ThrowsAnyAsync<StoreException>(() => host.BackUpAsync(attempt: 1 + nth));
            Assert.DoesNotContain(await host.NamesAsync(), name => name.EndsWith($"/{1 + nth}/files", StringComparison.Ordinal));
        }
    }

    [NeedsFact(All)]
    public async Task A_store_that_stalls_fails_the_attempt_at_its_deadline()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        host.Proxy!.Add(request => request.Method == "PUT" && request.Path.Contains("/pack/", StringComparison.Ordinal) ? new Fault.Stall() : null);
        var failure = await Assert.ThrowsAnyAsync<StoreException>(() => host.BackUpAsync(more: ["--backup-store-timeout=1s", "--repo-timeout=1s"]));
        Assert.Contains("/pack/", failure.Message, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task Being_cancelled_ends_it_within_a_second_and_leaves_no_session()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await host.Server.RunClientAsync("pgbench", ["--initialize", "--scale=10", "--quiet"]);
        using var cancel = new CancellationTokenSource();
        var at = 0L;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => host.BackUpAsync(cancellationToken: cancel.Token, started: () =>
        {
            at = System.Diagnostics.Stopwatch.GetTimestamp();
            cancel.CancelAfter(100);
            return Task.CompletedTask;
        }));
        Assert.InRange(System.Diagnostics.Stopwatch.GetElapsedTime(at).TotalSeconds, 0.05, 3);
        await Eventually.IsTrueAsync(async () => await host.Server.ScalarAsync<long>("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'holdfast backup'") == 0, () => "the session stays");
    }

    [NeedsFact(All)]
    public async Task What_configuration_in_etc_includes_is_captured_with_a_role_that_may_not_see_it_and_what_cannot_be_read_is_a_warning()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        var etc = host.World["etc"];
        Directory.CreateDirectory(Path.Combine(etc, "conf.d"));
        await host.Server.ExecuteAsync("""
            CREATE ROLE holdfast LOGIN; GRANT EXECUTE ON FUNCTION pg_backup_start(text, boolean), pg_backup_stop(boolean) TO holdfast
            """); // not even pg_monitor
        await host.Server.StopAsync();
        foreach (var name in (string[])["postgresql.conf", "pg_hba.conf"]) File.Move(Path.Combine(host.Server.DataFolder, name), Path.Combine(etc, name));
        await File.WriteAllTextAsync(Path.Combine(etc, "conf.d", "tuned.conf"), "Include_If_Exists = '../more.conf'\n");
        await File.WriteAllTextAsync(Path.Combine(etc, "more.conf"), "work_mem = '5MB'\n");
        await File.WriteAllTextAsync(Path.Combine(etc, "admins"), "postgres\n");
        await File.AppendAllTextAsync(Path.Combine(etc, "pg_hba.conf"), "local all @admins trust\n");
        await File.AppendAllTextAsync(Path.Combine(etc, "postgresql.conf"), $"include_dir = 'conf.d'\nhba_file = '{etc}/pg_hba.conf'\n");
        ScratchFolder.GiveToServers(etc);
        host.Server.Settings["config_file"] = Path.Combine(etc, "postgresql.conf");
        await host.Server.StartAsync();
        await File.AppendAllTextAsync(Path.Combine(etc, "conf.d", "tuned.conf"), "include 'gone.conf'\n");

        var files = await host.BackUpAsync(more: "--pg-user=holdfast");

        Assert.Contains(files.Warnings, warning => warning.Contains($"{etc}/conf.d/gone.conf, named by include in {etc}/conf.d/tuned.conf:2, does not exist", StringComparison.Ordinal));
        Assert.DoesNotContain(files.Warnings, warning => warning.Contains("may not see", StringComparison.Ordinal));
        var stored = await host.ReadBackAsync();
        var outside = stored.Facts.Where(row => row.Value.Kind == FileKind.Outside).Select(row => Encoding.UTF8.GetString(row.Key.Path)).Order(StringComparer.Ordinal);
        string[] expected = ["admins", "conf.d/tuned.conf", "more.conf", "pg_hba.conf", "postgresql.conf"];
        Assert.Equal(expected.Select(name => Path.Combine(etc, name)), outside);
        Assert.Contains(files.Settings, setting => setting.Name == "config_file" && setting.Value == Path.Combine(etc, "postgresql.conf"));
    }

    [NeedsFact(All)]
    public async Task Junk_beside_any_blob_of_an_attempt_is_a_warning_of_the_backup()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        var system = Assert.Single((await host.World.ReadLogAsync()).State.Hosts).System!.Value;
        var attempt = new BackupAttempt(system, BackupName.Parse("20261123-140211F"), 1);
        string[] taken = [attempt.Pack(0, 0), attempt.Extents(0, 0), attempt.FileList(0), attempt.Catalog(0)];
        foreach (var name in taken) await host.Data.CreateAsync(name, BlobContent.From("junk"u8.ToArray()), default);
        var files = await host.BackUpAsync();
        Assert.Equal((ulong)taken.Length, files.WarningCount);
        var warnings = string.Join('\n', files.Warnings);
        Assert.All(taken, name => Assert.Contains($"blob {name} is junk", warnings, StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task Configuration_outside_the_data_directory_is_captured_beside()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        var etc = host.World["etc"];
        Directory.CreateDirectory(etc);
        await host.Server.StopAsync();
        File.Move(Path.Combine(host.Server.DataFolder, "postgresql.conf"), Path.Combine(etc, "postgresql.conf"));
        File.Move(Path.Combine(host.Server.DataFolder, "pg_hba.conf"), Path.Combine(etc, "pg_hba.conf"));
        File.WriteAllText(Path.Combine(etc, "more.conf"), "work_mem = '5MB'\n");
        File.AppendAllText(Path.Combine(etc, "postgresql.conf"), "include 'more.conf'\n");
        ScratchFolder.GiveToServers(etc);
        (host.Server.Settings["config_file"], host.Server.Settings["hba_file"]) = (Path.Combine(etc, "postgresql.conf"), Path.Combine(etc, "pg_hba.conf"));
        await host.Server.StartAsync();
        await host.BackUpAsync();
        var stored = await host.ReadBackAsync();
        var outside = stored.Facts.Where(row => row.Value.Kind == FileKind.Outside).Select(row => Encoding.UTF8.GetString(row.Key.Path)).Order(StringComparer.Ordinal);
        Assert.Equal([Path.Combine(etc, "more.conf"), Path.Combine(etc, "pg_hba.conf"), Path.Combine(etc, "postgresql.conf")], outside);
        Assert.Equal("work_mem = '5MB'\n", Encoding.UTF8.GetString(stored.Contents.Single(file => Encoding.UTF8.GetString(file.Key.Path).EndsWith("more.conf", StringComparison.Ordinal)).Value));
    }
}
