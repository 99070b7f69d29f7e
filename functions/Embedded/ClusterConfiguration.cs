using Azure.Core.Cryptography;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Embedded;

/// <summary>One cluster, as the configuration that <c>holdfast init</c> wrote names it: its keys are read, nothing was asked of the store.</summary>
/// <param name="Store">Where and as whom.</param>
/// <param name="Signing">The control plane's key.</param>
/// <param name="Index">Opens indexes.</param>
/// <param name="Recipients">Whom manifests are sealed to: content, index, escrow.</param>
/// <param name="Equality">Given to hosts that register.</param>
/// <param name="AdminKey">The API key that may do everything.</param>
/// <param name="OperatorKey">The API key that hosts and operators have; null: none.</param>
public sealed record ClusterConfiguration(
    StoreSettings Store, EcSigningKey Signing, Keyring Index, IReadOnlyList<Recipient> Recipients, EqualityKey Equality, string AdminKey, string? OperatorKey)
{
    /// <summary>How long a call to the store may go on trying: a workflow repeats what failed, and a client waits.</summary>
    public static readonly TimeSpan StoreDeadline = TimeSpan.FromSeconds(60);

    /// <summary>How long one request may take, unless repo-timeout says otherwise: the service gives up on most operations after that.</summary>
    public static readonly TimeSpan RequestTimeout = TimeSpan.FromSeconds(30);

    /// <summary>The cluster's name.</summary>
    public string Cluster => Store.Names.Cluster;

    /// <summary>Reads a cluster's section.</summary>
    /// <exception cref="ConfigurationException">An option is missing or wrong, a key cannot be read.</exception>
    public static ClusterConfiguration Read(ConfigurationSection options)
    {
        var index = options.ReadKey("index-private-key-file", (bytes, source) => JsonWebKey.ReadRsa(bytes, source, withPrivate: true));
        var recipients = new List<Recipient> { new(SlotPurpose.Index, index.Thumbprint, index) };
        foreach (var (purpose, option) in new[] { (SlotPurpose.Content, "content-key-file"), (SlotPurpose.Escrow, "escrow-key-file") })
        {
            if (options.Find(option) is null && purpose == SlotPurpose.Escrow) continue;
            var key = options.ReadKey(option, (bytes, source) => JsonWebKey.ReadRsa(bytes, source, withPrivate: false));
            recipients.Add(new Recipient(purpose, key.Thumbprint, key));
        }
        return new ClusterConfiguration(
            StoreOf(options),
            options.ReadKey("signing-key-file", (bytes, source) => JsonWebKey.ReadSigning(bytes, source)),
            new Keyring([(index.Thumbprint, (IKeyEncryptionKey)index)]), recipients,
            options.ReadKey("equality-key-file", (bytes, source) => EqualityKey.Parse(bytes, source)),
            options.Secret("control-plane-api-key"), options.FindSecret("control-plane-operator-key"));
    }

    private static StoreSettings StoreOf(ConfigurationSection options) => new()
    {
        Names = new ContainerNames(options.Cluster),
        Credential = CredentialOf(options),
        Endpoint = options.FindUrl("repo-endpoint"),
        QueueEndpoint = options.FindUrl("repo-queue-endpoint"),
        TableEndpoint = options.FindUrl("repo-table-endpoint"),
        CaFile = options.FindPath("repo-ca-file"),
        Calls = new StoreCallOptions
        {
            AttemptTimeout = options.FindSpan("repo-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)) ?? RequestTimeout, Deadline = StoreDeadline,
        },
    };

    private static StoreCredential CredentialOf(ConfigurationSection options) => options.Find("repo-auth") switch
    {
        "sas" => new StoreCredential.ContainerSas(options.FindSecret("repo-sas-data"), options.FindSecret("repo-sas-log"), options.FindSecret("repo-sas-catalog"),
            options.FindSecret("repo-sas-work"), options.FindSecret("repo-sas-queue"), options.FindSecret("repo-sas-journal")),
        "connection-string" => new StoreCredential.ConnectionString(options.Secret("repo-connection-string")),
        "shared-key" => new StoreCredential.SharedKey(options.Get("repo-account"), options.Secret("repo-key")),
        "managed" or null => new StoreCredential.ManagedIdentity(options.Find("repo-client-id")),
        "workload" => new StoreCredential.WorkloadIdentity(options.Find("repo-tenant-id"), options.Find("repo-client-id"), options.FindPath("repo-token-file")),
        "service-principal" when options.FindPath("repo-client-certificate") is { } file =>
            new StoreCredential.ClientCertificate(options.Get("repo-tenant-id"), options.Get("repo-client-id"), file),
        "service-principal" => new StoreCredential.ClientSecret(options.Get("repo-tenant-id"), options.Get("repo-client-id"), options.Secret("repo-client-secret")),
        _ => throw options.Wrong("repo-auth", "one of connection-string, shared-key, sas, managed, workload, service-principal"),
    };
}
