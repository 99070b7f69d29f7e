using System.Globalization;
using System.Text.RegularExpressions;
using Holdfast.Agent.Options;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>The Debian package on a clean host: installed, used by a real server, upgraded, removed, purged; and infra/onboard.sh, which uses it.</summary>
[Collection(AzuriteCollection.Name)]
public sealed partial class PackageTests(SharedAzurite azurite)
{
    private const string AsDpkg = "DPKG_MAINTSCRIPT_PACKAGE=holdfast";

    [NeedsFact(Needs.Agent)]
    public async Task The_same_agent_gives_the_same_bytes_and_says_what_it_needs()
    {
        using var scratch = new ScratchFolder("pkg");
        var (file, bytes) = await AgentPackage.BuildAsync(1);
        Assert.Equal((await AgentPackage.BuiltAsync(1)).Bytes, bytes);
        var one = scratch[file];
        await File.WriteAllBytesAsync(one, bytes);
        var depends = (await RunProcess.RunAsync(["dpkg-deb", "--field", one, "Depends"])).MustExit().Output.Trim();
        Assert.Matches(@"^libc6 \(>= 2\.\d+\), libssl3 \(>= 3\.0\.0\) \| libssl3t64, ca-certificates, adduser$", depends);
        var version = (await RunProcess.RunAsync(["dpkg-deb", "--field", one, "Version"])).MustExit().Output.Trim();
        Assert.Contains($"<Version>{version[..^2]}</Version>", await File.ReadAllTextAsync(Path.Combine(SourceTree.Root, "Directory.Build.props")), StringComparison.Ordinal);
        Assert.EndsWith("-1", version, StringComparison.Ordinal);
    }

    [CleanRootFact]
    public async Task Installed_used_upgraded_removed_and_purged_it_leaves_nothing()
    {
        await using var host = await PackagedHost.StartAsync(azurite.Server);
        var before = await host.Root.FilesAsync();
        Assert.Equal(1, (await host.Root.RunAsync("test", "-e", "/usr/bin/holdfast")).ExitCode);
        await host.InstallAsync(1);
        await IsAsInstalledAsync(host.Root);

        await host.OnboardAsync("--restart");
        var segment = await host.ArchiveOneAsync();
        Assert.Contains(segment, await host.InfoAsync(), StringComparison.Ordinal);

        var agent = await host.AgentAsync();
        await IsShutInAsync(host.Root, agent);
        var configuration = await host.Root.MustAsync("sha256sum", "/etc/holdfast/holdfast.conf", "/etc/holdfast/content.jwk");
        await host.InstallAsync(2);
        Assert.Equal(configuration, await host.Root.MustAsync("sha256sum", "/etc/holdfast/holdfast.conf", "/etc/holdfast/content.jwk"));
        Assert.NotEqual(agent, await host.AgentAsync());
        await host.ArchiveOneAsync();

        await host.ArchiveNoMoreAsync();
        await host.Root.MustAsync("dpkg", "--remove", "holdfast");
        Assert.Equal("", await host.Root.MustAsync("sh", "-c", "cat /proc/[0-9]*/comm | grep -x holdfast || true"));
        Assert.Equal(1, (await host.Root.RunAsync("test", "-e", "/usr/bin/holdfast")).ExitCode);
        await host.Root.MustAsync("test", "-s", "/etc/holdfast/holdfast.conf");
        await host.Root.MustAsync("sh", "-c", "ls /var/lib/holdfast/*/signing.jwk");
        await host.Root.MustAsync("dpkg", "--purge", "holdfast");
        Assert.Equal(before, await host.Root.FilesAsync());
    }

    [CleanRootFact]
    public async Task An_upgrade_starts_nothing_that_did_not_run_and_every_script_may_run_twice()
    {
        await using var root = await DebianRoot.StartAsync();
        await root.MustAsync("sh", "-c", "systemctl stop postgresql@15-main && deluser --quiet --system postgres && ! getent passwd postgres"); // as before PostgreSQL's packages came
        foreach (var revision in new[] { 1, 1, 2 }) await PackagedHost.InstallAsync(root, revision);
        await IsAsInstalledAsync(root);
        await root.MustAsync("chmod", "0770", "/etc/holdfast");
        await root.MustAsync("env", AsDpkg, "/var/lib/dpkg/info/holdfast.postinst", "configure", "0.0.1");
        Assert.Equal("770", await root.MustAsync("stat", "--format=%a", "/etc/holdfast")); // an administrator's
        Assert.Equal("NRestarts=0\nActiveEnterTimestamp=", await root.MustAsync("systemctl", "show", "--property=NRestarts,ActiveEnterTimestamp", "holdfast-agent"));
        foreach (var script in new[] { "prerm remove", "prerm remove", "postrm remove", "postrm purge", "postrm purge" })
            await root.MustAsync("sh", "-c", $"{AsDpkg} /var/lib/dpkg/info/holdfast.{script}");
        await root.MustAsync("dpkg", "--purge", "holdfast");
    }

