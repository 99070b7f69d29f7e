namespace Holdfast.Core.Repository;

/// <summary>
/// Who we are to the store: always one kind, chosen by name. There is no search through environment, files and endpoints (DefaultAzureCredential):
/// which identity wrote a backup must not depend on what else is installed on the machine. ToString names the kind only.
/// </summary>
public abstract record StoreCredential
{
    private StoreCredential()
    {
    }

    /// <summary>The kind, never the values.</summary>
    public sealed override string ToString() => GetType().Name;

    /// <summary>An Azure Storage connection string, with its own endpoints; for development and Azurite.</summary>
    public sealed record ConnectionString(string Value) : StoreCredential;

    /// <summary>The account's name and base64 key: may do everything, so for operators only.</summary>
    public sealed record SharedKey(string Account, string Key) : StoreCredential;

    /// <summary>One SAS token (the part after the question mark) for the whole account.</summary>
    public sealed record AccountSas(string Token) : StoreCredential;

    /// <summary>One SAS token for each container, the queue and the journal's table; null where this role has no access.</summary>
    public sealed record ContainerSas(
        string? Data, string? Log, string? Catalog, string? Work, string? ReportsQueue = null, string? JournalTable = null) : StoreCredential;

    /// <summary>The machine's managed identity: the system's, or the user-assigned one with that client id.</summary>
    public sealed record ManagedIdentity(string? ClientId = null) : StoreCredential;

    /// <summary>Kubernetes' federated token; what is null comes from AZURE_TENANT_ID, AZURE_CLIENT_ID and AZURE_FEDERATED_TOKEN_FILE.</summary>
    public sealed record WorkloadIdentity(string? TenantId = null, string? ClientId = null, string? TokenFile = null) : StoreCredential;

    /// <summary>A service principal with a secret.</summary>
    public sealed record ClientSecret(string TenantId, string ClientId, string Secret) : StoreCredential;

    /// <summary>A service principal with a certificate and its key in a PEM or PKCS#12 file.</summary>
    public sealed record ClientCertificate(string TenantId, string ClientId, string CertificateFile) : StoreCredential;
}
