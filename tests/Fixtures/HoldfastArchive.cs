using Azure.Storage;
using Azure.Storage.Blobs;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A Holdfast cluster in a real Azurite, made and used through the published agent as an operator would: <c>init</c>, a token and
/// <c>register</c> for each server that archives, <c>archive-push</c> with a database host's rights and keys, <c>archive-get</c> with a
/// restorer's.
/// </summary>
public sealed class HoldfastArchive : IWalArchive, IDisposable
{
    private readonly ScratchFolder _scratch = new("ho");
    private readonly ContainerNames _names = new($"c{Guid.NewGuid():N}"[..20]);
    private readonly AzuriteServer _azurite;
    private int _hosts;

    private HoldfastArchive(AzuriteServer azurite) => _azurite = azurite;

    /// <inheritdoc/>
    /// <remarks>Gives up soon, so that an outage need not be long.</remarks>
    public string RestoreCommand => $"{Agent} archive-get {string.Join(' ', RestorerOptions)} %f \"%p\"";

    private static string Agent =>
        Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") ?? throw new InvalidOperationException("HOLDFAST_TEST_AGENT is not set: run tests/run.sh");

    private string[] RestorerOptions => [$"--config={Configuration("restorer")}", .. HostOptions("restorer"), "--archive-get-timeout=5s"];

    /// <summary>Makes a cluster.</summary>
    public static async Task<HoldfastArchive> CreateAsync(AzuriteServer azurite)
    {
        var archive = new HoldfastArchive(azurite);
        await File.WriteAllTextAsync(archive._scratch["connection"], azurite.ConnectionString);
        ReadyKeys.PlaceIn(archive._scratch["keys", archive._names.Cluster]);
        ScratchFolder.GiveToServers(archive._scratch.Path);
        await RunAsync("init", "--yes", $"--cluster={archive._names.Cluster}", $"--key-path={archive._scratch["keys"]}",
            "--repo-auth=connection-string", $"--repo-connection-string-file={archive._scratch["connection"]}", $"--repo-ca-file={azurite.CaFile}");
        return archive;
    }

    /// <inheritdoc/>
    public async Task<string> AdmitAsync(PostgresServer server)
    {
        var host = $"host{++_hosts}";
        var token = await RunAsync("token", $"--control-plane-config={Configuration("control-plane")}");
        await File.WriteAllTextAsync(_scratch[$"{host}.token"], token.Output);
        ScratchFolder.GiveToServers(server.DataFolder);
        await RunAsync("register", $"--config={Configuration("agent")}", $"--control-plane-config={Configuration("control-plane")}",
            $"--enrolment-token-file={_scratch[$"{host}.token"]}", "--new-system", $"--pg-path={server.DataFolder}", $"--host-name={host}", $"--state-path={_scratch[host]}");
        return ArchiveCommand(host);
    }

    /// <summary>Lets a promoted server, which has archived nothing so far, continue the archive. Returns its <c>archive_command</c>.</summary>
    public async Task<string> AdoptAsync(PostgresServer server)
    {
        var host = $"host{++_hosts}";
        await RunAsync(["adopt", "--yes", $"--config={Configuration("agent")}", $"--control-plane-config={Configuration("control-plane")}",
            $"--pg-path={server.DataFolder}", $"--host-name={host}", .. HostOptions(host)]);
        return ArchiveCommand(host);
    }

    /// <summary>What backs up the server that was admitted as the given one, in order, from 1.</summary>
    internal BackupMaker Backups(int host = 1) => new(Options("agent"), Options("control-plane"), _scratch[$"host{host}"]);

    /// <summary>The recovery kit that init wrote.</summary>
    public string RecoveryKit => _scratch["keys", _names.Cluster, "recovery-kit.json"];

    /// <summary>A private key that init wrote.</summary>
    public string Key(string role, string file) => _scratch["keys", _names.Cluster, role, file];

    /// <summary>A restorer's options, without a configuration: for the recovery kit.</summary>
    public string[] Credential => ["--repo-auth=connection-string", $"--repo-connection-string-file={_scratch["connection"]}", $"--repo-ca-file={_azurite.CaFile}"];

    /// <summary>Restores into an empty server's folder, as the user that it runs as.</summary>
    public async Task<ProcessResult> RestoreAsync(PostgresServer server, params IEnumerable<string> options) => await RestoreAsync(server.DataFolder, [$"--config={Configuration("restorer")}", .. options]);

