using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>A clean Debian host with a running server, init's folder for agents in /root/agent, infra/onboard.sh in /root, and a control plane outside of it.</summary>
internal sealed class PackagedHost : IAsyncDisposable
{
    private readonly ArchiveWorld _archive;
    private readonly ControlPlaneProcess _controlPlane;

    private PackagedHost(DebianRoot root, ArchiveWorld archive, ControlPlaneProcess controlPlane) => (Root, _archive, _controlPlane) = (root, archive, controlPlane);

    public DebianRoot Root { get; }

    public static async Task<PackagedHost> StartAsync(AzuriteServer azurite)
    {
        var (archive, url) = (new ArchiveWorld(azurite), ControlPlaneProcess.FreeUrl());
        ReadyKeys.PlaceIn(archive.Keys);
        await archive.MustAsync(["init", "--yes", $"--control-plane-url={url.AbsoluteUri.TrimEnd('/')}", .. archive.InitWords]);
        var host = new PackagedHost(await DebianRoot.StartAsync(), archive, await ControlPlaneProcess.StartAsync(archive.Configuration("control-plane"), url));
        await host.Root.PutAsync(Path.Combine(archive.Keys, "agent"), "/root/agent");
        await host.Root.PutAsync(Path.Combine(SourceTree.Root, "infra/onboard.sh"), "/root/onboard.sh");
        return host;
    }

    /// <summary>Puts the package of this revision into the root; returns its path there.</summary>
    public static async Task<string> PutPackageAsync(DebianRoot root, int revision)
    {
        var (file, bytes) = await AgentPackage.BuiltAsync(revision);
        await File.WriteAllBytesAsync(root[$"/tmp/{file}"], bytes);
        return $"/tmp/{file}";
    }

    public static async Task InstallAsync(DebianRoot root, int revision) => await root.MustAsync("dpkg", "--force-unsafe-io", "--install", await PutPackageAsync(root, revision));

    public Task InstallAsync(int revision) => InstallAsync(Root, revision);

    /// <summary>Runs infra/onboard.sh.</summary>
    public Task<ProcessResult> RunOnboardAsync(params IEnumerable<string> options) => Root.RunAsync(["bash", "/root/onboard.sh", "--configuration", "/root/agent", .. options]);

    /// <summary>Runs infra/onboard.sh, which must succeed; returns what it said.</summary>
    public async Task<string> OnboardAsync(params IEnumerable<string> options)
    {
        var run = await RunOnboardAsync(options);
        Assert.True(run.ExitCode == 0, $"{run.Output}{run.Error}\n{(await Root.RunAsync("journalctl", "--no-pager", "--unit=holdfast-agent")).Output}\n{_controlPlane.Log}");
        return run.Output + run.Error;
    }

    /// <summary>Finishes a segment and waits until the server has archived it; returns its name.</summary>
    public async Task<string> ArchiveOneAsync()
    {
        var segment = await Root.SqlAsync("CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t SELECT generate_series(1, 1000); SELECT pg_walfile_name(pg_switch_wal())");
        await Eventually.IsTrueAsync(async () => string.CompareOrdinal(await Root.SqlAsync("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"), segment) >= 0,
            () => File.ReadAllText(Root["/var/log/postgresql/postgresql-15-main.log"]));
        return segment;
    }

    public async Task ArchiveNoMoreAsync()
    {
        await Root.SqlAsync("ALTER SYSTEM RESET archive_command");
        await Root.SqlAsync("SELECT pg_reload_conf()");
    }

    public Task<string> InfoAsync() => Root.MustAsync("runuser", "-u", "postgres", "--", "holdfast", "info");

    /// <summary>The process id of the agent, which must run as this user, without privileges.</summary>
    public async Task<string> AgentAsync(string user = "postgres")
    {
        var id = await Root.MustAsync("sh", "-c", "systemctl is-active --quiet holdfast-agent && systemctl show --property=MainPID --value holdfast-agent");
        Assert.Equal($"/usr/bin/holdfast {user}\n0000000000000000", await Root.MustAsync("sh", "-c",
            $"echo $(readlink /proc/{id}/exe) $(stat --format=%U /proc/{id}); sed -n 's/^CapBnd:\\t//p' /proc/{id}/status"));
        return id;
    }

    public async ValueTask DisposeAsync()
    {
        await Root.DisposeAsync();
        await _controlPlane.DisposeAsync();
        _archive.Dispose();
    }
}
