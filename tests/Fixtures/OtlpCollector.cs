using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Holdfast.Tests.Fixtures;

/// <summary>Takes OTLP over HTTP, and keeps what it was sent.</summary>
public sealed class OtlpCollector : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();

    public OtlpCollector()
    {
        Url = $"http://127.0.0.1:{FreePorts.Take(1)[0]}";
        _listener.Prefixes.Add(Url + "/");
        _listener.Start();
        _ = ReceiveAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Url { get; }

    /// <summary>The header x-token of each request.</summary>
    public ConcurrentQueue<string?> Tokens { get; } = new();

    /// <summary>Returns when all the texts came to that path. In protobuf texts are as they are.</summary>
    public Task SeenAsync(string path, params string[] texts) => Eventually.IsTrueAsync(
        () => Task.FromResult(Missing(path, texts).Length == 0), () => $"{path} was not sent {string.Join(", ", Missing(path, texts))}; {_received.Count} requests came");

    /// <inheritdoc/>
    public void Dispose() => _listener.Close();

    private string[] Missing(string path, string[] texts) =>
        [.. texts.Where(text => !_received.Any(request => request.Path == path && request.Body.Contains(text, StringComparison.Ordinal)))];

    private async Task ReceiveAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext request;
            try { request = await _listener.GetContextAsync(); }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException) { return; }
            using var body = new MemoryStream();
            await request.Request.InputStream.CopyToAsync(body);
            _received.Enqueue((request.Request.Url!.AbsolutePath, Encoding.Latin1.GetString(body.ToArray())));
            Tokens.Enqueue(request.Request.Headers["x-token"]);
            request.Response.Close();
        }
    }
}
