using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Tests.Core.Repository.Packs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Agent.Backup;

/// <summary>What may not be read, and what is left out, found before anything is read.</summary>
public sealed class BackupScanTests : IDisposable
{
    private const UnixFileMode Owner = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly SyntheticData _data = new();
    private readonly List<string> _told = [];

    [Fact]
    public void All_that_may_not_be_read_is_named_at_once()
    {
        _data.Write("postgresql.conf");
        _data.Write("secret.key");
        _data.Write("closed/one");
        _data.Write("listed/two");
        _data.Write("base/5/1000");
        _data.Write("pg_tblspc/16400/x");
        Open(_data.Path);
        File.SetUnixFileMode(_data.In("pg_tblspc"), UnixFileMode.None);
        File.SetUnixFileMode(_data.In("secret.key"), UnixFileMode.None);
        File.SetUnixFileMode(_data.In("closed"), UnixFileMode.None);
        const UnixFileMode NamesAlone = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
        File.SetUnixFileMode(_data.In("listed"), NamesAlone);
        var outside = Outside("etc/pg_hba.conf");
        File.SetUnixFileMode(outside, UnixFileMode.None);

        var scan = Scan();
        UnprivilegedThread.Run(() => scan.Run([Encoding.UTF8.GetBytes(outside)], default));
        Restore("secret.key", "closed", "listed", "pg_tblspc");
        string[] folders = [_data.In("closed") + "/", _data.In("pg_tblspc") + "/"];
        string[] expected = [.. folders, _data.In("listed/two"), _data.In("secret.key"), outside];
        Assert.Equal(expected.Order(StringComparer.Ordinal), scan.Unreadable.First.Order(StringComparer.Ordinal));
        var failure = Assert.Throws<ConfigurationException>(scan.Unreadable.ThrowIfAny);
        Assert.StartsWith("5 files and folders that a backup reads may not be read by ", failure.Message, StringComparison.Ordinal);
        Assert.All(expected, path => Assert.Contains(path, failure.Message, StringComparison.Ordinal));
        Assert.Contains("exclude=NAME", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void Configuration_in_a_folder_that_may_not_be_searched_is_named_too()
    {
        var outside = Outside("etc/postgresql.conf");
        Open(_data.Path);
        File.SetUnixFileMode(_data.Beside("etc"), UnixFileMode.None);
        var scan = Scan();
        UnprivilegedThread.Run(() => scan.Run([Encoding.UTF8.GetBytes(outside)], default));
        File.SetUnixFileMode(_data.Beside("etc"), Owner);
        Assert.Equal([outside], scan.Unreadable.First);
    }

    [Fact]
    public void What_is_left_out_need_not_be_readable()
    {
        _data.Write("secret.key");
        _data.Write("log/one");
        _data.Write("log/two");
        _data.Write("core");
        _data.Write("pg_stat_tmp/three"); // in no backup
        Open(_data.Path);
        string[] closed = ["secret.key", "log/one", "core", "pg_stat_tmp/three"];
        foreach (var path in closed) File.SetUnixFileMode(_data.In(path), UnixFileMode.None);
        var scan = Scan("secret.key", "log/", "core", "cores");
        ScannedFiles? files = null;
        UnprivilegedThread.Run(() => files = scan.Run([], default));
        scan.Unreadable.ThrowIfAny();
        var found = Enumerable.Range(0, files!.Count).Select(file => files.Id(file).ToString()).Order(StringComparer.Ordinal);
        Assert.Equal(["", "global", "global/pg_control", "log", "pg_stat_tmp"], found);
        Assert.Equal(4, scan.Excluded.Count);
        Assert.Contains("log/one is left out: exclude=log/", _told);
        Assert.Equal(["exclude=cores left out nothing: there is no such file or folder"], _data.Warnings);
    }

    [Fact]
    public void Leaving_out_what_the_configuration_reads_is_a_warning()
    {
        _data.Write("conf.d/more.conf");
        var outside = Outside("etc/other.conf");
        var scan = Scan("conf.d", outside);
        scan.Run([Encoding.UTF8.GetBytes(_data.In("conf.d/more.conf")), Encoding.UTF8.GetBytes(outside)], default);
        const string Expected = "which the server's configuration reads";
        Assert.Equal(2, _data.Warnings.Count(warning => warning.Contains(Expected, StringComparison.Ordinal)));
        Assert.Equal(2, scan.Excluded.Count);
    }

    [Fact]
    public void Warnings_are_counted_all_kept_in_part_and_hold_no_secret()
    {
        var logged = new List<string>();
        var warnings = new BackupWarnings(logged.Add, ["pa55word"]);
        warnings.Add("the answer was pa55word\nand " + new string('x', 5000));
        for (var i = 1; i < 150; i++) warnings.Add($"warning {i}");
        Assert.Equal((150L, BackupWarnings.Kept, 150), (warnings.Count, warnings.First.Count, logged.Count));
        Assert.StartsWith("the answer was *** and xxx", warnings.First[0], StringComparison.Ordinal);
        Assert.Equal(BackupWarnings.Longest, warnings.First[0].Length);
    }

    public void Dispose() => _data.Dispose();

    private BackupScan Scan(params string[] rules)
    {
        var excluded = rules.Length > 0 && ExcludedPaths.TryParse(string.Join('\n', rules), out var read) ? read : ExcludedPaths.None;
        return new BackupScan(_data.Root, BackupWorld.VersionDirectory, excluded, _data.Warnings.Add, _told.Add);
    }

    private string Outside(string name)
    {
        var path = _data.Beside(name);
        Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, "x\n");
        return path;
    }

    private void Restore(params string[] folders)
    {
        foreach (var path in folders) File.SetUnixFileMode(_data.In(path), Owner);
    }

    // For everybody, up to the test's own folder.
    private static void Open(string folder)
    {
        const UnixFileMode Group = UnixFileMode.GroupRead | UnixFileMode.GroupExecute, Other = UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
        string[] below = Directory.GetFileSystemEntries(folder, "*", SearchOption.AllDirectories);
        foreach (var path in (string[])[.. below, folder, Path.GetDirectoryName(folder)!]) File.SetUnixFileMode(path, Owner | Group | Other);
    }
}
