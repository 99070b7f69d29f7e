using System.Collections.Frozen;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Hosting;

namespace Holdfast.Functions.Embedded;

/// <summary>One cluster, as the configuration that <c>holdfast init</c> wrote names it: its keys are read, nothing was asked of the store.</summary>
/// <param name="Settings">All that any host needs.</param>
/// <param name="AdminKey">The API key that may do everything.</param>
/// <param name="OperatorKey">The API key that hosts and operators have; null: none.</param>
public sealed record ClusterConfiguration(ClusterSettings Settings, string AdminKey, string? OperatorKey)
{
    /// <summary>What a section may say; a secret also by the name of a file.</summary>
    public static readonly FrozenSet<string> Options = new[]
    {
        "control-plane-url", "control-plane-app", "control-plane-key", "control-plane-api-key", "control-plane-api-key-file", "control-plane-operator-key", "control-plane-operator-key-file",
        "signing-key-file", "index-private-key-file", "content-key-file", "escrow-key-file", "equality-key-file",
        "signing-key", "index-key", "content-key", "escrow-key", "key-vault-auth",
        "repo-endpoint", "repo-queue-endpoint", "repo-table-endpoint", "repo-authority-host", "repo-ca-file", "repo-timeout", "repo-auth", "repo-account", "repo-connection-string", "repo-connection-string-file", "repo-key", "repo-key-file",
        "repo-sas-data", "repo-sas-data-file", "repo-sas-log", "repo-sas-log-file", "repo-sas-catalog", "repo-sas-catalog-file", "repo-sas-work", "repo-sas-work-file",
        "repo-sas-queue", "repo-sas-queue-file", "repo-sas-journal", "repo-sas-journal-file",
        "repo-client-id", "repo-tenant-id", "repo-token-file", "repo-client-certificate", "repo-client-secret", "repo-client-secret-file",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <summary>Reads a cluster's section. Keys in Key Vault are named, and not asked for yet: a vault that is away delays work, not the start.</summary>
    /// <exception cref="ConfigurationException">An option is missing or wrong, a key cannot be read.</exception>
    public static ClusterConfiguration Read(ConfigurationSection options)
    {
        var keys = new ClusterKeys(options);
        return new ClusterConfiguration(
            new ClusterSettings(StoreOf(options), keys.Signing(), keys.Index(), keys.Recipients(), options.ReadKey("equality-key-file", (bytes, source) => EqualityKey.Parse(bytes, source))),
            options.Secret("control-plane-api-key"), options.FindSecret("control-plane-operator-key"));
    }

    private static StoreSettings StoreOf(ConfigurationSection options) => new()
    {
        Names = new ContainerNames(options.Cluster),
        Credential = CredentialOf(options),
        Endpoint = options.FindUrl("repo-endpoint"),
        QueueEndpoint = options.FindUrl("repo-queue-endpoint"),
        TableEndpoint = options.FindUrl("repo-table-endpoint"),
        AuthorityHost = options.FindUrl("repo-authority-host"),
        CaFile = options.FindPath("repo-ca-file"),
        Calls = new StoreCallOptions
        {
            AttemptTimeout = options.FindSpan("repo-timeout", TimeSpan.FromSeconds(1), TimeSpan.FromHours(1)) ?? ClusterSettings.RequestTimeout, Deadline = ClusterSettings.StoreDeadline,
        },
    };

    /// <summary>As whom and how Key Vault is asked.</summary>
    internal static KeyVaultSettings VaultsOf(ConfigurationSection options) => new()
    {
        Credential = (options.Find("key-vault-auth") ?? "repo", options.Find("repo-auth")) switch
        {
            ("workload", _) or ("repo", "workload") => Workload(options),
            ("service-principal", _) or ("repo", "service-principal") => ServicePrincipal(options),
            ("repo" or "managed", _) => Managed(options),
            _ => throw options.Wrong("key-vault-auth", "one of repo, managed, workload, service-principal"),
        },
        AuthorityHost = options.FindUrl("repo-authority-host"),
        CaFile = options.FindPath("repo-ca-file"),
        Calls = new StoreCallOptions { AttemptTimeout = ClusterSettings.RequestTimeout, Deadline = ClusterSettings.StoreDeadline },
    };

    private static StoreCredential CredentialOf(ConfigurationSection options) => options.Find("repo-auth") switch
    {
        "sas" => new StoreCredential.ContainerSas(options.FindSecret("repo-sas-data"), options.FindSecret("repo-sas-log"), options.FindSecret("repo-sas-catalog"),
            options.FindSecret("repo-sas-work"), options.FindSecret("repo-sas-queue"), options.FindSecret("repo-sas-journal")),
        "connection-string" => new StoreCredential.ConnectionString(options.Secret("repo-connection-string")),
        "shared-key" => new StoreCredential.SharedKey(options.Get("repo-account"), options.Secret("repo-key")),
        "managed" or null => Managed(options),
        "workload" => Workload(options),
        "service-principal" => ServicePrincipal(options),
        _ => throw options.Wrong("repo-auth", "one of connection-string, shared-key, sas, managed, workload, service-principal"),
    };

    private static StoreCredential.ManagedIdentity Managed(ConfigurationSection options) => new(options.Find("repo-client-id"));

    private static StoreCredential.WorkloadIdentity Workload(ConfigurationSection options) => new(options.Find("repo-tenant-id"), options.Find("repo-client-id"), options.FindPath("repo-token-file"));

    private static StoreCredential ServicePrincipal(ConfigurationSection options) => options.FindPath("repo-client-certificate") is { } file
        ? new StoreCredential.ClientCertificate(options.Get("repo-tenant-id"), options.Get("repo-client-id"), file)
        : new StoreCredential.ClientSecret(options.Get("repo-tenant-id"), options.Get("repo-client-id"), options.Secret("repo-client-secret"));
}
