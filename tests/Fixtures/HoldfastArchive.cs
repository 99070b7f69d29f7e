using Azure.Storage;
using Azure.Storage.Blobs;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A Holdfast cluster in a real Azurite, used through the published agent: servers archive by <c>archive-push</c>, recoveries fetch by
/// <c>archive-get</c>. Each server that archives is a host of its own; restorers hold other keys than hosts do.
/// </summary>
public sealed class HoldfastArchive : IWalArchive, IDisposable
{
    private readonly ScratchFolder _scratch = new("ho");
    private readonly EcSigningKey _controlPlane = EcSigningKey.Generate();
    private readonly EqualityKey _equality = EqualityKey.Generate();
    private readonly AzuriteServer _azurite;
    private readonly StoreSettings _settings;
    private int _hosts;

    private HoldfastArchive(AzuriteServer azurite)
    {
        _azurite = azurite;
        _settings = new StoreSettings
        {
            Names = new ContainerNames($"c{Guid.NewGuid():N}"[..20]),
            Credential = new StoreCredential.SharedKey(azurite.AccountName, azurite.AccountKey),
            Endpoint = azurite.BlobEndpoint,
            QueueEndpoint = azurite.QueueEndpoint,
            CaFile = azurite.CaFile,
        };
    }

    /// <inheritdoc/>
    public string RestoreCommand => $"{Agent} archive-get --config={_scratch["restorer.conf"]} %f \"%p\"";

    private static string Agent => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") ?? throw new InvalidOperationException("HOLDFAST_TEST_AGENT is not set: run tests/run.sh");

    /// <summary>Makes the containers, the keys and the log's first entry.</summary>
    public static async Task<HoldfastArchive> CreateAsync(AzuriteServer azurite)
    {
        var archive = new HoldfastArchive(azurite);
        using var services = BlobServices.Open(archive._settings);
        await services.Admin.CreateAllAsync(default);
        var (content, index) = (archive.MakeKey("content"), archive.MakeKey("index"));
        await archive.AppendAsync(services, new ClusterCreated(archive._settings.Names.Cluster, $"{Guid.NewGuid():N}", archive._controlPlane.PublicKey, content, index, []));
        archive.WriteConfiguration("restorer", $"content-private-key-file = {archive._scratch["content.private.jwk"]}");
        return archive;
    }

    /// <inheritdoc/>
    public async Task<string> AdmitAsync(PostgresServer server)
    {
        var host = $"host{++_hosts}";
        var configuration = WriteConfiguration(host, $"content-key-file = {_scratch["content.jwk"]}\nindex-key-file = {_scratch["index.jwk"]}");
        var state = new StateFolder(_scratch[host, _settings.Names.Cluster]);
        using var identity = HostIdentity.Create(state);
        identity.Keep(state, _equality);
        ScratchFolder.GiveToServers(_scratch[host]);
        using var services = BlobServices.Open(_settings);
        using var token = EnrolmentToken.Generate();
        await AppendAsync(services, new EnrolmentTokenIssued(token.Grant(HostRole.Database)));
        var control = ControlFile.Parse(await File.ReadAllBytesAsync(Path.Combine(server.DataFolder, ControlFile.RelativePath)));
        var point = identity.Agreement.ExportParameters(false).Q;
        await AppendAsync(services, new HostRegistered(host, HostRole.Database, identity.Signing.PublicKey, new AgreementPublicKey([.. point.X!, .. point.Y!]), token.Hash,
            control.SystemIdentifier, control.Checkpoint.Timeline, control.Checkpoint.Redo));
        return $"{Agent} archive-push --config={configuration} %p";
    }

    /// <summary>Fetches one file as PostgreSQL would, with <paramref name="server"/>'s data directory as the current folder.</summary>
    public async Task<ProcessResult> GetAsync(PostgresServer server, string name, string destination) => await RunProcess.RunAsync(
        UnprivilegedUser.Command(Agent, "archive-get", $"--config={_scratch["restorer.conf"]}", name, destination), workingFolder: server.DataFolder);

    /// <inheritdoc/>
    public void Dispose()
    {
        _controlPlane.Dispose();
        _scratch.Dispose();
    }

    /// <summary>Deletes the blobs of one WAL file, as no host could.</summary>
    public async Task DeleteAsync(PostgresServer server, string segment)
    {
        using var services = BlobServices.Open(_settings);
        var control = ControlFile.Parse(await File.ReadAllBytesAsync(Path.Combine(server.DataFolder, ControlFile.RelativePath)));
        var name = BlobNames.WalSegment(control.SystemIdentifier, WalSegmentName.Parse(segment, control.WalSegmentSize));
        await new BlobContainerClient(new Uri($"{_azurite.BlobEndpoint}/{_settings.Names.Data}"), new StorageSharedKeyCredential(_azurite.AccountName, _azurite.AccountKey),
            new BlobClientOptions { Transport = _azurite.CreateTransport() }).DeleteBlobAsync(name);
    }

    private Task AppendAsync(BlobServices services, LogEvent logEvent)
    {
        var done = false;
        return new ClusterLog(services.Log, [_controlPlane.PublicKey]).AppendAsync(_ => done ? null : Once(), _controlPlane, TimeProvider.System, null, default);
        LogEvent Once()
        {
            done = true;
            return logEvent;
        }
    }

    private LoggedKey MakeKey(string name)
    {
        using var key = RsaKey.Generate();
        File.WriteAllBytes(_scratch[$"{name}.jwk"], JsonWebKey.Write(key, withPrivate: false));
        File.WriteAllBytes(_scratch[$"{name}.private.jwk"], JsonWebKey.Write(key, withPrivate: true));
        return new LoggedKey(key.Thumbprint, $"{name}.jwk");
    }

    private string WriteConfiguration(string host, string keys)
    {
        Directory.CreateDirectory(_scratch[host, "spool"]);
        ScratchFolder.GiveToServers(_scratch[host]);
        File.WriteAllText(_scratch[$"{host}.conf"], $"""
            [{_settings.Names.Cluster}]
            repo-endpoint = {_azurite.BlobEndpoint}
            repo-auth = shared-key
            repo-account = {_azurite.AccountName}
            repo-key = {_azurite.AccountKey}
            repo-ca-file = {_azurite.CaFile}
            control-plane-key = {PinnedKey.Format(_controlPlane.PublicKey)}
            state-path = {_scratch[host]}
            spool-path = {_scratch[host, "spool"]}
            archive-get-timeout = 1s
            {keys}

            """);
        return _scratch[$"{host}.conf"];
    }
}
