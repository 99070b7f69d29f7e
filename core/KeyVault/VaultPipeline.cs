using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Azure;
using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core.Repository;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// Requests to one vault and their answers, bounded and judged, over <see cref="RestPipeline"/>: the SDK's own retries would not repeat a token that could not be had.
/// </summary>
internal sealed class VaultPipeline(Uri vault, TokenCredential credential, HttpPipelineTransport transport, StoreCalls calls)
{
    /// <summary>A page of 25 versions with tags has at most some 30 KiB; a key some 3.</summary>
    private const int MaxBody = 256 << 10;

    /// <summary>One that sovereign clouds and managed HSMs have, too.</summary>
    private const string ApiVersion = "api-version=7.4";

    private readonly HttpPipeline _pipeline = RestPipeline.Build(transport, new VaultAuthentication(credential, vault));

    /// <summary>GET.</summary>
    public Task<T> GetAsync<T>(StoreCall call, KeyVaultKeyId key, string pathAndQuery, JsonTypeInfo<T> answer, CancellationToken cancellationToken) where T : class =>
        RunAsync(call, key, RequestMethod.Get, pathAndQuery, null, answer, cancellationToken);

    /// <summary>POST; the body may hold a key, and is wiped.</summary>
    public async Task<T> PostAsync<T>(StoreCall call, KeyVaultKeyId key, string path, VaultOperationBody body, JsonTypeInfo<T> answer, CancellationToken cancellationToken) where T : class
    {
        var bytes = JsonSerializer.SerializeToUtf8Bytes(body, VaultJson.Default.VaultOperationBody);
        try { return await RunAsync(call, key, RequestMethod.Post, path, bytes, answer, cancellationToken).ConfigureAwait(false); }
        finally { bytes.AsSpan().Clear(); }
    }

    private async Task<T> RunAsync<T>(StoreCall call, KeyVaultKeyId key, RequestMethod method, string path, byte[]? body, JsonTypeInfo<T> answer, CancellationToken cancellationToken) where T : class
    {
        try
        {
            return await calls.RunAsync(call, async token =>
            {
                using var message = Message(method, path, body);
                await _pipeline.SendAsync(message, token).ConfigureAwait(false);
                var (status, bytes) = (message.Response.Status, await ReadAsync(call, message.Response, token).ConfigureAwait(false));
                return status == 200 ? Parse(call, bytes, answer) : throw Failure(call, key, message.Response, bytes);
            }, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreCallException e)
        {
            throw VaultRefusals.Of(e);
        }
    }

    private HttpMessage Message(RequestMethod method, string path, byte[]? body)
    {
        var message = RestPipeline.Message(_pipeline, method, new Uri(vault, path + (path.Contains('?', StringComparison.Ordinal) ? "&" : "?") + ApiVersion));
        if (body is null) return message;
        message.Request.Headers.Add(HttpHeader.Common.JsonContentType);
        message.Request.Content = RequestContent.Create(body);
        return message;
    }

    private static async Task<byte[]> ReadAsync(StoreCall call, Response response, CancellationToken cancellationToken) =>
        await RestPipeline.ReadBodyAsync(response, MaxBody, cancellationToken).ConfigureAwait(false) ?? throw VaultRefusals.NotUnderstood(call, $"an answer of more than {MaxBody >> 10} KiB");

    private static T Parse<T>(StoreCall call, byte[] bytes, JsonTypeInfo<T> answer) where T : class
    {
        try { return JsonSerializer.Deserialize(bytes, answer) ?? throw VaultRefusals.NotUnderstood(call, "an empty answer"); }
        catch (JsonException) { throw VaultRefusals.NotUnderstood(call, "an answer that is not Key Vault's JSON"); }
    }

    /// <summary>What may be repeated goes to the funnel, which looks at the status and at Retry-After; all else is judged here.</summary>
    private static Exception Failure(StoreCall call, KeyVaultKeyId key, Response response, byte[] bytes)
    {
        var error = VaultRefusals.CodesOf(bytes);
        if (response.Status is not (408 or 429 or 500 or 502 or 503 or 504)) return VaultRefusals.Of(call, key, response.Status, error);
        return new RequestFailedException(response, null, new Details(error.Code));
    }

    /// <summary>The code that was read already, and nothing else of the body.</summary>
    private sealed class Details(string? code) : RequestFailedDetailsParser
    {
        public override bool TryParse(Response response, out ResponseError? error, out IDictionary<string, string>? data)
        {
            (error, data) = (new ResponseError(code, null), null);
            return true;
        }
    }
}