    [NeedsFact(Needs.Systemd)]
    public async Task Systemd_understands_the_unit_and_finds_little_exposed()
    {
        var unit = Path.Combine(SourceTree.Root, "infra/systemd/holdfast-agent.service");
        var judged = await RunProcess.RunAsync(["systemd-analyze", "security", "--offline=true", "--threshold=20", unit]);
        Assert.True(judged.ExitCode == 0, judged.Output + judged.Error);
        Assert.True(Exposure().Match(judged.Output) is { Success: true } found && double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture) <= 2.0, judged.Output);
        using var scratch = new ScratchFolder("unit");
        // verify wants the program to be there.
        await File.WriteAllTextAsync(scratch["holdfast-agent.service"], (await File.ReadAllTextAsync(unit)).Replace("/usr/bin/holdfast", "/bin/true", StringComparison.Ordinal));
        var verified = await RunProcess.RunAsync(["systemd-analyze", "verify", "--man=false", scratch["holdfast-agent.service"]]);
        Assert.True(verified.ExitCode == 0 && !verified.Error.Contains("holdfast", StringComparison.Ordinal), verified.Error);
    }

    [Fact]
    public void The_example_of_a_configuration_is_understood()
    {
        using var scratch = new ScratchFolder("conf");
        var lines = File.ReadAllLines(Path.Combine(SourceTree.Root, "infra/debian/holdfast.conf.example"));
        File.WriteAllLines(scratch["holdfast.conf"], lines.Select(line => line.StartsWith('#') && !line.StartsWith("# ", StringComparison.Ordinal) ? line[1..] : line));
        var options = OptionResolver.Resolve(CommandSet.Agent,
            [new GivenOption(OptionTable.Config, scratch["holdfast.conf"], new OptionSource(OptionOrigin.Flag, "test"))], new Dictionary<string, string>());
        Assert.Equal(("shop", 2, "/var/lib/postgresql/17/main"), (options.Get(OptionTable.Cluster), options.Get(OptionTable.ProcessMax), options.Get(OptionTable.PgPath)));
    }

    /// <summary>What the unit takes away is gone: the agent can write to its state folder only, and sees neither /tmp nor devices.</summary>
    private static async Task IsShutInAsync(DebianRoot root, string agent)
    {
        async Task<string> SeenAsync(string command) => (await root.RunAsync("nsenter", $"--target={agent}", "--mount", "--", "sh", "-c", command)).Output.Trim();
        Assert.Equal("ro", await SeenAsync("findmnt --noheadings --output=OPTIONS --target=/var/lib/postgresql | cut -d, -f1"));
        Assert.Equal("rw", await SeenAsync("findmnt --noheadings --output=OPTIONS --target=/var/lib/holdfast | cut -d, -f1"));
        Assert.Equal("", await SeenAsync("ls -A /tmp; ls /dev/mem /dev/kmsg 2>/dev/null"));
        Assert.Equal("1\n2", await root.MustAsync("sed", "-nE", "s/^(NoNewPrivs|Seccomp):\\t//p", $"/proc/{agent}/status")); // 2: a filter of system calls
    }

    private static async Task IsAsInstalledAsync(DebianRoot root)
    {
        Assert.Equal("/etc/holdfast 750 postgres:postgres\n/var/lib/holdfast 700 postgres:postgres\n/var/spool/holdfast 700 postgres:postgres",
            await root.MustAsync("stat", "--format=%n %a %U:%G", "/etc/holdfast", "/var/lib/holdfast", "/var/spool/holdfast"));
        Assert.Equal("ExecStart=/usr/bin/holdfast agent\nUser=postgres", await root.MustAsync("grep", "-xE", "ExecStart=.*|User=.*", "/usr/lib/systemd/system/holdfast-agent.service"));
        Assert.StartsWith("holdfast ", await root.MustAsync("runuser", "-u", "postgres", "--", "holdfast", "version"), StringComparison.Ordinal);
        Assert.Equal("", await root.MustAsync("dpkg", "--verify", "holdfast"));
        await root.MustAsync("bash", "-c", ". /usr/share/bash-completion/completions/holdfast && complete -p holdfast");
        await root.MustAsync("sh", "-c", "zcat /usr/share/doc/holdfast/changelog.Debian.gz && cat /usr/share/doc/holdfast/copyright");
        Assert.Equal("disabled", (await root.RunAsync("systemctl", "is-enabled", "holdfast-agent")).Output.Trim());
    }

    [GeneratedRegex(@"Overall exposure level for holdfast-agent\.service: ([0-9.]+)")]
    private static partial Regex Exposure();
}
