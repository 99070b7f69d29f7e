using System.Text.Json;

namespace Holdfast.Core.Api;

/// <summary>What client and server of the HTTP interface agree on besides the documents.</summary>
public static class ApiContract
{
    /// <summary>Carries the API key.</summary>
    public const string KeyHeader = "X-Holdfast-Key";

    /// <summary>The media type of documents.</summary>
    public const string Json = "application/json";

    /// <summary>The media type of registrations.</summary>
    public const string Bytes = "application/octet-stream";

    /// <summary>The media type of problems (RFC 9457).</summary>
    public const string Problem = "application/problem+json";

    /// <summary>Where the embedded control plane listens unless told otherwise.</summary>
    public const string DefaultUrl = "http://127.0.0.1:7430";

    /// <summary>The problem of a failure, as the server tells it.</summary>
    public static ApiProblem Of(Exception failure) => failure switch
    {
        ConfigurationException e => new ApiProblem("The request or the configuration is wrong", 400, e.Message, e.Hint, "configuration"),
        RefusedException e => new ApiProblem("Refused to protect data", 409, e.Message, e.Hint, "refused"),
        StoreException e => new ApiProblem("The store refused or cannot be reached", 502, e.Message, e.Hint, "store"),
        DamagedException e => new ApiProblem("Damaged data", 500, e.Message, e.Hint, "damaged"),
        HoldfastException e => new ApiProblem("Failed", 500, e.Message, e.Hint, "bug"),
        // What else there is may hold anything: the log has it, the answer does not.
        _ => new ApiProblem("A bug in Holdfast", 500, "the control plane failed in a way it does not know", "its log says more; please report it", "bug"),
    };

    /// <summary>The failure that a problem tells of, as the client throws it: the same kind that the server caught, so that exit codes agree.</summary>
    /// <param name="doing">What was being done.</param>
    /// <param name="status">HTTP's status.</param>
    /// <param name="body">A problem, or whatever something between put there.</param>
    public static HoldfastException Failure(string doing, int status, ReadOnlySpan<byte> body)
    {
        ApiProblem? problem = null;
        try { problem = JsonSerializer.Deserialize(body, ApiJson.Default.ApiProblem); }
        catch (JsonException)
        {
            // Not ours: the status says what can be said.
        }
        if (problem is null && GatewayException.IsPassing(status))
            return new GatewayException($"{doing}: HTTP {status}, and not by the control plane itself",
                "does the control plane run, and does what stands before it reach it?", status);
        if (problem is null) return new StoreException($"{doing}: HTTP {status} and no answer of a control plane", "is that address the control plane's?");
        return problem.Kind switch
        {
            "refused" or "missing" => new RefusedException(problem.Detail, problem.Hint),
            "configuration" or "unauthorized" => new ConfigurationException(problem.Detail, problem.Hint),
            "damaged" => new DamagedException(problem.Detail, problem.Hint),
            _ => new StoreException(problem.Detail, problem.Hint),
        };
    }
}
