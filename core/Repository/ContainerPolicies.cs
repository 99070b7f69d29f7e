using System.Text.Json;
using System.Text.Json.Serialization;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Holdfast.Core.Repository;

/// <summary>A container's time-based immutability policy.</summary>
/// <param name="Days">For how long after its creation a blob can be neither changed nor deleted.</param>
/// <param name="IsLocked">Whether nobody can shorten or remove the policy.</param>
public sealed record ContainerPolicy(int Days, bool IsLocked);

/// <summary>
/// Reads the immutability policies of an account's containers from Azure Resource Manager: the Blob service itself says only whether there is one. Needs
/// Microsoft.Storage/storageAccounts/blobServices/containers/read, and changes nothing.
/// </summary>
public sealed class ContainerPolicies : IDisposable
{
    private const string ApiVersion = "2023-05-01";

    /// <summary>A container's description has some 1 KiB.</summary>
    private const int MaxBody = 64 << 10;

    private readonly Uri _containers;
    private readonly HttpPipeline _pipeline;
    private readonly StoreCalls _calls;
    private readonly HttpClient? _http;

    internal ContainerPolicies(Uri manager, string accountId, TokenCredential credential, HttpPipelineTransport transport, StoreCalls calls, HttpClient? http = null)
    {
        (_containers, _calls, _http) = (new Uri(manager, $"{accountId.TrimEnd('/')}/blobServices/default/containers/"), calls, http);
        _pipeline = RestPipeline.Build(transport, new BearerTokenAuthenticationPolicy(credential, new Uri(manager, ".default").AbsoluteUri));
    }

    /// <summary>Opens them. Makes no request.</summary>
    /// <param name="manager">Azure Resource Manager of the cloud, such as https://management.azure.com/.</param>
    /// <param name="accountId">The account's resource id: /subscriptions/…/storageAccounts/NAME.</param>
    /// <param name="settings">As whom.</param>
    /// <exception cref="ConfigurationException">The credential is no identity, or the id is none.</exception>
    public static ContainerPolicies Open(Uri manager, string accountId, StoreSettings settings)
    {
        if (manager.Scheme != Uri.UriSchemeHttps) throw new ConfigurationException($"the resource manager is at {manager}, which is not https", "take environment().resourceManager of the cloud");
        if (!accountId.StartsWith("/subscriptions/", StringComparison.OrdinalIgnoreCase) || accountId.Contains("..", StringComparison.Ordinal) || accountId.AsSpan().IndexOfAny("?#") >= 0)
            throw new ConfigurationException($"\"{accountId}\" is no resource id of a storage account", "it looks like /subscriptions/…/resourceGroups/…/providers/Microsoft.Storage/storageAccounts/NAME");
        var http = StoreTransport.CreateClient(settings.CaFile);
        var transport = new HttpClientTransport(http);
        var credential = StoreIdentity.Of(settings.Credential, settings.AuthorityHost, transport)
            ?? throw new ConfigurationException($"Azure Resource Manager takes an identity, not a {settings.Credential}", "use a managed identity");
        var calls = new StoreCalls(settings.Calls) { Service = RemoteService.ResourceManager };
        return new ContainerPolicies(manager, accountId, credential, transport, calls, http);
    }

    /// <summary>A container's policy; null when it has none, or there is no such container.</summary>
    /// <exception cref="StoreException">It could not be asked.</exception>
    public Task<ContainerPolicy?> ReadAsync(string container, CancellationToken cancellationToken)
    {
        var call = new StoreCall("read the immutability policy of", container, null);
        return _calls.RunAsync(call, async token =>
        {
            using var message = RestPipeline.Message(_pipeline, RequestMethod.Get, new Uri(_containers, $"{Uri.EscapeDataString(container)}?api-version={ApiVersion}"));
            await _pipeline.SendAsync(message, token).ConfigureAwait(false);
            var response = message.Response;
            var body = await RestPipeline.ReadBodyAsync(response, MaxBody, token).ConfigureAwait(false);
            if (response.Status == 404) return null;
            if (response.Status != 200) throw new RequestFailedException(response);
            return PolicyOf(body ?? throw NotUnderstood(call), call);
        }, cancellationToken);
    }

    /// <inheritdoc/>
    public void Dispose() => _http?.Dispose();

    private static ContainerPolicy? PolicyOf(byte[] body, StoreCall call)
    {
        try
        {
            var properties = JsonSerializer.Deserialize(body, ContainerJson.Default.ContainerBody)?.Properties ?? throw NotUnderstood(call);
            return properties.ImmutabilityPolicy?.Properties is { ImmutabilityPeriodSinceCreationInDays: > 0 and var days } policy
                ? new ContainerPolicy(days, string.Equals(policy.State, "Locked", StringComparison.OrdinalIgnoreCase)) : null;
        }
        catch (JsonException)
        {
            throw NotUnderstood(call);
        }
    }

    private static StoreException NotUnderstood(StoreCall call) => new($"{call}: an answer that is not the resource manager's", StoreFailure.ProxyHint);
}

// Bodies of the REST reference (learn.microsoft.com/rest/api/storagerp/blob-containers/get), as far as they are used.

internal sealed record ContainerBody(ContainerProperties? Properties);

internal sealed record ContainerProperties(PolicyBody? ImmutabilityPolicy);

internal sealed record PolicyBody(PolicyProperties? Properties);

internal sealed record PolicyProperties(int? ImmutabilityPeriodSinceCreationInDays, string? State);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
[JsonSerializable(typeof(ContainerBody))]
internal sealed partial class ContainerJson : JsonSerializerContext;
