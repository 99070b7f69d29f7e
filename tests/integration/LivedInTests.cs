using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A data directory as years of administration leave it: what PostgreSQL needs behind links, a tablespace by a relative link and one in the
/// data directory, links in circles, to nowhere and upwards, FIFO, socket, core file, names of any bytes, leftover settings, and edits
/// while it is scanned. Backed up by the agent, committed by the control plane, restored elsewhere, started, compared.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class LivedInTests(SharedAzurite azurite)
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    [NeedsTheory(Everything)]
    [MemberData(nameof(PostgresServer.Majors), MemberType = typeof(PostgresServer))]
    public async Task A_lived_in_data_directory_comes_back_whole_and_the_copy_touches_nothing_of_the_original(int major)
    {
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, major);
        var server = cluster.Server;
        using var directory = new LivedInDirectory(server);
        await directory.FurnishAsync();
        try
        {
            await BackUpAsync(cluster, directory);
            var expected = await ServerContents.DescribeAsync(server);
            await ArchivedCluster.ArchiveAllAsync(server);

            await using var restored = PostgresServer.CreateEmpty(major);
            var move = $"--tablespace-map={await directory.OutsideAsync()}={restored.SocketFolder}/space";
            (await cluster.RestoreAsync(restored, move, "--target-action=promote")).MustExit();
            await RestoreMatrixTests.JudgeCold(restored, "--ignore=again", "--ignore=spaces/inside"); // which it meets by another name, too
            Assert.Equal("three", await directory.ClearAsync(restored.DataFolder));
            Compare(restored);

            restored.Settings["hot_standby"] = "off"; // then the first connection is made when recovery has ended
            await restored.StartAsync();
            Assert.Equal(expected, await ServerContents.DescribeAsync(restored));
            await restored.ExecuteAsync("UPDATE spaced SET n = -n; UPDATE within SET n = -n; UPDATE relation SET n = -n; CHECKPOINT");
            Assert.Equal(expected, await ServerContents.DescribeAsync(server));
        }
        finally
        {
            await directory.ClearAsync(server.DataFolder);
        }
    }

    private static async Task BackUpAsync(ControlledCluster cluster, LivedInDirectory directory)
    {
        var edits = Task.Run(directory.EditAsync);
        var taken = await cluster.RunAsync("backup", "--type=full");
        directory.EndEdits();
        await edits;
        Assert.True(taken.ExitCode == 0, $"{taken.Output}{taken.Error}\n{cluster.Log}");
        Assert.Contains("0 corrupt pages", taken.Output, StringComparison.Ordinal);
        foreach (var name in (string[])["pipe", "socket", "self", "up", "circle", "dangling"])
            Assert.Contains($"{name} is ", taken.Error, StringComparison.Ordinal);
    }

    private static void Compare(PostgresServer restored)
    {
        string In(string name) => Path.Combine(restored.DataFolder, name);
        Assert.Equal(["today\n", "today\n"], [File.ReadAllText(In("log/today")), File.ReadAllText(In("again/today"))]);
        Assert.Equal("certificate\n", File.ReadAllText(In("server.crt")));
        Assert.Equal(("one", "two"), (File.ReadAllText(In("new\nline")), File.ReadAllText(In("quo'te\"s"))));
        Assert.Equal(8 << 20, new FileInfo(In("core")).Length);
        Assert.Empty(Directory.GetFileSystemEntries(In("lost+found")));
        string[] left = ["pipe", "socket", "dangling"];
        Assert.All(left, name => Assert.False(Path.Exists(In(name)) || new FileInfo(In(name)).LinkTarget is not null));
        Assert.True(File.GetUnixFileMode(restored.DataFolder).HasFlag(UnixFileMode.GroupRead));
        // Recovery makes tablespaces' links anew by tablespace_map, before it reads anything through them.
        foreach (var link in new DirectoryInfo(restored.DataFolder).EnumerateFileSystemInfos("*", SearchOption.AllDirectories))
            if (link.LinkTarget is not null)
                Assert.StartsWith(restored.SocketFolder + "/", RealPath(link.FullName), StringComparison.Ordinal);
    }

    private static string RealPath(string path) => Encoding.UTF8.GetString(RawFiles.RealPath(Encoding.UTF8.GetBytes(path)) ?? []);
}
