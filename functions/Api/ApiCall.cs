using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Api;

/// <summary>One call, let in: its cluster, its request.</summary>
/// <param name="http">HTTP's.</param>
/// <param name="cluster">The cluster that the path names and the key opens.</param>
public sealed class ApiCall(HttpContext http, ControlledCluster cluster)
{
    /// <summary>The cluster.</summary>
    public ControlledCluster Cluster => cluster;

    /// <summary>Cancelled when the client is gone.</summary>
    public CancellationToken Cancelled => http.RequestAborted;

    /// <summary>The label in the path.</summary>
    /// <exception cref="ConfigurationException">It is none.</exception>
    public BackupName Label => BackupName.TryParse((string?)http.Request.RouteValues["label"] ?? "", out var label)
        ? label : throw new ConfigurationException("the path names no backup's label such as 20260102-020000F", "labels: holdfast info");

    /// <summary>A whole number in the query, cut to its bounds; 0 when it is not given.</summary>
    /// <exception cref="ConfigurationException">It is no number.</exception>
    public int Query(string name, int most) => (string?)http.Request.Query[name] is not { } text ? 0
        : int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out var value) ? Math.Min(value, most)
        : throw new ConfigurationException($"query parameter {name}: expected a whole number of at most {most}");

    /// <summary>Where the client finds what it asked for.</summary>
    public void Locate(string path) => http.Response.Headers.Location = $"/v1/clusters/{cluster.Name}/{path}";

    /// <summary>The request's bytes.</summary>
    /// <exception cref="ConfigurationException">Not of that media type, or too many.</exception>
    public async Task<byte[]> ReadBytesAsync(string mediaType = ApiContract.Bytes)
    {
        var type = http.Request.ContentType?.Split(';')[0].Trim();
        if (!string.Equals(type, mediaType, StringComparison.OrdinalIgnoreCase))
            throw new BadHttpRequestException($"expected a request of type {mediaType}", StatusCodes.Status415UnsupportedMediaType);
        using var bytes = new MemoryStream();
        var buffer = new byte[8 << 10];
        for (int read; (read = await http.Request.Body.ReadAsync(buffer, Cancelled)) > 0;)
        {
            if (bytes.Length + read > ApiOperation.MaxRequest)
                throw new BadHttpRequestException($"a request has at most {ApiOperation.MaxRequest} bytes", StatusCodes.Status413PayloadTooLarge);
            bytes.Write(buffer, 0, read);
        }
        return bytes.ToArray();
    }

    /// <summary>The request's document.</summary>
    /// <exception cref="ConfigurationException">Not such a document.</exception>
    public async Task<T> ReadAsync<T>(JsonTypeInfo<T> type) where T : notnull
    {
        var bytes = await ReadBytesAsync(ApiContract.Json);
        try
        {
            if (JsonSerializer.Deserialize(bytes, type) is { } value) return value;
        }
        catch (JsonException e)
        {
            // The message names the path in the document, not its content.
            throw new ConfigurationException($"the request is no {typeof(T).Name}, at {e.Path ?? "$"}", ApiServer.ContractHint, e);
        }
        throw new ConfigurationException($"the request is null, expected a {typeof(T).Name}", ApiServer.ContractHint);
    }
}
