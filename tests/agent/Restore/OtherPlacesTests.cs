using System.Text;
using Holdfast.Core;
using Holdfast.Tests.Agent.Backup;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>What other options, or places that are not read, must not cost.</summary>
public sealed class OtherPlacesTests : IDisposable
{
    private const string V = BackupWorld.VersionDirectory;

    private readonly SyntheticData _data = new();

    private string Copy => _data.Beside("copy");

    private void Put(string name, string content)
    {
        var path = _data.Beside(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }

    private void Link(string name, string target) => File.CreateSymbolicLink(_data.In(name), target);

    [Fact]
    public async Task A_continued_restore_without_the_map_refuses_the_originals_tablespace()
    {
        Put($"ts/{V}/5/4000", new string('x', 8192));
        Link("pg_tblspc/16400", _data.Beside("ts"));
        var restored = new RestoredTree(_data.Root, CopiedTree.Rows(_data.Scan()));
        await Assert.ThrowsAsync<OperationCanceledException>(() => restored.RestoreAsync(Copy, "files made", $"--tablespace-map=16400={_data.Beside("new")}"));
        var second = await Record.ExceptionAsync(() => restored.RestoreAsync(Copy, "files made"));
        Assert.Equal(new string('x', 8192), File.ReadAllText(_data.Beside($"ts/{V}/5/4000")));
        Assert.IsType<RefusedException>(second);
    }

    [Fact]
    public async Task A_continued_restore_with_link_all_refuses_the_originals_file()
    {
        Put("etc/server.key", "secret");
        Link("server.key", _data.Beside("etc/server.key"));
        var restored = new RestoredTree(_data.Root, CopiedTree.Rows(_data.Scan()));
        await Assert.ThrowsAsync<OperationCanceledException>(() => restored.RestoreAsync(Copy, "files made"));
        var second = await Record.ExceptionAsync(() => restored.RestoreAsync(Copy, "files made", "--link-all"));
        Assert.Equal("secret", File.ReadAllText(_data.Beside("etc/server.key")));
        Assert.IsType<RefusedException>(second);
    }

    [Fact]
    public async Task A_continued_restore_with_link_all_refuses_the_originals_folder()
    {
        Put("logs/today", "line");
        Link("log", _data.Beside("logs"));
        var restored = new RestoredTree(_data.Root, CopiedTree.Rows(_data.Scan()));
        await Assert.ThrowsAsync<OperationCanceledException>(() => restored.RestoreAsync(Copy, "files made"));
        var second = await Record.ExceptionAsync(() => restored.RestoreAsync(Copy, "files made", "--link-all"));
        Assert.Equal("line", File.ReadAllText(_data.Beside("logs/today")));
        Assert.IsType<RefusedException>(second);
    }

    [Fact]
    public async Task A_restore_interrupted_before_any_file_and_continued_with_link_all_refuses_the_originals_folder()
    {
        Put("logs/today", "line");
        Link("log", _data.Beside("logs"));
        var restored = new RestoredTree(_data.Root, CopiedTree.Rows(_data.Scan()));
        await Assert.ThrowsAsync<OperationCanceledException>(() => restored.RestoreAsync(Copy, "claimed"));
        var second = await Record.ExceptionAsync(() => restored.RestoreAsync(Copy, "files made", "--link-all"));
        Assert.Equal("line", File.ReadAllText(_data.Beside("logs/today")));
        Assert.IsType<RefusedException>(second);
    }

    private string[] Scan(string? exclude = null)
    {
        var rules = Holdfast.Agent.Options.ExcludedPaths.None;
        if (exclude is not null)
        {
            Assert.True(Holdfast.Agent.Options.ExcludedPaths.TryParse(exclude, out rules));
            rules!.RefuseWhatIsNeeded();
        }
        var scan = new Holdfast.Agent.Backup.DataDirectoryScan(_data.Root, V, _data.Warnings.Add, null, new Holdfast.Agent.Backup.ExcludedFiles(rules!, _ => { }));
        var files = scan.Run([], default);
        return [.. Enumerable.Range(0, files.Count).Select(i => Holdfast.Agent.Host.RawFiles.Display(files.Id(i).ToPath(V)) + " -> " + Encoding.UTF8.GetString(files.Facts(i).LinkTarget.Span))];
    }

    private static string All(string[] found, IEnumerable<string> warnings) => string.Join("\n", found) + "\nWARN " + string.Join("\nWARN ", warnings);

    [Fact]
    public void What_is_needed_and_lies_beside_the_WAL_is_in_the_backup()
    {
        Put("fast/archive_status/x", "");
        Put("fast/xact/0000", "status");
        Link("pg_wal", _data.Beside("fast"));
        Link("pg_xact", _data.Beside("fast/xact"));
        var found = Scan();
        Assert.True(found.Any(name => name.Contains("xact/0000", StringComparison.Ordinal)), All(found, _data.Warnings));
    }

    [Fact]
    public void What_is_not_needed_and_lies_beside_the_WAL_is_in_the_backup_or_said()
    {
        Put("fast/archive_status/x", "");
        Put("fast/log/today", "line");
        Link("pg_wal", _data.Beside("fast"));
        Link("log", _data.Beside("fast/log"));
        var found = Scan();
        Assert.True(_data.Warnings.Count > 0 || found.Any(name => name.Contains("log/today", StringComparison.Ordinal)), All(found, _data.Warnings));
    }

    [Theory]
    [InlineData("pgsql_tmp.moved")]
    [InlineData("pg_stat_tmp")]
    [InlineData("pg_wal")]
    public void A_database_behind_a_link_into_a_folder_that_is_left_out_is_in_the_backup(string folder)
    {
        _data.Write($"{folder}/16384/1259");
        Link("base/16384", $"../{folder}/16384");
        var found = Scan();
        Assert.True(found.Any(name => name.Contains("16384/1259", StringComparison.Ordinal)), All(found, _data.Warnings));
    }

    [Fact]
    public void An_excluded_folder_that_holds_a_database_is_refused()
    {
        _data.Write("disk/16384/1259");
        Link("base/16384", "../disk/16384");
        string[] found = [];
        var refused = Record.Exception(() => found = Scan("disk"));
        Assert.True(refused is HoldfastException || found.Any(name => name.Contains("16384/1259", StringComparison.Ordinal)), All(found, _data.Warnings) + refused);
    }

    public void Dispose() => _data.Dispose();
}
