using System.Net.Http.Headers;
using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core.Api;

namespace Holdfast.Core.Repository;

/// <summary>How a control plane is asked: over the store's HTTP stack, each request with the key to it or with a token of one identity for it.</summary>
public static class ControlPlaneCaller
{
    /// <summary>A client of the embedded one. Makes no request.</summary>
    /// <param name="key">The key to its HTTP interface.</param>
    /// <param name="caFile">As in <see cref="StoreSettings.CaFile"/>.</param>
    /// <exception cref="ConfigurationException">The file has no certificates or cannot be read.</exception>
    public static HttpClient ByKey(string key, string? caFile)
    {
        var http = StoreTransport.CreateClient(caFile);
        http.DefaultRequestHeaders.TryAddWithoutValidation(ApiContract.KeyHeader, key);
        return http;
    }

    /// <summary>A client of the one in Azure, which Entra guards. Makes no request.</summary>
    /// <param name="application">The application's id; tokens are asked for api://id/.default.</param>
    /// <param name="credential">As whom.</param>
    /// <param name="authorityHost">As in <see cref="StoreSettings.AuthorityHost"/>.</param>
    /// <param name="caFile">As in <see cref="StoreSettings.CaFile"/>.</param>
    /// <param name="calls">Limits of asking for a token; the request itself is not repeated.</param>
    /// <exception cref="ConfigurationException">The credential is no identity, or malformed.</exception>
    public static HttpClient ByIdentity(Guid application, StoreCredential credential, Uri? authorityHost, string? caFile, StoreCallOptions calls)
    {
        var stack = StoreTransport.CreateHandler(caFile);
        try
        {
            var identity = StoreIdentity.Of(credential, authorityHost, new HttpClientTransport(new HttpClient(stack, disposeHandler: false)))
                ?? throw new ConfigurationException($"the control plane in Azure takes an identity, not a {credential}", "set repo-auth=managed, workload or service-principal");
            return new HttpClient(new WithToken(stack, identity, application, new StoreCalls(calls)));
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ConfigurationException($"the {credential} is malformed ({e.GetType().Name})", "copy it again, whole and without quotes");
        }
    }

    private sealed class WithToken(HttpMessageHandler stack, TokenCredential identity, Guid application, StoreCalls calls) : DelegatingHandler(stack)
    {
        private readonly TokenRequestContext _scope = new([$"api://{application}/.default"]);

        protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
        {
            // The identity keeps its token as long as it is good.
            var token = await calls.RunAsync(new StoreCall("get a token for", $"api://{application}", null), cancel => identity.GetTokenAsync(_scope, cancel).AsTask(), cancellationToken).ConfigureAwait(false);
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", token.Token);
            return await base.SendAsync(request, cancellationToken).ConfigureAwait(false);
        }
    }
}
