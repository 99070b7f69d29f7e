using Holdfast.Agent.Restore;
using Holdfast.Core;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>A restore that destroyed data which it should have refused to touch: barman#1139, pg_probackup#459.</summary>
public sealed class TargetDirectoryTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    private string Root => Path.Combine(_folder.Path, "data");

    private TargetDirectory Directory => new(Root, "cluster shop, backup 20260102-020000F");

    [Fact]
    public void Takes_what_is_missing_or_empty()
    {
        Directory.Check([]);
        System.IO.Directory.CreateDirectory(Root);
        Directory.Check([Path.Combine(_folder.Path, "tablespace")]);
    }

    [Theory]
    [InlineData("lost+found")]
    [InlineData(".hidden")]
    [InlineData("PG_VERSION")]
    public void Refuses_what_is_not_empty_and_leaves_it(string name)
    {
        Put(name);
        var refused = Assert.Throws<RefusedException>(() => Directory.Check([]));
        Assert.Contains($"{Root} is not empty", refused.Message, StringComparison.Ordinal);
        Assert.True(File.Exists(Path.Combine(Root, name)));
    }

    [Fact]
    public void Refuses_a_tablespace_that_is_not_empty()
    {
        var tablespace = Path.Combine(_folder.Path, "tablespace");
        System.IO.Directory.CreateDirectory(tablespace);
        File.WriteAllText(Path.Combine(tablespace, "theirs"), "");
        Assert.Contains(tablespace, Assert.Throws<RefusedException>(() => Directory.Check([tablespace])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_mount_point_is_no_data_directory_and_a_folder_below_it_is_named()
    {
        Put("lost+found/x");
        var refused = Assert.Throws<RefusedException>(() => Directory.Check([]));
        Assert.StartsWith("a mount point is no data directory, nor pg_wal, as initdb has it", refused.Hint, StringComparison.Ordinal);
        Assert.EndsWith($"such as {Root}/data", refused.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tablespaces_place_may_hold_anything_but_be_no_file()
    {
        Put("theirs");
        TargetDirectory.CheckPlace(Root);
        TargetDirectory.CheckPlace(Path.Combine(_folder.Path, "missing"));
        Assert.Throws<RefusedException>(() => TargetDirectory.CheckPlace(Path.Combine(Root, "theirs")));
    }

    [Fact]
    public void Refuses_folders_within_each_other()
    {
        Assert.Throws<RefusedException>(() => Directory.Check([Path.Combine(Root, "pg_tblspc", "1")]));
        Assert.Throws<RefusedException>(() => Directory.Check([_folder.Path]));
    }

    [Fact]
    public void Refuses_a_running_server_and_one_that_may_run_elsewhere()
    {
        Put("postmaster.pid", $"{Environment.ProcessId}\n{Root}\n");
        Assert.Contains("which is alive", Assert.Throws<RefusedException>(() => Directory.Check([])).Message, StringComparison.Ordinal);
        Put("postmaster.pid", "2147483646\n");
        Assert.Contains("another container", Assert.Throws<RefusedException>(() => Directory.Check([])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Goes_on_with_its_own_interrupted_restore_only()
    {
        var first = Directory;
        first.Check([]);
        first.Claim([]);
        Put("PG_VERSION");

        var second = Directory;
        second.Check([]);
        Assert.True(second.Continues);
        Assert.Contains("interrupted restore of something else", Assert.Throws<RefusedException>(() => new TargetDirectory(Root, "another backup").Check([])).Message, StringComparison.Ordinal);
        second.CheckOnlyOurs(new HashSet<string> { Path.Combine(Root, "PG_VERSION") }, []);
        Put("theirs");
        Assert.Contains("theirs", Assert.Throws<RefusedException>(() => second.CheckOnlyOurs(new HashSet<string> { Path.Combine(Root, "PG_VERSION") }, [])).Message, StringComparison.Ordinal);
    }

    /// <summary>The disk was full at the very first write.</summary>
    [Theory]
    [InlineData("")]
    [InlineData("cluster shop, ba")]
    public void A_torn_marker_locks_nothing_but_covers_nothing(string torn)
    {
        Put(TargetDirectory.MarkerName, torn);
        var directory = Directory;
        directory.Check([]);
        Assert.True(directory.Continues);
        Put("theirs");
        Assert.Contains("theirs", Assert.Throws<RefusedException>(() => directory.CheckOnlyOurs(new HashSet<string>(), [])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_marker_names_the_other_folders_too()
    {
        Directory.Claim(["/srv/fast"]);
        Assert.Contains("/srv/fast", File.ReadAllText(Path.Combine(Root, TargetDirectory.MarkerName)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_claimed_folder_has_no_pg_control_and_a_released_one_no_marker()
    {
        Directory.Claim([]);
        Put("global/pg_control");
        var again = Directory;
        again.Check([]);
        again.Claim([]);
        Assert.False(File.Exists(Path.Combine(Root, "global", "pg_control")));
        again.Release();
        Assert.False(File.Exists(Path.Combine(Root, TargetDirectory.MarkerName)));
    }

    public void Dispose() => _folder.Dispose();

    private void Put(string name, string content = "")
    {
        var path = Path.Combine(Root, name);
        System.IO.Directory.CreateDirectory(Path.GetDirectoryName(path)!);
        File.WriteAllText(path, content);
    }
}
