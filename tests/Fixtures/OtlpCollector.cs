using System.Collections.Concurrent;
using System.Net;
using System.Text;

namespace Holdfast.Tests.Fixtures;

/// <summary>Takes OTLP over HTTP, and keeps what it was sent.</summary>
public sealed class OtlpCollector : IAsyncDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<(string Path, string Body)> _received = new();
    private readonly TlsProxy? _front;

    /// <summary>Starts it.</summary>
    /// <param name="certificate">When given, it is behind TLS.</param>
    public OtlpCollector(LoopbackCertificate? certificate = null)
    {
        var plain = new Uri($"http://127.0.0.1:{FreePorts.Take(1)[0]}");
        if (certificate is not null) _front = new TlsProxy(certificate, plain);
        Url = (_front?.Url ?? plain).AbsoluteUri.TrimEnd('/');
        _listener.Prefixes.Add(plain.AbsoluteUri);
        _listener.Start();
        _ = ReceiveAsync();
    }

    /// <summary>Where it listens.</summary>
    public string Url { get; }

    /// <summary>The header x-token of each request.</summary>
    public ConcurrentQueue<string?> Tokens { get; } = new();

    /// <summary>Whether it takes requests and never answers.</summary>
    public bool Hangs { get; set; }

    /// <summary>All that was sent.</summary>
    public string Everything => string.Concat(_received.Select(request => request.Body));

    /// <summary>Returns when all the texts came to that path. In protobuf texts are as they are.</summary>
    public Task SeenAsync(string path, params string[] texts) => Eventually.IsTrueAsync(
        () => Task.FromResult(Missing(path, texts).Length == 0), () => $"{path} was not sent {string.Join(", ", Missing(path, texts))}; {_received.Count} requests came");

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_front is not null) await _front.DisposeAsync();
        _listener.Close();
    }

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
            if (!Hangs) request.Response.Close();
        }
    }
}
