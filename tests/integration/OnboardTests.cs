using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>infra/onboard.sh on a clean Debian host: what it does, what it refuses, and that it can be run again.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class OnboardTests(SharedAzurite azurite)
{
    [CleanRootFact]
    public async Task From_a_bare_host_to_the_first_full_backup_and_again_without_a_change()
    {
        await using var host = await PackagedHost.StartAsync(azurite.Server);
        var package = await PackagedHost.PutPackageAsync(host.Root, 1);
        Assert.Contains("HINT: --package names", (await host.RunOnboardAsync()).Error, StringComparison.Ordinal);

        // A dry run says all of it and does none.
        var before = await StateAsync(host.Root);
        var plan = await host.OnboardAsync("--package", package, "--dry-run", "--restart");
        foreach (var step in new[] { "apt-get install", "/etc/holdfast", "holdfast register", "ALTER SYSTEM SET archive_command", "archive_mode = on", "restart postgresql", "enable --now holdfast-agent", "check --strict", "backup --type=full" })
            Assert.Contains($"would run: ", Assert.Single(plan.Split('\n'), line => line.Contains(step, StringComparison.Ordinal) && (step != "/etc/holdfast" || line.Contains("install -d", StringComparison.Ordinal))), StringComparison.Ordinal);
        Assert.Equal(before, await StateAsync(host.Root));

        // Without leave to restart it stops before, and says so.
        Assert.Contains("restart PostgreSQL, then run this again", await host.OnboardAsync("--package", package), StringComparison.Ordinal);
        Assert.Equal("off", await host.Root.SqlAsync("SHOW archive_mode"));

        Assert.Contains("Done.", await host.OnboardAsync("--restart"), StringComparison.Ordinal);
        Assert.Equal("on|holdfast archive-push %p", await host.Root.SqlAsync("SELECT current_setting('archive_mode') || '|' || current_setting('archive_command')"));
        Assert.Matches(@"\d{8}-\d{6}F", await host.InfoAsync());
        var agent = await host.AgentAsync();
        Assert.Equal("enabled", await host.Root.MustAsync("systemctl", "is-enabled", "holdfast-agent"));
        Assert.Equal("600 postgres\n600 postgres", await host.Root.MustAsync("stat", "--format=%a %U", "/etc/holdfast/holdfast.conf", "/etc/holdfast/content.jwk"));

        // Again: nothing changes, and what an administrator added stays.
        await host.Root.MustAsync("sh", "-c", "echo 'process-max = 1' >>/etc/holdfast/holdfast.conf");
        const string Own = "/usr/bin/holdfast archive-push --log-level=debug %p";
        await host.Root.SqlAsync($"ALTER SYSTEM SET archive_command = '{Own}'");
        await host.Root.SqlAsync("SELECT pg_reload_conf()");
        var configuration = await host.Root.MustAsync("cat", "/etc/holdfast/holdfast.conf");
        var started = await host.Root.SqlAsync("SELECT pg_postmaster_start_time()");
        Assert.Contains("is kept as it is", await host.OnboardAsync("--restart", "--no-backup"), StringComparison.Ordinal);
        Assert.Equal(configuration, await host.Root.MustAsync("cat", "/etc/holdfast/holdfast.conf"));
        Assert.Equal(Own, await host.Root.SqlAsync("SHOW archive_command"));
        Assert.Equal((started, agent), (await host.Root.SqlAsync("SELECT pg_postmaster_start_time()"), await host.AgentAsync()));
    }

    [CleanRootFact]
    public async Task A_server_of_another_user_on_another_port_is_served_as_that_user()
    {
        await using var host = await PackagedHost.StartAsync(azurite.Server);
        await host.Root.MustAsync("sh", "-ec", """
            adduser --system --quiet --group --home /var/lib/dba dba
            adduser --quiet dba postgres
            pg_createcluster --user dba --group dba --port 5433 15 other -o archive_mode=on -o unix_socket_directories=/var/run/postgresql >/dev/null
            pg_ctlcluster --skip-systemctl-redirect 15 other start >/run/pg.log 2>&1
            """);
        await host.OnboardAsync("--package", await PackagedHost.PutPackageAsync(host.Root, 1), "--pg-user", "dba", "--pgport", "5433", "--no-backup");
        await host.AgentAsync("dba");
        Assert.Equal("pg-path = /var/lib/postgresql/15/other\npg-port = 5433\npg-user = dba", await host.Root.MustAsync("tail", "-n", "3", "/etc/holdfast/holdfast.conf"));
        await host.InstallAsync(2);
        await host.AgentAsync("dba");
        Assert.Equal("dba\ndba\ndba", await host.Root.MustAsync("stat", "--format=%U", "/etc/holdfast", "/var/lib/holdfast", "/var/spool/holdfast"));
    }

    [CleanRootFact]
    public async Task What_it_refuses_changes_nothing()
    {
        await using var host = await PackagedHost.StartAsync(azurite.Server);
        var root = host.Root;
        await host.InstallAsync(1);
        await RefusesAsync(host, "unknown option --force", "--force");
        await RefusesAsync(host, "there is no file /nowhere.deb", "--package", "/nowhere.deb");
        await RefusesAsync(host, "there is no user nobody-here", "--pg-user", "nobody-here");
        await RefusesAsync(host, "PostgreSQL cannot be asked on port 5999", "--pgport", "5999");
        await RefusesAsync(host, "there is no configuration", "--configuration", "/nowhere");

        foreach (var other in new[] { "pgbackrest archive-push %p", "pgbackrest --stanza=holdfast archive-push %p", "cp %p /holdfast archive-push" })
        {
            await SetAsync(root, "archive_command", other);
            await RefusesAsync(host, $"archive_command is in use: {other}");
        }
        await SetAsync(root, "archive_command", "");
        await SetAsync(root, "archive_library", "basic_archive");
        await RefusesAsync(host, "archive_library is set");
        await SetAsync(root, "archive_library", "");

        // A key of another cluster.
        await root.MustAsync("sh", "-c", "echo '{}' >/etc/holdfast/content.jwk");
        await RefusesAsync(host, "/etc/holdfast/content.jwk differs");
        await root.MustAsync("rm", "/etc/holdfast/content.jwk");

        // A registration that fails ends it before anything is archived.
        await root.MustAsync("sh", "-c", "echo hft_nonsense >/root/agent/enrolment-token");
        var failed = await host.RunOnboardAsync("--restart");
        Assert.NotEqual(0, failed.ExitCode);
        Assert.Equal("off|", await root.SqlAsync("SELECT current_setting('archive_mode') || '|' || string_agg(setting, '') FROM pg_file_settings WHERE name = 'archive_command'"));

        // A standby.
        await root.MustAsync("sh", "-c", "systemctl stop postgresql@15-main && touch /var/lib/postgresql/15/main/standby.signal && systemctl start postgresql@15-main");
        await RefusesAsync(host, "this is a standby");
    }

    private static async Task RefusesAsync(PackagedHost host, string why, params string[] options)
    {
        var before = await StateAsync(host.Root);
        var run = await host.RunOnboardAsync(options);
        Assert.True(run.ExitCode == 1 && run.Error.Contains($"ERROR: {why}", StringComparison.Ordinal), $"{run.ExitCode}, expected 1: {why}\n{run.Output}{run.Error}");
        Assert.Equal(before, await StateAsync(host.Root));
    }

    // What it could change: files with their contents where that is short, and the server's settings.
    private static async Task<string> StateAsync(DebianRoot root) => string.Join('\n', await root.FilesAsync())
        + await root.MustAsync("sh", "-c", "cat /var/lib/postgresql/15/main/postgresql.auto.conf /etc/holdfast/* 2>/dev/null; systemctl show --property=ActiveState,UnitFileState,NRestarts holdfast-agent");

    private static async Task SetAsync(DebianRoot root, string name, string value)
    {
        await root.SqlAsync($"ALTER SYSTEM SET {name} = '{value}'");
        await root.SqlAsync("SELECT pg_reload_conf()");
        await Eventually.IsTrueAsync(async () => await root.SqlAsync($"SELECT setting FROM pg_file_settings WHERE name = '{name}' ORDER BY seqno DESC LIMIT 1") == value, () => $"{name} is not {value}");
    }
}
