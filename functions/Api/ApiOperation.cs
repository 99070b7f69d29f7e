using System.Text.Json.Serialization.Metadata;
using Holdfast.Core.Api;

namespace Holdfast.Functions.Api;

/// <summary>
/// One operation of the HTTP interface, declared once in <see cref="ApiOperations"/>: the route, who may call it, and its line in the OpenAPI document are all made
/// from it.
/// </summary>
/// <param name="Method">GET, POST or PUT.</param>
/// <param name="Path">Below <c>/v1/clusters/{cluster}/</c>.</param>
/// <param name="Role">Who may call it.</param>
/// <param name="Id">OpenAPI's operationId.</param>
/// <param name="Summary">One line.</param>
/// <param name="Answer">The answer's document; null: bytes.</param>
/// <param name="Handler">Does it; null: answers 404.</param>
public sealed record ApiOperation(
    string Method, string Path, ApiRole Role, string Id, string Summary, JsonTypeInfo? Answer, Func<ApiCall, Task<object?>> Handler)
{
    /// <summary>The request's document; null: none, or bytes.</summary>
    public JsonTypeInfo? Request { get; init; }

    /// <summary>Whether the request is bytes (a registration).</summary>
    public bool TakesBytes { get; init; }

    /// <summary>The media type of an answer that is no document.</summary>
    public string BytesType { get; init; } = ApiContract.Bytes;

    /// <summary>The status of success.</summary>
    public int Success { get; init; } = StatusCodes.Status200OK;

    /// <summary>Query parameters: name and what it does.</summary>
    public IReadOnlyList<(string Name, string Summary)> Query { get; init; } = [];

    /// <summary>Most bytes of a request: room for the largest policy, and four times the largest registration.</summary>
    public const int MaxRequest = 64 << 10;
}
