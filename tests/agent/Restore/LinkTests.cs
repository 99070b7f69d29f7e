using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Agent.Backup;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>Links in a data directory, from the scan to the copy: what a backup admits, a restore makes, and nothing of it leads out of the copy.</summary>
public sealed class LinkTests : IDisposable
{
    private const string Version = BackupWorld.VersionDirectory;

    private readonly SyntheticData _data = new();

    private string Copy => _data.Beside("elsewhere/copy");

    public LinkTests() => Directory.CreateDirectory(Copy);

    [Fact]
    public void What_links_lead_to_comes_back_in_their_places()
    {
        Put("logs/today", "one");
        Put("etc/server.crt", "two");
        Link("log", _data.Beside("logs"));
        Link("server.crt", _data.Beside("etc/server.crt"));
        Link("postgresql.conf", "../etc/server.crt"); // relative, to a file
        CopiedTree.Make(_data, Copy);
        Assert.Equal("one", File.ReadAllText($"{Copy}/log/today"));
        Assert.Equal("two", File.ReadAllText($"{Copy}/server.crt"));
        Assert.Equal("two", File.ReadAllText($"{Copy}/postgresql.conf"));
        Assert.All(["log", "server.crt", "postgresql.conf"], name => Assert.Null(new FileInfo($"{Copy}/{name}").LinkTarget));
        Assert.Empty(_data.Warnings);
    }

    [Fact]
    public void A_database_on_another_disk_is_in_the_backup()
    {
        Put("disk/16384/PG_VERSION", "17");
        Put("disk/16384/1259", "pages");
        Put("disk/16384/t3_9999", "temporary");
        Link("base/16384", _data.Beside("disk/16384"));
        Put("disk/clog/0000", "status");
        Link("pg_xact", _data.Beside("disk/clog"));
        Put("disk/2600", "more pages");
        Link("base/5/2600", _data.Beside("disk/2600"));
        CopiedTree.Make(_data, Copy);
        Assert.Equal("pages", File.ReadAllText($"{Copy}/base/16384/1259"));
        Assert.Equal("status", File.ReadAllText($"{Copy}/pg_xact/0000"));
        Assert.Equal("more pages", File.ReadAllText($"{Copy}/base/5/2600"));
        Assert.False(File.Exists($"{Copy}/base/16384/t3_9999"));
        var files = _data.Scan();
        var relation = Enumerable.Range(0, files.Count).Single(file => files.Id(file).Relation == 1259);
        Assert.Equal((FileKind.Relation, 16384u), (files.Kind(relation), files.Id(relation).Database));
    }

