using System.Collections.Immutable;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Init;

/// <summary>
/// Makes a cluster. Order is everything: keys and configurations are durable before log/0 is written, for log/0 makes the cluster exist. A crash
/// before it leaves files that the next run goes on with; a crash after it leaves at most files that the next run completes.
/// </summary>
internal sealed class Initializer(CommandContext context, BlobServices services)
{
    private const string KitFile = "recovery-kit.json";

    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private readonly StateFolder _folder = new(Path.Combine(context.Options.Get(OptionTable.KeyPath), services.Names.Cluster));
    private readonly List<string> _written = [];

    /// <summary>Told after each file and blob; a test throws from it.</summary>
    public Action<string> Reached { get; init; } = _ => { };

    /// <summary>{key-path}/{cluster}.</summary>
    public string Folder => _folder.Path;

    /// <summary>Files written by this run.</summary>
    public IReadOnlyList<string> Written => _written;

    /// <summary>Whether the operator's credential is an identity: then every role has one of its own, and no secret is written.</summary>
    public bool UsesIdentity => context.Options.Get(OptionTable.RepoAuth)
        is RepositoryAuthentication.Managed or RepositoryAuthentication.Workload or RepositoryAuthentication.ServicePrincipal;

    /// <summary>When the SAS tokens made now expire.</summary>
    public DateTimeOffset SasExpires => context.Clock.GetUtcNow().AddDays(context.Options.Get(OptionTable.SasDays));

    /// <summary>Whether the cluster exists, made with the keys in the folder.</summary>
    /// <exception cref="RefusedException">It exists with other keys.</exception>
    public async Task<bool> ExistsAsync(CancellationToken cancellationToken)
    {
        if (await ReadFirstEntryAsync(cancellationToken).ConfigureAwait(false) is not { } bytes) return false;
        return ClusterKeys.TryLoadPinned(_folder) is { } pinned && IsSignedBy(bytes, pinned) ? true : throw ExistsAlready();
    }

    /// <summary>Whether nothing of an existing cluster's folder is missing.</summary>
    public bool IsComplete() => _folder.Read(KitFile) is not null && new[] { "agent", "control-plane", "restorer" }.All(role => _folder.Read(role + "/holdfast.conf") is not null)
        && new[] { ClusterKeys.ContentFile, ClusterKeys.IndexFile, ClusterKeys.EscrowFile }.All(file => _folder.Read(ClusterKeys.PublicFile(file)) is not null);

    /// <summary>Makes what is missing.</summary>
    /// <param name="exists">What <see cref="ExistsAsync"/> said.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<LogView> RunAsync(bool exists, CancellationToken cancellationToken)
    {
        if (exists && IsComplete()) return await ReadLogAsync(cancellationToken).ConfigureAwait(false);
        MakeFolders();
        using var keys = await ClusterKeys.LoadAsync(_folder, context.Options, mayMake: !exists, Write, cancellationToken).ConfigureAwait(false);
        var address = Address(keys.Signing.PublicKey);
        ApiKeys.Complete(_folder, Write);
        await WriteConfigurationsAsync(address, keys, cancellationToken).ConfigureAwait(false);
        foreach (var made in await services.Admin.CreateAllAsync(cancellationToken).ConfigureAwait(false)) Reached(made);
        var view = await WriteLogAsync(keys, cancellationToken).ConfigureAwait(false);
        Reached(LogEntry.BlobName(0));
        CheckKeys(view.State.Cluster!, keys);
        if (_folder.Read(KitFile) is null) Write(KitFile, RecoveryKit.Of(address, view).Write());
        return view;
    }

    private ClusterAddress Address(VerifyingKey controlPlane)
    {
        var blobs = services.Admin.BlobEndpoint;
        Uri? Named(string service, Uri url) => url == new UriBuilder(blobs) { Host = blobs.Host.Replace(".blob.", $".{service}.", StringComparison.Ordinal) }.Uri ? null : url;
        return new ClusterAddress(services.Names.Cluster, blobs, Named("queue", services.Admin.QueueEndpoint), Named("table", services.Admin.TableEndpoint),
            context.Options.Find(OptionTable.RepoCaFile) is not null, controlPlane, context.Options.TryGet(OptionTable.ControlPlaneUrl, out var url) ? url : new Uri(ApiContract.DefaultUrl),
            context.Options.TryGet(OptionTable.ControlPlaneApp, out var application) ? application : null);
    }