    /// <summary>Restores by these options alone.</summary>
    public async Task<ProcessResult> RestoreAsync(string folder, params IEnumerable<string> options) => await RunProcess.RunAsync(
        UnprivilegedUser.Command(Agent, ["restore", $"--pgdata={folder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options]),
        new Dictionary<string, string?> { ["HOLDFAST_ARCHIVE_GET_TIMEOUT"] = "5s", ["HOLDFAST_SPOOL_PATH"] = _scratch["restorer", "spool"] });

    /// <summary>Restores where no file may grow beyond so many bytes (RLIMIT_FSIZE): a full disk for whoever may not mount one.</summary>
    public async Task<ProcessResult> RestoreLimitedAsync(PostgresServer server, long fileBytes, params IEnumerable<string> options) => await RunProcess.RunAsync(
        ["prlimit", $"--fsize={fileBytes}", "--", .. UnprivilegedUser.Command(Agent, ["restore", $"--config={Configuration("restorer")}", $"--pgdata={server.DataFolder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options])],
        new Dictionary<string, string?> { ["DOTNET_EnableWriteXorExecute"] = "0" }); // which takes a large file for itself, where the agent is not native

    /// <summary>Restores as root, who hands over what it made.</summary>
    public async Task<ProcessResult> RestoreAsRootAsync(PostgresServer server, params IEnumerable<string> options) => await RunProcess.RunAsync(
        [Agent, "restore", $"--config={Configuration("restorer")}", $"--pgdata={server.DataFolder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options]);

    /// <summary>Restores as root by these options alone.</summary>
    public async Task<ProcessResult> RestoreAsRootAsync(string folder, params IEnumerable<string> options) => await RunProcess.RunAsync(
        [Agent, "restore", $"--pgdata={folder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options]);

    /// <summary>The account's connection string, in a file.</summary>
    public string ConnectionFile => _scratch["connection"];

    /// <summary>The store's authority.</summary>
    public string CaFile => _azurite.CaFile;

    /// <summary>A restorer's configuration, as a flag.</summary>
    public string[] Restorer => [$"--config={Configuration("restorer")}"];

    /// <summary>Restores in this process; a step may throw.</summary>
    public async Task RestoreHereAsync(PostgresServer server, Action<string> reached, params IEnumerable<string> options)
    {
        var flags = CommandTree.Parse(["restore", $"--config={Configuration("restorer")}", $"--pgdata={server.DataFolder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options]).Given.Flags;
        var log = new Holdfast.Agent.Terminal.Log(TextWriter.Null, LogLevel.Error, TimeProvider.System, new Holdfast.Agent.Terminal.SecretFilter());
        var restore = new Holdfast.Agent.Restore.RestoreCommand { Reached = reached, Trial = (_, _) => Task.CompletedTask };
        await restore.RunAsync(new CommandContext
        {
            Options = OptionResolver.Resolve(CommandSet.Restore, flags, new Dictionary<string, string>()), Output = TextWriter.Null, Error = TextWriter.Null, Log = log,
        }, default);
    }

    /// <summary>Tells what is there, as a restorer.</summary>
    public Task<ProcessResult> InfoAsync(params IEnumerable<string> options) => RunAsync(["info", $"--config={Configuration("restorer")}", $"--state-path={_scratch["restorer"]}", .. options]);

    /// <summary>A container, with rights that no host has.</summary>
    public BlobContainerClient Container(string name) => new(new Uri($"{_azurite.BlobEndpoint}/{_names.Cluster}-{name}"),
        new StorageSharedKeyCredential(_azurite.AccountName, _azurite.AccountKey), new BlobClientOptions { Transport = _azurite.CreateTransport() });

    private ResolvedOptions Options(string role) => OptionResolver.Resolve(CommandSet.Check,
        [new GivenOption(OptionTable.Config, Configuration(role), new OptionSource(OptionOrigin.Flag, "test"))], new Dictionary<string, string>());

    /// <summary>Fetches one file as PostgreSQL would, in <paramref name="server"/>'s data directory.</summary>
    public async Task<ProcessResult> GetAsync(PostgresServer server, string name, string destination) => await RunProcess.RunAsync(
        UnprivilegedUser.Command(Agent, ["archive-get", .. RestorerOptions, name, destination]), workingFolder: server.DataFolder);

    /// <summary>A proxy in front of the store, which counts.</summary>
    public FaultProxy Proxy() => new(_azurite.BlobEndpoint, _azurite.CreateHandler());

    /// <summary>Fetches one file through a proxy, as a restored server would, by an agent that remembers nothing.</summary>
    public Task<ProcessResult> GetThroughAsync(FaultProxy proxy, string folder, string name, string destination, params IEnumerable<string> options) => RunProcess.RunAsync(UnprivilegedUser.Command(Agent,
        ["archive-get", $"--config={Configuration("restorer")}", $"--repo-endpoint={proxy.Endpoint.AbsoluteUri}", $"--pg-path={folder}", $"--state-path={_scratch[$"restored{++_hosts}"]}", .. options, name, destination]));

    /// <summary>Deletes a segment, with rights that no host has.</summary>
    public async Task DeleteAsync(PostgresServer server, string segment)
    {
        var control = ControlFile.Parse(await File.ReadAllBytesAsync(Path.Combine(server.DataFolder, ControlFile.RelativePath)));
        await Container("data").DeleteBlobAsync(BlobNames.WalSegment(control.SystemIdentifier, WalSegmentName.Parse(segment, control.WalSegmentSize)));
    }

    /// <inheritdoc/>
    public void Dispose() => _scratch.Dispose();

    private string ArchiveCommand(string host) => $"{Agent} archive-push --config={Configuration("agent")} {string.Join(' ', HostOptions(host))} %p";

    private string Configuration(string role) => _scratch["keys", _names.Cluster, role, "holdfast.conf"];

    private string[] HostOptions(string host) => [$"--state-path={_scratch[host]}", $"--spool-path={_scratch[host]}/spool"];

    private static async Task<ProcessResult> RunAsync(params string[] arguments) =>
        (await RunProcess.RunAsync(UnprivilegedUser.Command(Agent, arguments))).MustExit();
}
