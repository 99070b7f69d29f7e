using System.Text.RegularExpressions;
using Holdfast.Agent.Host;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A pair, made as the user guide says: its commands are run as they stand there.</summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class SecondHostTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_second_host_is_registered_by_the_guides_commands_and_archives_after_its_promotion()
    {
        using var world = new ArchiveWorld(azurite.Server);
        await world.InitAsync();
        await using var primary = await ArchiveWorld.StartServerAsync();
        await world.RegisterAsync(primary);
        await using var standby = await StandbyOfAsync(primary);
        var guide = await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "docs", "user-guide.md"));
        var commands = Section().Match(guide).Groups[1].Value;
        var lines = Blocks().Matches(commands).SelectMany(block => block.Groups[1].Value.Trim().Split('\n')).ToList();
        Assert.Equal(6, lines.Count);

        await RunAsync(world, standby, lines[0]);
        // What the guide says in words: both are copied to the second host.
        (await RunProcess.RunAsync(["sh", "-ec", $"mkdir {world["root"]} && cp -r {world.Keys}/agent {world.Keys}/db2.token {world["root"]}"])).MustExit();
        foreach (var line in lines[1..]) await RunAsync(world, standby, line);

        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(world["etc", "enrolment-token"]));
        Assert.Equal(FileOwner.Of(standby.DataFolder), FileOwner.Of(world["etc", "enrolment-token"]));
        var hosts = (await world.ReadLogAsync()).State.Hosts;
        Assert.Equal("db2", hosts[1].Name);
        Assert.Equal(hosts[0].System, hosts[1].System);
        await standby.ExecuteAsync("SELECT pg_promote()");
        var segment = await ArchiveWorld.FinishSegmentAsync(standby);
        Assert.StartsWith("00000002", segment, StringComparison.Ordinal);
        await world.PushReadyAsync(standby, "db2");
        await world.MustAsync(["archive-get", .. world.Host(standby, "restorer", "restorer"), world.Spool, segment, world["fetched"]]);
        Assert.Equal(File.ReadAllBytes(Path.Combine(standby.DataFolder, "pg_wal", segment)), File.ReadAllBytes(world["fetched"]));
    }

    private static async Task<PostgresServer> StandbyOfAsync(PostgresServer primary)
    {
        var standby = await BaseCopy.ByPgBasebackupAsync(primary, "--wal-method=stream");
        foreach (var (name, value) in primary.Settings) standby.Settings.TryAdd(name, value);
        standby.Settings["primary_conninfo"] = $"host={primary.SocketFolder} user=postgres";
        File.WriteAllText(Path.Combine(standby.DataFolder, "standby.signal"), "");
        await standby.StartAsync();
        return standby;
    }

    /// <summary>As it stands in the guide, but for the names of this host's places and user, and the control plane, which does not run here.</summary>
    private static async Task RunAsync(ArchiveWorld world, PostgresServer server, string command)
    {
        var owner = FileOwner.Of(server.DataFolder);
        var here = command.Replace("/root/holdfast/shop", world.Keys, StringComparison.Ordinal).Replace("/root/", $"{world["root"]}/", StringComparison.Ordinal)
            .Replace("/etc/holdfast", world["etc"], StringComparison.Ordinal).Replace("/var/lib/postgresql/17/main", server.DataFolder, StringComparison.Ordinal)
            .Replace("postgres:postgres", $"{owner.User}:{owner.Group}", StringComparison.Ordinal);
        if (!here.Contains("holdfast ", StringComparison.Ordinal))
        {
            (await RunProcess.RunAsync(["sh", "-ec", here])).MustExit();
            return;
        }
        var words = here[(here.IndexOf("holdfast ", StringComparison.Ordinal) + "holdfast ".Length)..].Split(" > ");
        string[] more = words[0].StartsWith("register", StringComparison.Ordinal)
            ? [$"--config={world["etc", "holdfast.conf"]}", $"--state-path={world["db2"]}", world.ControlPlane] : [];
        var output = await world.MustAsync([.. words[0].Split(' '), .. more]);
        if (words.Length == 2) File.WriteAllText(words[1], output);
    }

    [GeneratedRegex("## Register a second host\n(.*?)\n###? ", RegexOptions.Singleline)]
    private static partial Regex Section();

    [GeneratedRegex("^```\n(.*?)^```", RegexOptions.Singleline | RegexOptions.Multiline)]
    private static partial Regex Blocks();
}
