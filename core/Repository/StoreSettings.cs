using System.Net;

namespace Holdfast.Core.Repository;

/// <summary>Where the repository is and how to reach it; filled from the configuration.</summary>
public sealed record StoreSettings
{
    /// <summary>The cluster whose containers are meant.</summary>
    public required ContainerNames Names { get; init; }

    /// <summary>Who we are.</summary>
    public required StoreCredential Credential { get; init; }

    /// <summary>
    /// The blob service, such as <c>https://account.blob.core.windows.net</c>; http only on this machine. Null with a connection string, which has its own.
    /// </summary>
    public Uri? Endpoint { get; init; }

    /// <summary>The queue service; null derives it from <see cref="Endpoint"/> (<c>.blob.</c> becomes <c>.queue.</c>).</summary>
    public Uri? QueueEndpoint { get; init; }

    /// <summary>
    /// Where workload identities and service principals get their tokens; null: Azure's public cloud, or AZURE_AUTHORITY_HOST. Sovereign and
    /// disconnected clouds have another. A managed identity asks its machine.
    /// </summary>
    public Uri? AuthorityHost { get; init; }

    /// <summary>The table service, for the control plane; null derives it from <see cref="Endpoint"/> (<c>.blob.</c> becomes <c>.table.</c>).</summary>
    public Uri? TableEndpoint { get; init; }

    /// <summary>A PEM file with the root certificates to trust instead of the system's; null: the system's.</summary>
    public string? CaFile { get; init; }

    /// <summary>Time limits and retries.</summary>
    public StoreCallOptions Calls { get; init; } = new();

    /// <summary>Checks an endpoint: https, or http to a loopback address; no user, query or fragment.</summary>
    /// <exception cref="ConfigurationException">It is not one.</exception>
    internal static Uri CheckEndpoint(Uri? endpoint, string option)
    {
        if (endpoint is null) throw new ConfigurationException($"{option} is missing", "Name the service's URL, such as https://account.blob.core.windows.net.");
        if (!endpoint.IsAbsoluteUri || endpoint.UserInfo.Length > 0 || endpoint.Query.Length > 0 || endpoint.Fragment.Length > 0)
            throw new ConfigurationException($"{option} is not the plain URL of a service", "Give scheme, host and path only; a SAS token has an option of its own.");
        var isLocal = endpoint.Host == "localhost" || IPAddress.TryParse(endpoint.Host.Trim('[', ']'), out var address) && IPAddress.IsLoopback(address);
        if (endpoint.Scheme == Uri.UriSchemeHttps || endpoint.Scheme == Uri.UriSchemeHttp && isLocal) return endpoint;
        throw new ConfigurationException($"{option} {endpoint.GetLeftPart(UriPartial.Path)} is not https", "Plain http would show tokens to the network; it is allowed to this machine only.");
    }
}
