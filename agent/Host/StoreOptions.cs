using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Host;

/// <summary>From the repo-… options to the store's settings.</summary>
public static class StoreOptions
{
    /// <summary>How long a call of an operator's command goes on trying: a person waits, and can call again.</summary>
    public static readonly TimeSpan OperatorDeadline = TimeSpan.FromSeconds(60);

    /// <summary>The settings.</summary>
    /// <exception cref="ConfigurationException">An option that repo-auth needs is missing.</exception>
    public static StoreSettings From(ResolvedOptions options, TimeSpan deadline)
    {
        var attempt = options.Get(OptionTable.RepoTimeout);
        return new StoreSettings
        {
            Names = new ContainerNames(options.Get(OptionTable.Cluster)),
            Credential = Credential(options),
            Endpoint = options.TryGet(OptionTable.RepoEndpoint, out var endpoint) ? endpoint : null,
            QueueEndpoint = options.TryGet(OptionTable.RepoQueueEndpoint, out var queue) ? queue : null,
            AuthorityHost = options.TryGet(OptionTable.RepoAuthorityHost, out var authority) ? authority : null,
            TableEndpoint = options.TryGet(OptionTable.RepoTableEndpoint, out var table) ? table : null,
            CaFile = options.Find(OptionTable.RepoCaFile),
            Calls = new StoreCallOptions { AttemptTimeout = attempt < deadline ? attempt : deadline, Deadline = deadline },
        };
    }

    /// <summary>As whom and how Key Vault is asked.</summary>
    /// <exception cref="ConfigurationException">An option that key-vault-auth needs is missing.</exception>
    public static KeyVaultSettings KeyVault(ResolvedOptions options, TimeSpan deadline)
    {
        var attempt = options.Get(OptionTable.RepoTimeout);
        return new KeyVaultSettings
        {
            Credential = IdentityOf(options, options.Get(OptionTable.KeyVaultAuth)),
            AuthorityHost = options.TryGet(OptionTable.RepoAuthorityHost, out var authority) ? authority : null,
            CaFile = options.Find(OptionTable.RepoCaFile),
            Calls = new StoreCallOptions { AttemptTimeout = attempt < deadline ? attempt : deadline, Deadline = deadline },
        };
    }

    /// <summary>A client of the control plane: in Azure, when its application is named.</summary>
    /// <inheritdoc cref="KeyVault" path="/exception"/>
    public static HttpClient ControlPlane(ResolvedOptions options) => options.TryGet(OptionTable.ControlPlaneApp, out var application)
        ? ControlPlaneCaller.ByIdentity(application, IdentityOf(options, KeyVaultAuthentication.Repo), options.TryGet(OptionTable.RepoAuthorityHost, out var authority) ? authority : null,
            options.Find(OptionTable.RepoCaFile), new StoreCallOptions { AttemptTimeout = OperatorDeadline, Deadline = OperatorDeadline })
        : ControlPlaneCaller.ByKey(options.Get(OptionTable.ControlPlaneApiKey), options.Find(OptionTable.RepoCaFile));

    // Where the store is opened by something that is no identity, the machine's own is asked.
    private static StoreCredential IdentityOf(ResolvedOptions options, KeyVaultAuthentication wanted) => (wanted, options.Get(OptionTable.RepoAuth)) switch
    {
        (KeyVaultAuthentication.Workload, _) or (KeyVaultAuthentication.Repo, RepositoryAuthentication.Workload) => Workload(options),
        (KeyVaultAuthentication.ServicePrincipal, _) or (KeyVaultAuthentication.Repo, RepositoryAuthentication.ServicePrincipal) => ServicePrincipal(options),
        _ => Managed(options),
    };

    private static StoreCredential Credential(ResolvedOptions options) => options.Get(OptionTable.RepoAuth) switch
    {
        RepositoryAuthentication.ConnectionString => new StoreCredential.ConnectionString(options.Get(OptionTable.RepoConnectionString)),
        RepositoryAuthentication.SharedKey => new StoreCredential.SharedKey(options.Get(OptionTable.RepoAccount), options.Get(OptionTable.RepoKey)),
        RepositoryAuthentication.Sas => new StoreCredential.ContainerSas(options.Find(OptionTable.RepoSasData), options.Find(OptionTable.RepoSasLog),
            options.Find(OptionTable.RepoSasCatalog), options.Find(OptionTable.RepoSasWork), options.Find(OptionTable.RepoSasQueue)),
        RepositoryAuthentication.Managed => Managed(options),
        RepositoryAuthentication.Workload => Workload(options),
        _ => ServicePrincipal(options),
    };

    private static StoreCredential.ManagedIdentity Managed(ResolvedOptions options) => new(options.Find(OptionTable.RepoClientId));

    private static StoreCredential.WorkloadIdentity Workload(ResolvedOptions options) =>
        new(options.Find(OptionTable.RepoTenantId), options.Find(OptionTable.RepoClientId), options.Find(OptionTable.RepoTokenFile));

    private static StoreCredential ServicePrincipal(ResolvedOptions options) => options.Find(OptionTable.RepoClientCertificate) is { } certificate
        ? new StoreCredential.ClientCertificate(options.Get(OptionTable.RepoTenantId), options.Get(OptionTable.RepoClientId), certificate)
        : new StoreCredential.ClientSecret(options.Get(OptionTable.RepoTenantId), options.Get(OptionTable.RepoClientId), options.Get(OptionTable.RepoClientSecret));
}
