using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;
using Holdfast.Tests.Agent.Backup;
using Holdfast.Tests.Fixtures;
using FileFacts = Holdfast.Core.Repository.Packs.FileFacts;

namespace Holdfast.Tests.Integration;

/// <summary>A registered host with a real server, whose backups are run in this process, and read back with a restorer's keys.</summary>
internal sealed class BackupHost : IAsyncDisposable
{
    private readonly StringWriter _log = new();
    private BlobServices? _services;

    private BackupHost(AzuriteServer azurite, PostgresServer server, FaultProxy? proxy)
    {
        (World, Server, Proxy, Azurite) = (new ArchiveWorld(azurite), server, proxy, azurite);
    }

    public AzuriteServer Azurite { get; }

    public ArchiveWorld World { get; }

    public PostgresServer Server { get; }

    public FaultProxy? Proxy { get; }

    /// <summary>What the agent logged.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    public static async Task<BackupHost> StartAsync(AzuriteServer azurite, int major = 17, bool withProxy = false, params (string Name, string Value)[] settings)
    {
        var server = await PostgresServer.StartNewAsync(major, walSegmentMebibytes: 1, settings: [("archive_mode", "on"), ("archive_command", "true"), ("wal_keep_size", "2GB"), ("max_wal_size", "1GB"), .. settings]);
        var host = new BackupHost(azurite, server, withProxy ? new FaultProxy(azurite.BlobEndpoint, azurite.CreateHandler()) : null);
        await host.World.InitAsync();
        await host.World.RegisterAsync(server);
        Directory.CreateDirectory(host.World["spool"]);
        return host;
    }

    /// <summary>A host whose server is a standby that streams from a primary; its keys and repository are its own.</summary>
    public static async Task<BackupHost> StandbyOfAsync(AzuriteServer azurite, PostgresServer primary)
    {
        var standby = await BaseCopy.ByPgBasebackupAsync(primary, "--wal-method=stream");
        foreach (var (name, value) in primary.Settings) standby.Settings.TryAdd(name, value);
        standby.Settings["primary_conninfo"] = $"host={primary.SocketFolder} user=postgres";
        File.WriteAllText(Path.Combine(standby.DataFolder, "standby.signal"), "");
        await standby.StartAsync();
        var host = new BackupHost(azurite, standby, null);
        await host.World.InitAsync();
        await host.World.RegisterAsync(standby);
        Directory.CreateDirectory(host.World["spool"]);
        return host;
    }

    /// <summary>The agent's options as words.</summary>
    public string[] Words(params string[] more)
    {
        string[] words = [.. World.Host(Server), $"--pg-socket-path={Server.SocketFolder}", "--pg-user=postgres", "--backup-store-timeout=5s", "--repo-timeout=2s",
            .. Proxy is null ? Array.Empty<string>() : [$"--repo-endpoint={Proxy.Endpoint.AbsoluteUri}"], .. more];
        return [.. words.GroupBy(word => word.Split('=')[0]).Select(group => group.Last())];
    }

    public CommandContext Context(params string[] more)
    {
        var flags = Words(more).Select(word => word.Split('=', 2)).Select(pair => new GivenOption(OptionTable.Find(pair[0][2..])!, pair[1], new OptionSource(OptionOrigin.Flag, pair[0]))).ToArray();
        return new CommandContext
        {
            Options = OptionResolver.Resolve(CommandSet.Agent, flags, new Dictionary<string, string>()), Output = TextWriter.Null, Error = TextWriter.Null,
            Log = new Log(TextWriter.Synchronized(_log), LogLevel.Info, TimeProvider.System, new SecretFilter()),
        };
    }

    /// <summary>Makes one attempt in this process.</summary>
    public async Task<BackupFiles> BackUpAsync(string label = "20261123-140211F", int attempt = 1, Func<Task>? started = null, Func<Task>? stopping = null, CancellationToken cancellationToken = default, params string[] more)
    {
        var context = Context(more);
        using var repository = Holdfast.Agent.Host.Repository.Open(context, context.Options.Get(OptionTable.BackupStoreTimeout));
        using var identity = HostIdentity.TryLoad(repository.State)!;
        return await new BackupRun(context, repository, identity, new BackupOrder(BackupName.Parse(label), attempt, FastCheckpoint: true), new ReadingProgress()) { Started = started, Stopping = stopping }
            .RunAsync(cancellationToken);
    }