    private void MakeFolders()
    {
        try
        {
            var above = Path.GetDirectoryName(Folder)!;
            Directory.CreateDirectory(above);
            foreach (var folder in new[] { "", "agent", "control-plane", "restorer", "escrow" }) Directory.CreateDirectory(Path.Combine(Folder, folder), OwnerOnly);
            foreach (var folder in new[] { Folder, above, Path.GetDirectoryName(above) ?? "/" }) StateFolder.SyncFolder(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{Folder} cannot be made: {e.Message}", "name a folder that you may write to: --key-path=…", e);
        }
    }

    private async Task WriteConfigurationsAsync(ClusterAddress address, ClusterKeys keys, CancellationToken cancellationToken)
    {
        var access = new RoleAccess(services.Admin, services.Names, SasExpires);
        await WriteConfigurationAsync("agent", access.AgentAsync, credential => RoleConfigurations.Agent(address, credential, keys.Token is not null), cancellationToken).ConfigureAwait(false);
        await WriteConfigurationAsync("control-plane", access.ControlPlaneAsync,
            credential => RoleConfigurations.ControlPlane(address, credential, _folder.Read(ClusterKeys.IndexFile) is not null, KeysInVault.Of(context.Options)), cancellationToken).ConfigureAwait(false);
        await WriteConfigurationAsync("restorer", access.RestorerAsync,
            credential => RoleConfigurations.Restorer(address, credential, _folder.Read(ClusterKeys.ContentFile) is not null, KeysInVault.Of(context.Options)), cancellationToken).ConfigureAwait(false);
    }

    private async Task WriteConfigurationAsync(
        string role, Func<CancellationToken, Task<StoreCredential>> access, Func<StoreCredential, string> text, CancellationToken cancellationToken)
    {
        if (context.Options.Find(OptionTable.RepoCaFile) is { } authority && _folder.Read($"{role}/{RoleConfigurations.AuthorityFile}") is null)
            Write($"{role}/{RoleConfigurations.AuthorityFile}", Recipients.Read(authority));
        if (_folder.Read($"{role}/holdfast.conf") is not null) return;
        var credential = UsesIdentity ? new StoreCredential.ManagedIdentity() : await access(cancellationToken).ConfigureAwait(false);
        Write($"{role}/holdfast.conf", Encoding.UTF8.GetBytes(text(credential)));
    }

    private async Task<LogView> WriteLogAsync(ClusterKeys keys, CancellationToken cancellationToken)
    {
        static LoggedKey Named(RsaKey key, string file) => new(key.Thumbprint, key.KeyId == key.Thumbprint.ToString() ? Path.GetFileName(file) : key.KeyId);
        ImmutableList<TokenGrant> tokens = keys.Token is { } token ? [token.Grant(HostRole.Database)] : [];
        var created = new ClusterCreated(services.Names.Cluster, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(16)), keys.Signing.PublicKey,
            Named(keys.Content, ClusterKeys.ContentFile), Named(keys.Index, ClusterKeys.IndexFile), tokens, Named(keys.Escrow, ClusterKeys.EscrowFile));
        var log = new ClusterLog(services.Log, [keys.Signing.PublicKey], services.Names.Cluster);
        try
        {
            return await log.AppendAsync(state => state.Cluster is null ? created : null, keys.Signing, context.Clock, null, cancellationToken).ConfigureAwait(false);
        }
        catch (DamagedException)
        {
            // Somebody else's init was faster: what is there is no damage, but another cluster.
            if (await ReadFirstEntryAsync(cancellationToken).ConfigureAwait(false) is { } bytes && !IsSignedBy(bytes, keys.Signing.PublicKey)) throw ExistsAlready();
            throw;
        }
    }

    private async Task<LogView> ReadLogAsync(CancellationToken cancellationToken)
    {
        return await new ClusterLog(services.Log, [ClusterKeys.TryLoadPinned(_folder)!], services.Names.Cluster).ReadStateAsync(null, cancellationToken).ConfigureAwait(false);
    }

    private void CheckKeys(ClusterFacts facts, ClusterKeys keys)
    {
        foreach (var (file, logged, found) in new[]
                 {
                     (ClusterKeys.ContentFile, facts.ContentKey, keys.Content),
                     (ClusterKeys.IndexFile, facts.IndexKey, keys.Index),
                     (ClusterKeys.EscrowFile, facts.EscrowKey, keys.Escrow),
                 })
            if (logged is not null && logged.Thumbprint != found.Thumbprint && !IsLaterVersion(logged.KeyId, found.KeyId))
                throw new RefusedException($"{_folder.FileName(ClusterKeys.PublicFile(file))} is key {found.Thumbprint.Short}, but cluster {facts.Name} was created with {logged.Thumbprint.Short}",
                    "what is sealed to the wrong key cannot be opened with the cluster's: bring the right file back, and remove the confs that init made now");
    }

    /// <summary>Whether both are versions of one key in Key Vault, the operator's own.</summary>
    private static bool IsLaterVersion(string logged, string found) =>
        KeyVaultKeyId.TryParse(logged, out var first) && KeyVaultKeyId.TryParse(found, out var later) && first.IsSameKey(later);

    /// <summary>log/0, whoever signed it; null when it is absent, also because its container is.</summary>
    private async Task<ReadOnlyMemory<byte>?> ReadFirstEntryAsync(CancellationToken cancellationToken)
    {
        try
        {
            return (await services.Log.ReadAsync(LogEntry.BlobName(0), 0, LogEntryCodec.MaxEntryBytes, cancellationToken).ConfigureAwait(false))?.Bytes;
        }
        catch (StoreCallException e) when (e is { Status: 404, ErrorCode: "ContainerNotFound" })
        {
            return null;
        }
    }

    private static bool IsSignedBy(ReadOnlyMemory<byte> entry, VerifyingKey key)
    {
        try
        {
            return LogEntryCodec.Decode(entry, 0, [key]).Entry.Signer == key.Thumbprint;
        }
        catch (DamagedException)
        {
            return false;
        }
    }

    private RefusedException ExistsAlready() => new(
        $"cluster {services.Names.Cluster} exists already in {services.Admin.BlobEndpoint}, and its keys are not in {Folder}",
        "to add a host to it: holdfast token. To make another cluster, choose another name. If an earlier init made it, give that one's --key-path");

    private void Write(string file, byte[] content)
    {
        _folder.Write(file, content);
        _written.Add(file);
        context.Log.Debug(string.Create(CultureInfo.InvariantCulture, $"wrote {_folder.FileName(file)}, {content.Length} bytes"));
        Reached(file);
    }
}
