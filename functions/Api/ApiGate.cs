using Holdfast.Core.Api;
using Microsoft.Extensions.Primitives;

namespace Holdfast.Functions.Api;

/// <summary>
/// Who is let in (design §9): callers that name this server as it is called (a web page that had its own name resolve to 127.0.0.1 does not), that come from no web page
/// of another origin, and that hold the cluster's API key. There are no cookies, so nothing is done on behalf of whoever's browser it is.
/// </summary>
/// <param name="url">Where this server listens.</param>
public sealed class ApiGate(Uri url) : IApiGate
{
    private readonly HashSet<string> _hosts = new(
        new[] { url.Authority, $"127.0.0.1:{url.Port}", $"localhost:{url.Port}", $"[::1]:{url.Port}" }, StringComparer.OrdinalIgnoreCase);

    /// <inheritdoc/>
    public ApiProblem? RefuseOrigin(HttpRequest request)
    {
        if (!_hosts.Contains(request.Host.Value ?? ""))
            return new ApiProblem("Not for this server", StatusCodes.Status421MisdirectedRequest, "the request names another host than this server's", $"this server is {url}", "unauthorized");
        var origin = request.Headers.Origin;
        if (origin.Count > 0 && !(origin.Count == 1 && Uri.TryCreate(origin[0], UriKind.Absolute, out var from) && from.Scheme == url.Scheme && _hosts.Contains(from.Authority)))
            return new ApiProblem("Not from there", StatusCodes.Status403Forbidden, "the request comes from a web page of another origin", "use a program, or this server's own pages", "unauthorized");
        return null;
    }

    /// <summary>It listens on this machine only.</summary>
    public bool TellsHealthToAnybody => true;

    /// <inheritdoc/>
    public ValueTask<ApiProblem?> RefuseCallerAsync(HttpRequest request, ControlledCluster? cluster, ApiRole needed) => new(RefuseCaller(cluster?.Keys, request.Headers[ApiContract.KeyHeader], needed));

    /// <summary>Why a caller may not do this; null when it may. An unknown cluster is not told from a wrong key.</summary>
    public static ApiProblem? RefuseCaller(ApiKeys? keys, StringValues key, ApiRole needed)
    {
        var roles = (keys ?? new ApiKeys()).RolesOf(key.Count == 1 ? key[0] : null);
        if (roles == ApiRole.None)
            return new ApiProblem("Who are you?", StatusCodes.Status401Unauthorized, $"expected this cluster's API key in the header {ApiContract.KeyHeader}, found none that is",
                "set control-plane-api-key-file to the operator.key or admin.key that init made for this cluster, and compare cluster and control-plane-url", "unauthorized");
        return (roles & needed) != 0 ? null : new ApiProblem("Not with this key", StatusCodes.Status403Forbidden, $"this needs the role {needed}, which the API key does not stand for",
            "the admin's key is in the control plane's folder: --config=…/control-plane/holdfast.conf", "unauthorized");
    }
}