    [Theory]
    [InlineData("base/16384")]
    [InlineData("pg_xact")]
    [InlineData("global/1262")]
    [InlineData("pg_multixact/offsets")]
    [InlineData("PG_VERSION")]
    public void A_link_that_is_needed_and_leads_nowhere_fails_the_backup_before_it_reads(string name)
    {
        Link(name, _data.Beside("gone"));
        var refused = Assert.Throws<ConfigurationException>(() => _data.Scan());
        Assert.Contains($"{name} is a link, and cannot be followed: it leads to {_data.Beside("gone")}", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_that_lead_nowhere_round_in_circles_or_to_the_data_directory_itself_are_left_out_and_said()
    {
        Link("dangling", _data.Beside("gone"));
        Link("circle", "circle");
        Link("parent", _data.Beside(""));
        Link("self", ".");
        using var socket = new System.Net.Sockets.Socket(System.Net.Sockets.AddressFamily.Unix, System.Net.Sockets.SocketType.Stream, System.Net.Sockets.ProtocolType.Unspecified);
        socket.Bind(new System.Net.Sockets.UnixDomainSocketEndPoint(_data.Beside("socket")));
        Link("special", _data.Beside("socket"));
        Assert.Equal(["/", "global/", "global/pg_control"], _data.Found());
        Assert.Equal(5, _data.Warnings.Count);
        foreach (var name in (string[])["dangling", "circle", "parent", "self", "special"])
            Assert.Contains(_data.Warnings, warning => warning.StartsWith($"{name} is a link that is not backed up: ", StringComparison.Ordinal));
    }

    [Fact]
    public void A_folder_that_two_links_lead_to_is_stored_once_and_seen_by_both_names()
    {
        Put("logs/deep/today", "one");
        Link("a", _data.Beside("logs"));
        Link("b", _data.Beside("logs/../logs"));
        Link("c", _data.Beside("logs/deep"));
        Directory.CreateSymbolicLink(_data.Beside("logs/round"), _data.Beside("logs"));
        var today = _data.Found().Count(path => path.EndsWith("today", StringComparison.Ordinal));
        CopiedTree.Make(_data, Copy);
        Assert.Equal(1, today);
        Assert.All(["a/deep/today", "b/deep/today", "c/today", "a/round/deep/today"], name => Assert.Equal("one", File.ReadAllText($"{Copy}/{name}")));
        StaysWithin(Copy);
    }

    [Fact]
    public void A_database_is_stored_as_one_whatever_else_leads_to_it()
    {
        Put("disk/16384/1259", "pages");
        // In whatever order a file system lists them, some come before base.
        foreach (var name in "abcdefgh") Link($"{name}", _data.Beside("disk/16384"));
        Link("base/16384", _data.Beside("disk/16384"));
        foreach (var name in "stuvwxyz") Link($"{name}", _data.Beside("disk"));
        var files = _data.Scan();
        var relation = Enumerable.Range(0, files.Count).Single(file => files.HasContent(file) && files.Id(file).IsRelation);
        Assert.Equal((16384u, 1259u), (files.Id(relation).Database, files.Id(relation).Relation));
        CopiedTree.Make(_data, Copy);
        Assert.Equal("pages", File.ReadAllText($"{Copy}/a/1259"));
        Assert.Equal("pages", File.ReadAllText($"{Copy}/z/16384/1259"));
        StaysWithin(Copy);
    }

    [Fact]
    public void A_tablespaces_own_folder_behind_a_link_is_in_the_backup()
    {
        Put($"fast/{Version}/5/4000", "rows");
        Directory.CreateDirectory(_data.Beside("space"));
        Directory.CreateSymbolicLink(_data.Beside($"space/{Version}"), _data.Beside($"fast/{Version}"));
        Link("pg_tblspc/16400", _data.Beside("space"));
        Assert.True(TablespaceMoves.TryParse($"16400={_data.Beside("elsewhere/space")}", out var moves));
        CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal("rows", File.ReadAllText($"{Copy}/pg_tblspc/16400/{Version}/5/4000"));
        StaysWithin(_data.Beside("elsewhere"));
    }

    [Fact]
    public void A_link_in_a_tablespace_to_another_database_of_it_leads_there_in_the_copy()
    {
        Put($"space/{Version}/5/4000", "rows");
        Directory.CreateSymbolicLink(_data.Beside($"space/{Version}/6"), _data.Beside($"space/{Version}/5"));
        Link("pg_tblspc/16400", _data.Beside("space"));
        Assert.True(TablespaceMoves.TryParse($"16400={_data.Beside("elsewhere/space")}", out var moves));
        CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal("rows", File.ReadAllText($"{Copy}/pg_tblspc/16400/{Version}/6/4000"));
        StaysWithin(_data.Beside("elsewhere"));
    }

    [Theory]
    [InlineData("pg_stat_tmp", null)]
    [InlineData("pg_tblspc", "mend the link")]
    [InlineData("pg_tblspc/16400", "mend the link")]
    public void A_circle_of_links_is_no_failing_disk(string name, string? hint)
    {
        Link(name, _data.Beside("other"));
        File.CreateSymbolicLink(_data.Beside("other"), _data.In(name));
        if (hint is null) Assert.Contains("pg_stat_tmp/", _data.Found());
        else Assert.StartsWith(hint, Assert.Throws<ConfigurationException>(() => _data.Scan()).Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Links_within_the_data_directory_stay_links_and_lead_into_the_copy()
    {
        _data.Write("conf/one.conf");
        Link("here", _data.In("conf"));
        Link("conf/two.conf", "one.conf");
        CopiedTree.Make(_data, Copy);
        Assert.Equal("conf", new FileInfo($"{Copy}/here").LinkTarget);
        Assert.Equal(File.ReadAllBytes(_data.In("conf/one.conf")), File.ReadAllBytes($"{Copy}/here/two.conf"));
        StaysWithin(Copy);
    }

    [Fact]
    public void With_link_map_links_lead_where_they_are_wanted()
    {
        Put("logs/today", "one");
        Put("etc/server.crt", "two");
        Put("wal/000000010000000000000001", "");
        Link("log", _data.Beside("logs"));
        Link("server.crt", _data.Beside("etc/server.crt"));
        Link("pg_wal", _data.Beside("wal"));
        Link("again", _data.Beside("logs/today"));
        CopiedTree.Make(_data, Copy, links: Moves($"log={_data.Beside("new/logs")}\nserver.crt={_data.Beside("new/crt")}\npg_wal={_data.Beside("new/wal")}"));
        Assert.Equal(_data.Beside("new/logs"), new FileInfo($"{Copy}/log").LinkTarget);
        Assert.Equal("one", File.ReadAllText(_data.Beside("new/logs/today")));
        Assert.Equal("two", File.ReadAllText(_data.Beside("new/crt")));
        Assert.True(Directory.Exists(_data.Beside("new/wal/archive_status")));
        Assert.Equal("one", File.ReadAllText($"{Copy}/again"));
    }

    [Fact]
    public void With_link_all_links_lead_where_they_led()
    {
        Put("logs/today", "one");
        Link("log", _data.Beside("logs"));
        Link("pg_wal", _data.Beside("logs/wal"));
        Link("inner", "log");
        Directory.CreateDirectory(_data.Beside("logs/wal"));
        var copy = CopiedTree.Make(_data, Copy, all: true);
        Assert.Equal([(Copy + "/log", _data.Beside("logs")), (Copy + "/pg_wal", _data.Beside("logs/wal"))],
            copy.Links.Made.Where(link => Path.GetDirectoryName(link.Path) == Copy && link.Target.StartsWith('/')).Select(link => (link.Path, link.Target)).Order());
        Assert.Equal("one", File.ReadAllText($"{Copy}/log/today"));
        Assert.Equal("one", File.ReadAllText($"{Copy}/inner/today"));
        Assert.Empty(copy.Links.Plain);
    }

    [Theory]
    [InlineData("nothing", "the backup has nothing of that name")]
    [InlineData("pg_tblspc/1", "tablespaces are moved by --tablespace-map")]
    [InlineData("base/5/1000", "only folders, and files that are no relation's, can lie elsewhere")]
    public void Link_map_names_what_can_be_one(string name, string why)
    {
        _data.Write("base/5/1000");
        var refused = Assert.Throws<ConfigurationException>(() => CopiedTree.Make(_data, Copy, links: Moves($"{name}=/x")));
        Assert.Contains(why, refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_relative_link_of_a_tablespace_is_resolved_where_it_is_and_leads_to_no_other_tablespace_later()
    {
        Put($"space/{Version}/5/4000", "theirs");
        Link("pg_tblspc/16400", "../../space");
        var moved = _data.Beside("elsewhere/space");
        Assert.True(TablespaceMoves.TryParse($"{_data.Beside("space")}={moved}", out var moves));
        var copy = CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal([moved], copy.Tablespaces);
        Assert.Equal("theirs", File.ReadAllText($"{moved}/{Version}/5/4000"));
        Assert.Equal(moved, new FileInfo($"{Copy}/pg_tblspc/16400").LinkTarget);
    }

    [Fact]
    public void A_relative_target_of_an_older_backup_is_resolved_in_the_copy_and_never_in_a_working_directory()
    {
        var layout = new Holdfast.Agent.Restore.RestoreLayout(Copy, Version);
        var target = Encoding.UTF8.GetBytes("../../space");
        layout.TakeLinks([new FileRow(FileId.FromPath("pg_tblspc/16400", Version), new FileFacts(FileKind.Link, 0, 0x1FF, "u", "g", default, 0, target))], TablespaceMoves.None);
        Assert.Equal(_data.Beside("elsewhere/space"), Assert.Single(layout.Tablespaces).Path);
    }

    [Fact]
    public void A_link_of_an_older_backup_that_holds_nothing_is_left_out_by_name()
    {
        var layout = new Holdfast.Agent.Restore.RestoreLayout(Copy, Version);
        var facts = new FileFacts(FileKind.Link, 0, 0x1FF, "u", "g", default, 0, "/var/log/postgresql"u8.ToArray());
        layout.TakeLinks([new FileRow(FileId.FromPath("log", Version), facts)], TablespaceMoves.None);
        Assert.Equal(("log", "/var/log/postgresql", false), layout.Links.Plain.Select(link => (link.Name, link.Was, link.IsKept)).Single());
        Assert.Empty(layout.Links.Made);
    }

    [Theory]
    [InlineData("data/spaces/one")]
    [InlineData("alias/spaces/one")]
    [InlineData("data/../data/spaces/one")]
    public void A_tablespace_in_the_data_directory_is_stored_once_under_any_spelling_and_comes_back_to_where_it_was(string spelling)
    {
        Directory.CreateSymbolicLink(_data.Beside("alias"), _data.Path);
        _data.Write($"spaces/one/{Version}/5/4000");
        _data.Write("spaces/one/notes");
        Link("pg_tblspc/16400", _data.Beside(spelling));
        Assert.Single(_data.Found(), path => path.EndsWith("4000", StringComparison.Ordinal));
        var copy = CopiedTree.Make(_data, Copy);
        Assert.Equal([$"{Copy}/spaces/one"], copy.Tablespaces);
        Assert.Equal(File.ReadAllBytes(_data.In($"spaces/one/{Version}/5/4000")), File.ReadAllBytes($"{Copy}/pg_tblspc/16400/{Version}/5/4000"));
        Assert.True(File.Exists($"{Copy}/spaces/one/notes"));
        StaysWithin(Copy);
    }

    [Fact]
    public void A_tablespace_behind_a_followed_link_is_stored_once_and_stays_where_it_is_seen()
    {
        Put($"disk/ts/{Version}/5/4000", "rows");
        Put("disk/notes", "n");
        Link("disk", _data.Beside("disk"));
        Link("pg_tblspc/16400", _data.In("disk") + "/ts");
        Link("pg_tblspc/16500", _data.Beside("other"));
        Put($"other/{Version}/5/5000", "more");
        Link("same", _data.Beside("other"));
        Assert.True(TablespaceMoves.TryParse($"16500={_data.Beside("elsewhere/other")}", out var moves));
        Assert.Single(_data.Found(), path => path.EndsWith("/4000", StringComparison.Ordinal));
        Assert.Single(_data.Found(), path => path.EndsWith("/5000", StringComparison.Ordinal));
        CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal("rows", File.ReadAllText($"{Copy}/pg_tblspc/16400/{Version}/5/4000"));
        Assert.Equal("rows", File.ReadAllText($"{Copy}/disk/ts/{Version}/5/4000"));
        Assert.Equal("more", File.ReadAllText($"{Copy}/same/{Version}/5/5000"));
        StaysWithin(_data.Beside("elsewhere"));
    }

    [Fact]
    public void WAL_in_the_data_directory_itself_is_not_read_as_files()
    {
        _data.Write("wal2/000000010000000000000001");
        Link("pg_wal", "wal2");
        CopiedTree.Make(_data, Copy);
        Assert.Null(new FileInfo($"{Copy}/pg_wal").LinkTarget);
        Assert.Empty(Directory.EnumerateFiles($"{Copy}/wal2"));
    }

    [Theory]
    [InlineData(".")]
    [InlineData("..")]
    public void What_holds_the_data_directory_is_no_place_in_it(string wal)
    {
        File.WriteAllText(_data.In("postgresql.conf"), "one");
        Link("pg_wal", wal);
        Link("pg_xact/0000", _data.In("postgresql.conf"));
        CopiedTree.Make(_data, Copy);
        Assert.Equal("one", File.ReadAllText($"{Copy}/pg_xact/0000"));
    }

    [Theory]
    [InlineData("notes")]
    [InlineData("postgresql.auto.conf")]
    [InlineData("global/pg_control")]
    public void A_tablespace_that_lies_below_a_file_is_given_a_place_of_its_own(string file)
    {
        File.WriteAllText(_data.In("notes"), "one");
        Link("pg_tblspc/16400", $"{_data.Path}/{file}/b");
        var e = Assert.Throws<ConfigurationException>(() => CopiedTree.Make(_data, Copy));
        Assert.Contains($"tablespace 16400 would go to {Copy}/{file}/b, and a restore makes the file {Copy}/{file}", e.Message, StringComparison.Ordinal);
        Assert.True(TablespaceMoves.TryParse($"16400={_data.Beside("elsewhere/space")}", out var moves));
        CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal("one", File.ReadAllText($"{Copy}/notes"));
    }

    [Fact]
    public void Pg_tblspc_itself_may_be_a_link()
    {
        Put($"space/{Version}/5/4000", "rows");
        Directory.CreateDirectory(_data.Beside("links"));
        Directory.CreateSymbolicLink(_data.Beside("links/16400"), _data.Beside("space"));
        Link("pg_tblspc", _data.Beside("links"));
        Assert.True(TablespaceMoves.TryParse($"16400={_data.Beside("elsewhere/space")}", out var moves));
        CopiedTree.Make(_data, Copy, tablespaces: moves);
        Assert.Equal("rows", File.ReadAllText($"{Copy}/pg_tblspc/16400/{Version}/5/4000"));
        StaysWithin(_data.Beside("elsewhere"));
    }

    public void Dispose() => _data.Dispose();

    private static LinkMoves Moves(string text) => LinkMoves.TryParse(text, out var moves) ? moves : throw new ArgumentException(text);

    private void Link(string name, string target) => File.CreateSymbolicLink(_data.In(name), target);

    private void Put(string beside, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_data.Beside(beside))!);
        File.WriteAllText(_data.Beside(beside), content);
    }

    /// <summary>No link below a folder leads out of it.</summary>
    private static void StaysWithin(string folder, string? top = null)
    {
        top ??= RealPath(folder);
        foreach (var entry in Directory.EnumerateFileSystemEntries(folder))
        {
            if (new FileInfo(entry).LinkTarget is not null) Assert.StartsWith(top + "/", RealPath(entry) + "/", StringComparison.Ordinal);
            else if (Directory.Exists(entry)) StaysWithin(entry, top);
        }
    }

    private static string RealPath(string path) => Encoding.UTF8.GetString(RawFiles.RealPath(Encoding.UTF8.GetBytes(path)) ?? throw new FileNotFoundException(path));
}
