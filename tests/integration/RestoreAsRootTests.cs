using System.Text.RegularExpressions;
using Holdfast.Agent.Restore;
using Holdfast.Core;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// Root restores, another user runs the server: whatever that one will need is tried as that one, before anything is fetched.
/// </summary>
public sealed partial class RestoreAsRootTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Agent | Needs.Root;

    private static string User => UnixUser.NameOf(UnprivilegedUser.Id);

    [NeedsTheory(Everything)]
    [InlineData("content-private-key-file", true)]
    [InlineData("repo-connection-string-file", true)]
    [InlineData("repo-ca-file", true)]
    [InlineData("content-private-key-file", false)]
    public async Task A_file_in_roots_home_is_named_before_anything_is_fetched(string option, bool isHomeClosed)
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        using var home = new ScratchFolder("home");
        var files = new Dictionary<string, string>
        {
            ["content-private-key-file"] = world.Stored.Key("escrow", "escrow.jwk"),
            ["repo-connection-string-file"] = world.Stored.ConnectionFile,
            ["repo-ca-file"] = world.Stored.CaFile,
        };
        var closed = home["file"];
        File.Copy(files[option], closed);
        File.SetUnixFileMode(closed, isHomeClosed ? (UnixFileMode)0b110_100_100 : UnixFileMode.UserRead);
        File.SetUnixFileMode(home.Path, (UnixFileMode)(isHomeClosed ? 0b111_000_000 : 0b111_101_101));
        files[option] = closed;
        string[] words = [.. Kit(files), .. RestoreWorld.Moved(restored, world.Tablespace)];

        foreach (var dry in (string[][])[["--dry-run"], []])
        {
            var error = (await world.Stored.RestoreAsRootAsync(restored.DataFolder, [.. words, .. dry])).MustExit(2).Error;
            var expected = $"ERROR: {User}, who will run the restored server, cannot read {closed} ({option})";
            Assert.Contains(expected, error, StringComparison.Ordinal);
            Assert.Contains(isHomeClosed ? $"{home.Path} is closed to that user" : "its mode or owner", error, StringComparison.Ordinal);
            Assert.Contains($"HINT: put it where {User} can read it", error, StringComparison.Ordinal);
            Assert.False(Directory.Exists(restored.DataFolder));
        }
    }

    [NeedsFact(Everything)]
    public async Task The_recovery_kits_example_in_the_guide_ends_with_a_server_that_recovers()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        using var root = new ScratchFolder("root");
        File.Copy(world.Stored.RecoveryKit, root["recovery-kit.json"]);
        File.Copy(world.Stored.Key("escrow", "escrow.jwk"), root["escrow.jwk"]);
        File.Copy(world.Stored.ConnectionFile, root["account"]);
        File.SetUnixFileMode(root.Path, (UnixFileMode)0b111_000_000);
        var guide = await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "docs", "operations.md"));
        var example = KitExample().Match(guide).Groups[1].Value.Trim();
        var commands = example.Split('\n');
        Assert.Equal(3, commands.Length);

        // As it stands in the guide, but for the names of this host's places and user, and what a test's store takes besides.
        string Here(string command) => command.Replace("/root/", $"{root.Path}/", StringComparison.Ordinal)
            .Replace("/var/lib/holdfast/kit", $"{restored.SocketFolder}/kit", StringComparison.Ordinal)
            .Replace("/var/lib/postgresql/17/main", restored.DataFolder, StringComparison.Ordinal)
            .Replace("-o postgres -g postgres", $"-o {User} -g {UnprivilegedUser.Id}", StringComparison.Ordinal);
        foreach (var command in commands[..2]) (await RunProcess.RunAsync(["sh", "-ec", Here(command)])).MustExit();
        var words = Here(commands[2]).Split(' ')[2..].Where(word => !IsDataFolder(word));
        string[] restore = [.. words, $"--repo-ca-file={world.Stored.CaFile}", .. RestoreWorld.Moved(restored, world.Tablespace)];
        var shown = (await world.Stored.RestoreAsRootAsync(restored.DataFolder, restore)).MustExit();
        Assert.Contains("nothing was changed (--dry-run)", shown.Output, StringComparison.Ordinal);
        (await world.Stored.RestoreAsRootAsync(restored.DataFolder, restore.Where(word => word != "--dry-run"))).MustExit();

        Assert.Equal("first, second, third", await RestoreWorld.ToldAsync(restored));
    }

    // The sibling: what root makes on the way to a tablespace is closed to the server, too, unless it is given.
    [NeedsFact(Everything)]
    public async Task Folders_made_on_the_way_are_given_to_the_server()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        var deep = $"{restored.SocketFolder}/made/on/the/way";

        string[] options = [$"--tablespace-map={world.Tablespace}={deep}", "--target-immediate", "--target-action=promote"];
        (await world.Stored.RestoreAsRootAsync(restored, options)).MustExit();

        Assert.Equal("first", await RestoreWorld.ToldAsync(restored));
        Assert.Equal(20000, await restored.ScalarAsync<long>("SELECT count(*) FROM moved"));
    }

    [NeedsFact(Everything)]
    public async Task A_data_directory_that_the_server_cannot_get_to_is_refused()
    {
        await using var restored = PostgresServer.CreateEmpty(17);
        using var home = new ScratchFolder("home");
        File.SetUnixFileMode(home.Path, (UnixFileMode)0b111_000_000);

        string[] options = [.. world.Stored.Restorer, .. RestoreWorld.Moved(restored, world.Tablespace)];
        var error = (await world.Stored.RestoreAsRootAsync(home["data"], options)).MustExit(2).Error;

        Assert.Contains($"cannot get to {home["data"]}: {home.Path} is closed to that user", error, StringComparison.Ordinal);
        Assert.Contains($"chmod o+x {home.Path}", error, StringComparison.Ordinal);
        Assert.False(Directory.Exists(home["data"]));
    }

    [NeedsFact(Everything)]
    public async Task A_program_that_the_server_cannot_run_is_refused()
    {
        using var home = new ScratchFolder("home");
        var program = home["holdfast"];
        File.CreateSymbolicLink(program, Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!);
        File.SetUnixFileMode(home.Path, (UnixFileMode)0b111_000_000);
        var user = new ServerUser(UnprivilegedUser.Id, UnprivilegedUser.Id);
        var needs = new ServerNeeds(user, program, "shop", "/nowhere", [], [], [], 1, "000000010000000000000001", 16 << 20);

        var failure = await Assert.ThrowsAsync<ConfigurationException>(() => ServerTrial.RunAsync(needs, CancellationToken.None));

        Assert.StartsWith($"{User}, who will run the restored server, cannot run {program}", failure.Message, StringComparison.Ordinal);
        Assert.EndsWith($"{home.Path} is closed to that user", failure.Message, StringComparison.Ordinal);
    }

    private static bool IsDataFolder(string word) => word.StartsWith("--pgdata=", StringComparison.Ordinal); // RestoreAsRootAsync gives it

    private string[] Kit(Dictionary<string, string> files) =>
        [$"--kit={world.Stored.RecoveryKit}", "--repo-auth=connection-string", .. files.Select(file => $"--{file.Key}={file.Value}")];

    [GeneratedRegex("## The recovery kit.*?```\n(install.*?)```", RegexOptions.Singleline)]
    private static partial Regex KitExample();
}
