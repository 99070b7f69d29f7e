using System.Text;
using Holdfast.Agent.Options;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Init;

/// <summary>Where the cluster is, as every role's configuration says it.</summary>
/// <param name="Cluster">Its name, the section.</param>
/// <param name="Endpoint">The blob service.</param>
/// <param name="QueueEndpoint">The queue service; null when it is derived from the other.</param>
/// <param name="TableEndpoint">The table service; null when it is derived from the other.</param>
/// <param name="HasAuthority">Whether a ca.pem lies beside each configuration.</param>
/// <param name="ControlPlaneKey">Pinned.</param>
/// <param name="ControlPlaneUrl">Where the control plane listens.</param>
/// <param name="ControlPlaneApp">The application that it is in Azure; null when it is asked with a key.</param>
internal sealed record ClusterAddress(
    string Cluster, Uri Endpoint, Uri? QueueEndpoint, Uri? TableEndpoint, bool HasAuthority, VerifyingKey ControlPlaneKey, Uri ControlPlaneUrl, Guid? ControlPlaneApp = null);

/// <summary>The keys that are in Key Vault, by role; null: in a file. The escrow key is named nowhere: it is for the day on which somebody does.</summary>
internal readonly record struct KeysInVault(KeyVaultKeyId? Signing, KeyVaultKeyId? Index, KeyVaultKeyId? Content)
{
    /// <summary>The options that name them, the escrow key's too.</summary>
    public static IReadOnlyList<OptionRow<KeyVaultKeyId>> Rows { get; } = [OptionTable.ContentKey, OptionTable.EscrowKey, OptionTable.IndexKey, OptionTable.SigningKey];

    /// <summary>As the options of init say.</summary>
    public static KeysInVault Of(ResolvedOptions options)
    {
        KeyVaultKeyId? Find(OptionRow<KeyVaultKeyId> row) => options.TryGet(row, out var id) ? id : null;
        return new KeysInVault(Find(OptionTable.SigningKey), Find(OptionTable.IndexKey), Find(OptionTable.ContentKey));
    }
}

/// <summary>The configuration files that init writes, one for each role. Paths in them are relative: each folder can be copied as a whole. Pure.</summary>
internal static class RoleConfigurations
{
    /// <summary>Beside each configuration, when the store's certificate is not of the system's authorities.</summary>
    public const string AuthorityFile = "ca.pem";

    /// <summary>A database host's: seals to public keys, holds none of the private ones.</summary>
    public static string Agent(ClusterAddress address, StoreCredential credential, bool hasToken)
    {
        var text = Start(address, credential, "a database host: copy this folder there as a whole, for the user that PostgreSQL runs as");
        Add(text, OptionTable.ContentKeyFile, Path.GetFileName(ClusterKeys.ContentFile));
        Add(text, OptionTable.IndexKeyFile, Path.GetFileName(ClusterKeys.IndexFile));
        Add(text, OptionTable.EscrowKeyFile, Path.GetFileName(ClusterKeys.EscrowFile));
        if (hasToken) Add(text, OptionTable.EnrolmentTokenFile, Path.GetFileName(ClusterKeys.TokenFile));
        AddControlPlane(text, address, ApiKeys.OperatorFile);
        return text.ToString();
    }

    /// <summary>The control plane's: signs the log, reads the index, opens no content.</summary>
    public static string ControlPlane(ClusterAddress address, StoreCredential credential, bool hasIndexKey, KeysInVault inVault = default)
    {
        var text = Start(address, credential, "the control plane: whoever has this folder decides what the cluster's log says");
        Add(text, OptionTable.RepoTableEndpoint, address.TableEndpoint?.AbsoluteUri.TrimEnd('/'));
        Add(text, OptionTable.RepoSasJournal, (credential as StoreCredential.ContainerSas)?.JournalTable);
        if (inVault.Signing is null) Add(text, OptionTable.SigningKeyFile, Path.GetFileName(ClusterKeys.SigningFile));
        Add(text, OptionTable.SigningKey, inVault.Signing?.ToString());
        Add(text, OptionTable.EqualityKeyFile, Path.GetFileName(ClusterKeys.EqualityFile));
        if (hasIndexKey) Add(text, OptionTable.IndexPrivateKeyFile, Path.GetFileName(ClusterKeys.IndexFile));
        Add(text, OptionTable.IndexKey, inVault.Index?.ToString());
        // Public halves: manifests are sealed to those who restore.
        Add(text, OptionTable.ContentKeyFile, Path.GetFileName(ClusterKeys.ContentFile));
        Add(text, OptionTable.EscrowKeyFile, Path.GetFileName(ClusterKeys.EscrowFile));
        AddControlPlane(text, address, ApiKeys.AdminFile);
        Add(text, OptionTable.ControlPlaneOperatorKeyFile, Path.GetFileName(ApiKeys.OperatorFile));
        return text.ToString();
    }

    /// <summary>A restorer's: reads everything, writes nothing.</summary>
    public static string Restorer(ClusterAddress address, StoreCredential credential, bool hasContentKey, KeysInVault inVault = default)
    {
        var text = Start(address, credential, "restorers: whoever has this folder can read all backups; keep it away from the database host");
        if (hasContentKey) Add(text, OptionTable.ContentPrivateKeyFile, Path.GetFileName(ClusterKeys.ContentFile));
        Add(text, OptionTable.ContentKey, inVault.Content?.ToString());
        return text.ToString();
    }

    private static StringBuilder Start(ClusterAddress address, StoreCredential credential, string whom)
    {
        var text = new StringBuilder($"# Written by holdfast init for {whom}.\n# Relative paths are meant from this file's folder.\n[{address.Cluster}]\n");
        Add(text, OptionTable.RepoEndpoint, address.Endpoint.AbsoluteUri.TrimEnd('/'));
        Add(text, OptionTable.RepoQueueEndpoint, address.QueueEndpoint?.AbsoluteUri.TrimEnd('/'));
        if (address.HasAuthority) Add(text, OptionTable.RepoCaFile, AuthorityFile);
        if (credential is StoreCredential.ContainerSas sas)
        {
            Add(text, OptionTable.RepoAuth, "sas");
            Add(text, OptionTable.RepoSasData, sas.Data);
            Add(text, OptionTable.RepoSasLog, sas.Log);
            Add(text, OptionTable.RepoSasCatalog, sas.Catalog);
            Add(text, OptionTable.RepoSasWork, sas.Work);
            Add(text, OptionTable.RepoSasQueue, sas.ReportsQueue);
        }
        else Add(text, OptionTable.RepoAuth, "managed");
        Add(text, OptionTable.ControlPlaneKey, PinnedKey.Format(address.ControlPlaneKey));
        return text;
    }

    private static void AddControlPlane(StringBuilder text, ClusterAddress address, string keyFile)
    {
        Add(text, OptionTable.ControlPlaneUrl, address.ControlPlaneUrl.AbsoluteUri.TrimEnd('/'));
        if (address.ControlPlaneApp is { } application) Add(text, OptionTable.ControlPlaneApp, application.ToString());
        else Add(text, OptionTable.ControlPlaneApiKeyFile, Path.GetFileName(keyFile));
    }

    private static void Add(StringBuilder text, OptionRow row, string? value)
    {
        if (value is not null) text.Append(row.Name).Append('=').Append(value).Append('\n');
    }
}
