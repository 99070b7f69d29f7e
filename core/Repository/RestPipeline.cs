using Azure;
using Azure.Core;
using Azure.Core.Pipeline;

namespace Holdfast.Core.Repository;

/// <summary>
/// Azure.Core's pipeline for a REST interface that has no client of ours: it authenticates and sends. Repetition, Retry-After and deadlines are <see cref="StoreCalls"/>': the SDK's
/// own retries would multiply them. Bodies are not buffered, and are read here, within a bound, before anything else can read them without one.
/// </summary>
internal static class RestPipeline
{
    /// <summary>A pipeline without retries, and without content in its logs.</summary>
    public static HttpPipeline Build(HttpPipelineTransport transport, HttpPipelinePolicy authentication)
    {
        var options = new Options { Transport = transport };
        options.Retry.MaxRetries = 0;
        options.Retry.NetworkTimeout = Timeout.InfiniteTimeSpan;
        options.Diagnostics.IsLoggingContentEnabled = false;
        options.Diagnostics.IsDistributedTracingEnabled = false;
        options.Diagnostics.IsTelemetryEnabled = false;
        return HttpPipelineBuilder.Build(options, [], [authentication], new ResponseClassifier());
    }

    /// <summary>A request whose answer will be JSON, read by <see cref="ReadBodyAsync"/>.</summary>
    public static HttpMessage Message(HttpPipeline pipeline, RequestMethod method, Uri url)
    {
        var message = pipeline.CreateMessage();
        message.BufferResponse = false;
        message.Request.Method = method;
        message.Request.Uri.Reset(url);
        message.Request.Headers.Add(HttpHeader.Common.JsonAccept);
        return message;
    }

    /// <summary>Takes an answer's body; null when it is longer than that. Nothing of it is left in the answer.</summary>
    /// <exception cref="BodyCutException">It broke off.</exception>
    public static async Task<byte[]?> ReadBodyAsync(Response response, int maxBytes, CancellationToken cancellationToken)
    {
        if (response.ContentStream is not { } stream) return [];
        response.ContentStream = new MemoryStream();
        await using (stream.ConfigureAwait(false))
        {
            using var bytes = new MemoryStream();
            var buffer = new byte[8192];
            while (true)
            {
                int read;
                try { read = await stream.ReadAsync(buffer, cancellationToken).ConfigureAwait(false); }
                catch (Exception e) when (e is IOException or HttpRequestException) { throw new BodyCutException($"the answer's body broke off: {e.Message}", e); }
                if (read == 0) return bytes.ToArray();
                if (bytes.Length + read > maxBytes) return null;
                bytes.Write(buffer, 0, read);
            }
        }
    }

    private sealed class Options : ClientOptions;
}
