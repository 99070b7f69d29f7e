using Azure.Core;
using Azure.Core.Pipeline;
using Azure.Identity;

namespace Holdfast.Core.Repository;

/// <summary>Makes the one identity that a <see cref="StoreCredential"/> names, over the caller's own HTTP stack.</summary>
internal static class StoreIdentity
{
    /// <summary>The identity's tokens; null when the credential is none.</summary>
    /// <param name="credential">Who we are.</param>
    /// <param name="authorityHost">As in <see cref="StoreSettings.AuthorityHost"/>.</param>
    /// <param name="transport">How tokens are asked for.</param>
    public static TokenCredential? Of(StoreCredential credential, Uri? authorityHost, HttpPipelineTransport transport) => credential switch
    {
        StoreCredential.ManagedIdentity it => new ManagedIdentityCredential(Ask(new ManagedIdentityCredentialOptions(
            it.ClientId is null ? ManagedIdentityId.SystemAssigned : ManagedIdentityId.FromUserAssignedClientId(it.ClientId)), authorityHost, transport)),
        StoreCredential.WorkloadIdentity it => new WorkloadIdentityCredential(Workload(it, authorityHost, transport)),
        StoreCredential.ClientSecret it => new ClientSecretCredential(it.TenantId, it.ClientId, it.Secret,
            Ask(new ClientSecretCredentialOptions { DisableInstanceDiscovery = IsDisconnected(authorityHost) }, authorityHost, transport)),
        StoreCredential.ClientCertificate it => new ClientCertificateCredential(it.TenantId, it.ClientId, it.CertificateFile,
            Ask(new ClientCertificateCredentialOptions { DisableInstanceDiscovery = IsDisconnected(authorityHost) }, authorityHost, transport)),
        _ => null,
    };

    // A token request is made within a store call, whose funnel retries and limits it; the SDK's own retries would multiply them.
    private static T Ask<T>(T options, Uri? authorityHost, HttpPipelineTransport transport) where T : TokenCredentialOptions
    {
        options.Transport = transport;
        options.Retry.MaxRetries = 0;
        options.Diagnostics.IsLoggingEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        if (authorityHost is not null) options.AuthorityHost = StoreSettings.CheckEndpoint(authorityHost, "repo-authority-host");
        return options;
    }

    // Where Azure's own clouds are not reached, nor is login.microsoftonline.com, which would be asked whether the authority is one of them.
    private static bool IsDisconnected(Uri? authorityHost) => authorityHost is not null
        && !((Uri[])[AzureAuthorityHosts.AzurePublicCloud, AzureAuthorityHosts.AzureGovernment, AzureAuthorityHosts.AzureChina]).Any(known => known.Host == authorityHost.Host);

    private static WorkloadIdentityCredentialOptions Workload(StoreCredential.WorkloadIdentity it, Uri? authorityHost, HttpPipelineTransport transport)
    {
        var options = Ask(new WorkloadIdentityCredentialOptions { DisableInstanceDiscovery = IsDisconnected(authorityHost) }, authorityHost, transport);
        if (it.TenantId is not null) options.TenantId = it.TenantId;
        if (it.ClientId is not null) options.ClientId = it.ClientId;
        if (it.TokenFile is not null) options.TokenFilePath = it.TokenFile;
        return options;
    }
}
