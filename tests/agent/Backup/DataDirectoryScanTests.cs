using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Host;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Backup;

public sealed class DataDirectoryScanTests : IDisposable
{
    private const string Version = BackupWorld.VersionDirectory;

    private readonly SyntheticData _data = new();

    [Fact]
    public void Leaves_out_what_the_server_makes_anew_and_keeps_its_folders()
    {
        string[] empty = ["pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];
        foreach (var folder in empty) _data.Write($"{folder}/0000");
        _data.Write("pg_replslot/slot/state");
        _data.Write("pg_wal/000000010000000000000001");
        _data.Write("pg_wal/archive_status/000000010000000000000001.ready");
        _data.Write("pg_wal/summaries/x.summary");
        Assert.Equal([.. new[] { "/", "global/", "global/pg_control", "pg_wal/", "pg_wal/archive_status/" }.Concat(empty.Select(folder => folder + "/")).Order(StringComparer.Ordinal)],
            _data.Found().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Leaves_out_temporary_files_caches_and_what_belongs_to_a_running_server_or_another_backup()
    {
        string[] left = ["base/pgsql_tmp/pgsql_tmp123.0", "base/5/pgsql_tmp77.1", "base/5/pg_internal.init", "base/5/pg_internal.init.77", "global/pg_internal.init", "postmaster.pid",
            "postmaster.opts", "backup_label", "tablespace_map", "backup_manifest", "postgresql.auto.conf.tmp", "current_logfiles.tmp"];
        foreach (var file in left) _data.Write(file);
        string[] kept = ["PG_VERSION", "postgresql.auto.conf", "current_logfiles", "backup_label.old", "base/5/PG_VERSION", "base/5/pg_filenode.map", "pg_xact/0000", "standby.signal"];
        foreach (var file in kept) _data.Write(file);
        var found = _data.Found().Where(path => !path.EndsWith('/')).ToHashSet();
        Assert.Equal([.. kept.Append("global/pg_control").Order(StringComparer.Ordinal)], found.Order(StringComparer.Ordinal));
        Assert.Empty(_data.Warnings);
    }

    [Fact]
    public void Leaves_out_temporary_relations_and_the_forks_of_unlogged_ones_but_not_their_init_forks()
    {
        string[] left = ["base/5/t3_1000", "base/5/t0_1000_fsm", "base/5/t12_1000.1", "base/5/2000", "base/5/2000.1", "base/5/2000_fsm", "base/5/2000_vm", $"pg_tblspc/16500/{Version}/5/3000"];
        string[] kept = ["base/5/2000_init", "base/5/20000", "base/5/1000", "base/5/1000_fsm", "base/5/1000_vm", "base/5/1000.1", "base/5/t3_1000x", "base/6/2000",
            $"pg_tblspc/16500/{Version}/5/3000_init", "global/2000", "global/1260", "base/5/0123", "base/5/1000_foo"];
        foreach (var file in left.Concat(kept)) _data.Write(file);
        Assert.Equal([.. kept.Append("global/pg_control").Order(StringComparer.Ordinal)], _data.Found().Where(path => !path.EndsWith('/')).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Follows_tablespaces_and_takes_only_this_majors_folder_of_them()
    {
        Directory.CreateDirectory(_data.Beside($"space/{Version}/5"));
        Directory.CreateDirectory(_data.Beside("space/PG_16_202307071/5"));
        File.WriteAllText(_data.Beside($"space/{Version}/5/4000"), "x");
        File.WriteAllText(_data.Beside($"space/{Version}/5/PG_VERSION"), "17");
        File.WriteAllText(_data.Beside("space/PG_16_202307071/5/4000"), "x");
        File.WriteAllText(_data.Beside("space/foreign"), "x");
        Directory.CreateSymbolicLink(_data.In("pg_tblspc/16400"), _data.Beside("space"));
        _data.Write($"pg_tblspc/16500/{Version}/5/4001"); // in place: a folder where a link belongs
        _data.Write("pg_tblspc/notes");
        Directory.CreateSymbolicLink(_data.In("pg_tblspc/16600"), _data.Beside("nothing")); // being dropped
        Assert.Equal(["/", "global/", "global/pg_control", "pg_tblspc/", "pg_tblspc/16400@", "pg_tblspc/16500/", "pg_tblspc/16600@",
                "pg_tblspc/16400/", $"pg_tblspc/16400/{Version}/", $"pg_tblspc/16400/{Version}/5/", $"pg_tblspc/16400/{Version}/5/PG_VERSION", $"pg_tblspc/16400/{Version}/5/4000",
                $"pg_tblspc/16500/{Version}/", $"pg_tblspc/16500/{Version}/5/", $"pg_tblspc/16500/{Version}/5/4001"],
            _data.Found());
        Assert.Contains("pg_tblspc/notes is no tablespace", Assert.Single(_data.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void A_tablespace_within_the_data_directory_is_taken_once()
    {
        _data.Write($"spaces/one/{Version}/5/4000");
        _data.Write("spaces/notes");
        Directory.CreateSymbolicLink(_data.In("pg_tblspc/16400"), _data.In("spaces/one"));
        var found = _data.Found().ToArray();
        Assert.Contains($"pg_tblspc/16400/{Version}/5/4000", found);
        Assert.Contains("spaces/notes", found);
        Assert.Contains("spaces/one/", found);
        Assert.DoesNotContain(found, path => path.StartsWith($"spaces/one/{Version}/5", StringComparison.Ordinal));
    }

    [Fact]
    public void Pg_wal_stays_the_link_it_is_and_other_emptied_folders_become_folders()
    {
        Directory.CreateDirectory(_data.Beside("wal/archive_status"));
        Directory.CreateDirectory(_data.Beside("stats"));
        Directory.CreateSymbolicLink(_data.In("pg_wal"), _data.Beside("wal"));
        Directory.CreateSymbolicLink(_data.In("pg_stat_tmp"), _data.Beside("stats"));
        Assert.Equal(["/", "global/", "global/pg_control", "pg_stat_tmp/", "pg_wal@"], _data.Found());
        var files = _data.Scan();
        Assert.Equal(_data.Beside("wal"), Encoding.UTF8.GetString(files.Facts(4).LinkTarget.Span));
        Assert.Empty(_data.Warnings);
    }

    [Fact]
    public void A_link_elsewhere_is_followed_and_known_as_one()
    {
        Directory.CreateDirectory(_data.Beside("logs"));
        File.WriteAllText(_data.Beside("logs/one"), "x");
        Directory.CreateSymbolicLink(_data.In("log"), _data.Beside("logs"));
        Assert.Equal(["/", "global/", "global/pg_control", "log/", "log/one"], _data.Found());
        Assert.Equal(_data.Beside("logs"), Encoding.UTF8.GetString(_data.Scan().Facts(3).LinkTarget.Span));
        Assert.Empty(_data.Warnings);
    }

    [Fact]
    public void Names_that_are_not_text_survive()
    {
        byte[] raw = [(byte)'a', 0xFF, 0xC0, (byte)'b'];
        _data.WriteRaw(raw, "raw");
        var files = _data.Scan();
        var names = Enumerable.Range(0, files.Count).Select(file => files.Id(file).Path.ToArray()).ToArray();
        var found = _data.Found().ToArray();
        _data.RemoveRaw(raw);
        Assert.Contains(names, name => name.AsSpan().SequenceEqual(raw));
        Assert.Contains(@"a\xff\xc0b", found);
    }

    [Fact]
    public void Files_keep_their_modes_owners_and_times()
    {
        _data.Write("base/5/1000");
        File.SetUnixFileMode(_data.In("base/5/1000"), UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        var time = new DateTime(2026, 11, 23, 14, 30, 0, 213, DateTimeKind.Utc);
        File.SetLastWriteTimeUtc(_data.In("base/5/1000"), time);
        var files = _data.Scan();
        var facts = files.Facts(files.Count - 1);
        Assert.Equal((FileKind.Relation, 100L, 0b110_100_000u, Environment.UserName), (facts.Kind, facts.Length, facts.Mode, facts.Owner));
        Assert.Equal(time, facts.Modified.ToDateTimeOffset().UtcDateTime);
    }

    [Fact]
    public void Sockets_and_pipes_are_said_and_left_out()
    {
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_data.In("s")));
        Assert.Equal(["/", "global/", "global/pg_control"], _data.Found());
        Assert.Contains("s is no regular file", Assert.Single(_data.Warnings), StringComparison.Ordinal);
    }

    [Fact]
    public void Configuration_files_elsewhere_are_taken_along()
    {
        Directory.CreateDirectory(_data.Beside("etc"));
        File.WriteAllText(_data.Beside("etc/postgresql.conf"), "port = 5432\n");
        File.WriteAllText(_data.Beside("etc/real.conf"), "x\n");
        _data.Write("pg_hba.conf");
        File.CreateSymbolicLink(_data.In("linked.conf"), _data.Beside("etc/real.conf"));
        string[] read =
        [
            _data.Beside("etc/postgresql.conf"), _data.In("pg_hba.conf"), _data.In("linked.conf"), _data.Beside("etc/gone.conf"),
            _data.Beside("etc/postgresql.conf"),
        ];
        var outside = OutsideFiles.Of(_data.Root, [.. read.Select(Encoding.UTF8.GetBytes)]);
        Assert.Equal([_data.Beside("etc/postgresql.conf"), _data.Beside("etc/real.conf")], outside.Select(Encoding.UTF8.GetString));
        var found = _data.Found([.. outside]).ToArray();
        Assert.Equal(["/", _data.Beside("etc/postgresql.conf"), _data.Beside("etc/real.conf")], found.Where(path => path.StartsWith('/')));
    }

    [Fact]
    public void A_folder_that_vanishes_or_a_data_directory_that_is_none_is_told_apart()
    {
        Assert.Null(RawFiles.Names(Encoding.UTF8.GetBytes(_data.Path + "/nothing")));
        Assert.Null(RawFiles.Status(Encoding.UTF8.GetBytes(_data.Path + "/nothing")));
        Assert.Null(RawFiles.OpenFile(Encoding.UTF8.GetBytes(_data.Path + "/nothing")));
        var none = new DataDirectoryScan(Encoding.UTF8.GetBytes(_data.Path + "/nothing"), Version, _ => { });
        Assert.Contains("it does not exist", Assert.Throws<Holdfast.Core.ConfigurationException>(() => none.Run([], default)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_list_of_many_files_stays_small_and_in_order()
    {
        const int Count = 200_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var files = new ScannedFiles(Version);
        for (var i = 0; i < Count; i++)
            files.Add(BackupWorld.File((uint)(i * 7919L % Count + 1)), new FileFacts(FileKind.Relation, i, 0x180, "postgres", "postgres", new Holdfast.Core.Postgres.PostgresTime(i)));
        files.Sort();
        var bytes = (GC.GetTotalMemory(forceFullCollection: true) - before) / Count;
        Assert.True(bytes <= 100, $"{bytes} bytes a file");
        Assert.All(Enumerable.Range(1, Count - 1), i => Assert.True(files.Id(i - 1) < files.Id(i)));
        GC.KeepAlive(files);
    }

    public void Dispose() => _data.Dispose();
}
