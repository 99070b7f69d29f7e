using System.Text.Json;
using System.Text.RegularExpressions;
using Holdfast.Agent.Check;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>holdfast check against a real server, a real archive_command and a real store.</summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class CheckTests(SharedAzurite azurite)
{
    private const Needs All = Needs.Azurite | Needs.Postgres | Needs.Agent;

    [NeedsFact(All)]
    public async Task A_healthy_host_is_ok_and_its_segment_went_through_the_archive()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        var report = await host.CheckAsync(0, "--strict");
        Assert.Equal(CheckStatus.Ok, report.Status);
        Assert.NotNull(report.Trial);
        Assert.True(report.Trial.EqualsLocal);
        Assert.Null(report.Trial.FramesVerified);
        Assert.Contains(report.Findings, finding => finding.Message == "can create; cannot overwrite, cannot delete, cannot write the log");
        Assert.Contains(report.Findings, finding => finding.Message == "holds no private key");

        // The canary is there now; a second check tries the same on it.
        await host.CheckAsync(0, "--strict");
        var (code, output, error) = await host.RunAsync();
        Assert.Equal((0, ""), (code, error));
        Assert.Contains("archiving      ok   segment 0000000100000000", output, StringComparison.Ordinal);
        Assert.Contains("after the switch, signed by ", output, StringComparison.Ordinal);
        await host.World.ReadLogAsync(); // the log's container holds nothing but the log
    }

    [NeedsFact(All)]
    public async Task With_an_index_key_every_frame_is_read_and_the_key_is_warned_about()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        var report = await host.CheckAsync(0, $"--index-private-key-file={Path.Combine(host.World.Keys, "control-plane", "index.jwk")}");
        Assert.True(report.Trial!.FramesVerified);
        Assert.Contains(report.Findings, finding => finding.Message.EndsWith("read back and judged whole", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Rights, Status: CheckStatus.Warn, Message: "holds private keys: index-private-key-file" });
    }

    [NeedsFact(All)]
    public async Task Credentials_that_can_do_everything_are_warned_about_and_fail_a_strict_check()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        string[] key = ["--repo-auth=connection-string", $"--repo-connection-string-file={host.World["connection"]}"];
        var report = await host.CheckAsync(0, key);
        var rights = report.Findings.Where(finding => finding is { Topic: CheckTopic.Rights, Status: CheckStatus.Warn }).Select(finding => finding.Message).ToArray();
        Assert.Equal(3, rights.Length);
        Assert.StartsWith("can overwrite what is stored", rights[0], StringComparison.Ordinal);
        Assert.StartsWith("can delete what is stored", rights[1], StringComparison.Ordinal);
        Assert.StartsWith("CAN WRITE THE CLUSTER'S LOG", rights[2], StringComparison.Ordinal);
        await host.CheckAsync(1, [.. key, "--strict"]);
        await host.World.ReadLogAsync(); // and it was not written
    }

    [NeedsFact(All)]
    public async Task An_archive_command_of_something_else_is_found()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        await host.SetAsync("archive_command", "cp %p /nowhere/%f");
        var report = await host.CheckAsync(1);
        Assert.Contains(report.Findings, finding => finding.Status == CheckStatus.Fail && finding.Message.StartsWith("archive_command does not call archive-push", StringComparison.Ordinal));
        Assert.Null(report.Trial);
    }

    [NeedsFact(All)]
    public async Task An_archive_library_is_found()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        await host.SetAsync("archive_library", "basic_archive");
        var report = await host.CheckAsync(1);
        Assert.Contains(report.Findings, finding => finding.Status == CheckStatus.Fail && finding.Message == "archive_library is 'basic_archive', so archive_command is not called");
    }

    [NeedsFact(All)]
    public async Task Archive_mode_off_says_what_to_set()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server, archiveMode: "off");
        var report = await host.CheckAsync(1);
        var finding = Assert.Single(report.Findings, finding => finding.Message == "archive_mode is off: nothing is archived");
        Assert.Contains("set archive_mode = on", finding.Hint, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task A_command_that_fails_is_found_when_the_segment_does_not_come()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        await host.SetAsync("archive_command", "false holdfast archive-push %p");
        var report = await host.CheckAsync(1, "--archive-timeout=3s");
        Assert.Contains(report.Findings, finding => finding.Status == CheckStatus.Fail && finding.Message.Contains("is not in the archive 3 s after the switch", StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task A_server_that_is_down_is_found_and_the_rest_is_checked()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        await host.Server.StopAsync();
        var report = await host.CheckAsync(1);
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Cluster, Status: CheckStatus.Fail } && finding.Message.StartsWith("cannot connect to PostgreSQL", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding.Message.StartsWith("can create; cannot overwrite", StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task A_broken_authority_file_is_found()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        File.WriteAllText(host.World["broken.pem"], "nothing of the kind\n");
        var report = await host.CheckAsync(1, $"--repo-ca-file={host.World["broken.pem"]}");
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Configuration, Status: CheckStatus.Fail } && finding.Message.EndsWith("holds no certificate", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Repository, Status: CheckStatus.Fail });
    }

    [NeedsFact(All)]
    public async Task A_standby_cannot_switch_and_the_rest_is_checked()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        await host.Server.StopAsync();
        File.WriteAllText(Path.Combine(host.Server.DataFolder, "standby.signal"), "");
        await host.Server.StartAsync();
        var report = await host.CheckAsync(0);
        Assert.Null(report.Trial);
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Archiving, Status: CheckStatus.Warn } && finding.Message.StartsWith("the server is in recovery", StringComparison.Ordinal));
        Assert.Contains(report.Findings, finding => finding.Message.StartsWith("can create; cannot overwrite", StringComparison.Ordinal));
    }

    [NeedsFact(All)]
    public async Task A_host_that_is_not_registered_is_found()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        var report = await host.CheckAsync(1, $"--state-path={host.World["other"]}");
        Assert.Contains(report.Findings, finding => finding.Status == CheckStatus.Fail && finding.Message.StartsWith("this host is not registered", StringComparison.Ordinal));
    }

    [NeedsTheory(All)]
    [InlineData(14)]
    [InlineData(17)]
    public async Task The_role_of_the_user_guide_passes_a_strict_check(int major)
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server, major: major);
        var guide = File.ReadAllText(Path.Combine(SourceTree.Root, "docs", "user-guide.md"));
        var function = major >= 15 ? "pg_backup_start(" : "pg_start_backup(";
        var blocks = SqlBlock().Matches(guide).Select(block => block.Groups[1].Value);
        await host.Server.ExecuteAsync(blocks.Single(block => block.Contains(function, StringComparison.Ordinal)));
        var report = await host.CheckAsync(0, "--pg-user=backup", "--strict");
        Assert.NotNull(report.Trial);
        Assert.Contains(report.Findings, finding => finding is { Topic: CheckTopic.Backup, Status: CheckStatus.Ok });
    }

    [NeedsTheory(All)]
    [InlineData(14)]
    [InlineData(18)]
    public async Task Whoever_runs_the_statements_that_check_hints_at_passes_it(int major)
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server, major: major);
        await host.Server.ExecuteAsync("CREATE DATABASE \"a \"\"closed\"\" one\"");
        await host.Server.ExecuteAsync("REVOKE CONNECT ON DATABASE \"a \"\"closed\"\" one\" FROM PUBLIC");
        await host.Server.ExecuteAsync("CREATE ROLE \"back up\" LOGIN CONNECTION LIMIT 1");
        var first = await host.CheckAsync(1, "--pg-user=back up");
        var found = string.Join('\n', first.Findings.Select(finding => finding.Message));
        foreach (var expected in (string[])["may not call", "too many connections for role", "may not connect to a \"closed\" one"])
            Assert.Contains(expected, found, StringComparison.Ordinal);

        // What was in the way of other findings goes first.
        var report = first;
        for (var round = 0; round < 5 && report.Status != CheckStatus.Ok; round++)
        {
            foreach (var hint in report.Findings.Select(finding => finding.Hint).OfType<string>())
                foreach (Match statement in Statement().Matches(hint)) await host.Server.ExecuteAsync(statement.Value);
            (_, report) = await host.TryCheckAsync("--pg-user=back up");
        }
        Assert.True(report.Status == CheckStatus.Ok, string.Join('\n', report.Findings));
        Assert.NotNull(report.Trial);
    }

    [NeedsFact(All)]
    public async Task A_file_that_the_agents_user_may_not_read_is_named_and_may_be_left_out()
    {
        await using var host = await CheckedHost.StartAsync(azurite.Server);
        var file = Path.Combine(host.Server.DataFolder, "root.key");
        await File.WriteAllTextAsync(file, "x");
        File.SetUnixFileMode(file, UnixFileMode.None);
        var named = await host.CheckAsUserAsync();
        Assert.Equal(1, named.ExitCode);
        Assert.Contains("1 file or folder that a backup reads may not be read by", named.Output, StringComparison.Ordinal);
        Assert.Contains(file, named.Output, StringComparison.Ordinal);
        Assert.Contains("exclude=NAME", named.Error, StringComparison.Ordinal);
        (await host.CheckAsUserAsync("--exclude=root.key")).MustExit();
        var needed = await host.CheckAsUserAsync("--exclude=root.key", "--exclude=global/");
        Assert.Equal(1, needed.ExitCode);
        Assert.Contains("exclude=global/ leaves out what PostgreSQL needs", needed.Output, StringComparison.Ordinal);
    }

    [GeneratedRegex("```sql\n(.*?)```", RegexOptions.Singleline)]
    private static partial Regex SqlBlock();

    [GeneratedRegex("(?:GRANT|ALTER ROLE) [^;]*;")]
    private static partial Regex Statement();

    /// <summary>A registered host whose server archives by the agent itself.</summary>
    private sealed class CheckedHost : IAsyncDisposable
    {
        private CheckedHost(ArchiveWorld world, PostgresServer server) => (World, Server) = (world, server);

        public ArchiveWorld World { get; }

        public PostgresServer Server { get; }

        private string[] Words => [.. World.Host(Server), World.Spool, $"--pg-socket-path={Server.SocketFolder}", "--pg-user=postgres"];

        public static async Task<CheckedHost> StartAsync(AzuriteServer azurite, string archiveMode = "on", int major = 17)
        {
            var world = new ArchiveWorld(azurite);
            await world.InitAsync();
            Directory.CreateDirectory(world["spool"], UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            var agent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT");
            var command = $"{agent} archive-push --config={world.Configuration("agent")} --state-path={world["state"]} {world.Spool} %p";
            (string, string)[] settings = [("archive_mode", archiveMode), ("wal_keep_size", "64MB")];
            var server = await PostgresServer.StartNewAsync(major, walSegmentMebibytes: 1, settings: settings);
            var host = new CheckedHost(world, server);
            await world.RegisterAsync(server);
            ScratchFolder.GiveToServers(world[""]);
            await host.SetAsync("archive_command", command);
            return host;
        }

        public async Task SetAsync(string name, string value)
        {
            await Server.ExecuteAsync($"ALTER SYSTEM SET {name} = '{value}'");
            await Server.ExecuteAsync("SELECT pg_reload_conf()");
            for (var i = 0; i < 100 && await Server.ScalarAsync<string>($"SELECT setting FROM pg_settings WHERE name = '{name}'") is var now && now != value && now != "(disabled)"; i++) await Task.Delay(50);
        }

        public Task<(int Code, string Output, string Error)> RunAsync(params string[] words) => World.RunAsync(["check", .. Distinct([.. Words, .. words])]);

        public async Task<CheckReport> CheckAsync(int expected, params string[] words)
        {
            var (code, report) = await TryCheckAsync(words);
            Assert.True(code == expected, $"exited {code}, expected {expected}\n{string.Join('\n', report.Findings)}\n{Server.Log}");
            return report;
        }

        public async Task<(int Code, CheckReport Report)> TryCheckAsync(params string[] words)
        {
            var (code, output, error) = await RunAsync([.. words, "--output=json"]);
            Assert.True(output.Length > 0, error);
            return (code, JsonSerializer.Deserialize(output, CheckJson.Default.CheckReport)!);
        }

        /// <summary>As the user that PostgreSQL and the agent run as, in a process of its own.</summary>
        public Task<ProcessResult> CheckAsUserAsync(params string[] words) => RunProcess.RunAsync(UnprivilegedUser.Command(
            Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!, ["check", .. Words, .. words]));

        public async ValueTask DisposeAsync()
        {
            await Server.DisposeAsync();
            World.Dispose();
        }

        /// <summary>The last of each flag.</summary>
        private static IEnumerable<string> Distinct(string[] words) => words.GroupBy(word => word.Split('=')[0]).Select(group => group.Last());
    }
}