    /// <summary>The data container, without the proxy.</summary>
    public IObjectStore Data => Services.Data;

    public IObjectStore Work => Services.Work;

    private BlobServices Services => _services ??= BlobServices.Open(new StoreSettings
    {
        Names = new ContainerNames(World.Cluster), Credential = new StoreCredential.SharedKey(Azurite.AccountName, Azurite.AccountKey),
        Endpoint = Azurite.BlobEndpoint, QueueEndpoint = Azurite.QueueEndpoint, CaFile = Azurite.CaFile,
    });

    /// <summary>The names of everything in the data container.</summary>
    public async Task<List<string>> NamesAsync()
    {
        var names = new List<string>();
        await foreach (var entry in Data.ListAsync("", default)) names.Add(entry.Name);
        return names;
    }

    /// <summary>The control plane's key, which signs jobs.</summary>
    public EcSigningKey ControlPlaneKey() => JsonWebKey.ReadSigning(File.ReadAllBytes(Path.Combine(World.Keys, "control-plane", "signing.jwk")), "signing.jwk");

    /// <summary>What the control plane reads reports with.</summary>
    public Keyring IndexKeyring()
    {
        var key = JsonWebKey.ReadRsa(File.ReadAllBytes(Path.Combine(World.Keys, "control-plane", "index.jwk")), "index.jwk", withPrivate: true);
        return new Keyring([(key.Thumbprint, key)]);
    }

    /// <summary>Reads an attempt back, as a restorer.</summary>
    public async Task<StoredAttempt> ReadBackAsync(string label = "20261123-140211F", int attempt = 1)
    {
        var state = (await World.ReadLogAsync()).State;
        var host = Assert.Single(state.Hosts);
        var name = BackupName.Parse(label);
        var running = state with { Running = [new RunningBackup(0, name, host.System!.Value, host.Thumbprint, default)] };
        var key = JsonWebKey.ReadRsa(File.ReadAllBytes(Path.Combine(World.Keys, "restorer", "content.jwk")), "content.jwk", withPrivate: true);
        return await StoredAttempt.ReadAsync(Data, new BackupAttempt(host.System.Value, name, attempt), new Keyring([(key.Thumbprint, key)]), new BackupTrust(running));
    }

    /// <summary>
    /// Puts a backup into a server of its own, with the WAL of the source, and starts it: it must become consistent and replay to the end. Tablespaces get
    /// folders of their own. The source must be stopped.
    /// </summary>
    public async Task<PostgresServer> RestoreAsync(StoredAttempt stored, Action<PostgresServer>? prepare = null)
    {
        var files = stored.Files!;
        var version = ControlFile.Parse(stored.Contents.Single(file => file.Key.Path.SequenceEqual("global/pg_control"u8)).Value).TablespaceVersionDirectory;
        var copy = PostgresServer.CreateEmpty(Server.Major);
        foreach (var (id, facts) in stored.Facts.OrderBy(row => row.Value.Kind is not FileKind.Link).ThenBy(row => row.Key))
        {
            if (id.IsOutside) continue;
            var path = Path.Combine(copy.DataFolder, Encoding.UTF8.GetString(id.ToPath(version)));
            if (facts.Kind == FileKind.Link)
            {
                var folder = Path.Combine(Path.GetDirectoryName(copy.DataFolder)!, "space" + Path.GetFileName(path));
                Directory.CreateDirectory(folder);
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                Directory.CreateSymbolicLink(path, folder);
            }
            else if (facts.Kind == FileKind.Directory) Directory.CreateDirectory(path);
            else
            {
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.WriteAllBytes(path, stored.Contents[id]);
            }
        }
        File.WriteAllBytes(Path.Combine(copy.DataFolder, "backup_label"), files.BackupLabel.ToByteArray());
        foreach (var segment in Directory.GetFiles(Path.Combine(Server.DataFolder, "pg_wal"))) File.Copy(segment, Path.Combine(copy.DataFolder, "pg_wal", Path.GetFileName(segment)));
        prepare?.Invoke(copy);
        ScratchFolder.GiveToServers(Path.GetDirectoryName(copy.DataFolder)!);
        await copy.StartAsync();
        return copy;
    }

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        if (Proxy is not null) await Proxy.DisposeAsync();
        _services?.Dispose();
        World.Dispose();
    }
}
