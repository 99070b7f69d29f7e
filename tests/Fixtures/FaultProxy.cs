using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A loopback proxy (http) in front of a store, which does to chosen requests what networks and clouds do. Answers are written byte by byte to
/// the socket, so that they can break anywhere. Requests are taken whole before anything happens to them.
/// </summary>
public sealed class FaultProxy : IAsyncDisposable
{
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly HttpClient _upstream;
    private readonly Uri _origin;
    private readonly Task _accepting;
    private readonly List<Func<ProxiedRequest, Fault?>> _rules = [];
    private readonly ConcurrentQueue<ProxiedRequest> _requests = new();

    /// <summary>Starts a proxy in front of <paramref name="target"/>, reached by <paramref name="handler"/>.</summary>
    public FaultProxy(Uri target, HttpMessageHandler handler)
    {
        _upstream = new HttpClient(handler);
        _origin = target;
        _listener.Start();
        Endpoint = new UriBuilder(target) { Scheme = "http", Port = ((IPEndPoint)_listener.LocalEndpoint).Port }.Uri;
        _accepting = Connections.ServeAsync(_listener, ServeAsync, _stop.Token);
    }

    /// <summary>The target's URL, through the proxy.</summary>
    public Uri Endpoint { get; }

    /// <summary>Every request that came, in order, also those that never reached the store.</summary>
    public IReadOnlyCollection<ProxiedRequest> Requests => _requests;

    /// <summary>Adds a rule; the first that gives a fault wins.</summary>
    public void Add(Func<ProxiedRequest, Fault?> rule)
    {
        lock (_rules) _rules.Add(rule);
    }

    /// <summary>Does <paramref name="fault"/> to the next <paramref name="times"/> requests with that method.</summary>
    public void Inject(string method, Fault fault, int times = int.MaxValue)
    {
        var left = times;
        Add(request => request.Method == method && Interlocked.Decrement(ref left) >= 0 ? fault : null);
    }

    /// <summary>Refuses, as a locked immutability policy would, whatever changes a blob; creating a new one is all that passes.</summary>
    public void AddImmutabilityPolicy() => Add(request => request switch
    {
        { Method: "DELETE" } => new Fault.Answer(409, "BlobImmutableDueToPolicy"),
        { Method: "PUT" } when request.Query.Contains("restype=container", StringComparison.Ordinal) => null,
        { Method: "PUT" } when request.Query.Contains("comp=", StringComparison.Ordinal) || request.Header("If-None-Match") != "*" =>
            new Fault.Answer(409, "BlobImmutableDueToPolicy"),
        _ => null,
    });

    /// <summary>Forgets rules and requests.</summary>
    public void Clear()
    {
        lock (_rules) _rules.Clear();
        _requests.Clear();
    }

    /// <summary>Stops listening and breaks all connections; a second call does nothing.</summary>
    public async ValueTask DisposeAsync()
    {
        if (_accepting.IsCompleted) return;
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _upstream.Dispose();
        _stop.Dispose();
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        client.NoDelay = true;
        try
        {
            var stream = client.GetStream();
            while (await ProxiedRequest.ReadAsync(stream, _stop.Token) is { } request)
            {
                _requests.Enqueue(request);
                if (!await HandleAsync(request, stream)) return;
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or HttpRequestException)
        {
            // the connection breaks, which is what this class is for
        }
    }

    /// <summary>False when the connection has to be closed.</summary>
    private async Task<bool> HandleAsync(ProxiedRequest request, NetworkStream client)
    {
        Fault? fault;
        lock (_rules) fault = _rules.Select(rule => rule(request)).FirstOrDefault(found => found is not null);
        switch (fault)
        {
            case Fault.Answer answer:
                await client.WriteAsync(answer.ToBytes(request.Method), _stop.Token);
                return true;
            case Fault.Stall:
                await Task.Delay(Timeout.Infinite, _stop.Token);
                return false;
            case Fault.DropBefore:
                return false;
        }
        using var reply = await ForwardAsync(request);
        var body = await reply.Content.ReadAsByteArrayAsync(_stop.Token);
        switch (fault)
        {
            case Fault.DropAfter:
                return false;
            case Fault.AnswerAfter after:
                await client.WriteAsync(after.Instead.ToBytes(request.Method), _stop.Token);
                return true;
            case Fault.CutBody cut:
                await client.WriteAsync(Head(reply, body.Length), _stop.Token);
                await client.WriteAsync(body.AsMemory(0, Math.Min(cut.KeepBytes, body.Length)), _stop.Token);
                if (cut.ThenStall) await Task.Delay(Timeout.Infinite, _stop.Token);
                return false;
            default:
                await client.WriteAsync(Head(reply, body.Length), _stop.Token);
                await client.WriteAsync(body, _stop.Token);
                return true;
        }
    }

    private async Task<HttpResponseMessage> ForwardAsync(ProxiedRequest request)
    {
        using var message = new HttpRequestMessage(new HttpMethod(request.Method), new Uri(_origin.GetLeftPart(UriPartial.Authority) + request.Target));
        message.Content = new ByteArrayContent(request.Body);
        foreach (var (name, value) in request.Headers)
            if (!name.Equals("Host", StringComparison.OrdinalIgnoreCase) && !message.Headers.TryAddWithoutValidation(name, value))
                message.Content.Headers.TryAddWithoutValidation(name, value);
        return await _upstream.SendAsync(message, _stop.Token);
    }

    private static byte[] Head(HttpResponseMessage reply, int bodyLength)
    {
        var head = new StringBuilder(string.Create(CultureInfo.InvariantCulture, $"HTTP/1.1 {(int)reply.StatusCode} {reply.ReasonPhrase}\r\n"));
        foreach (var (name, values) in reply.Headers.Concat(reply.Content.Headers))
            if (name is not ("Transfer-Encoding" or "Connection" or "Keep-Alive" or "Content-Length"))
                foreach (var value in values) head.Append(CultureInfo.InvariantCulture, $"{name}: {value}\r\n");
        var length = reply.RequestMessage!.Method == HttpMethod.Head ? reply.Content.Headers.ContentLength ?? 0 : bodyLength;
        if (reply.StatusCode != HttpStatusCode.NoContent) head.Append(CultureInfo.InvariantCulture, $"Content-Length: {length}\r\n");
        return Encoding.Latin1.GetBytes(head.Append("\r\n").ToString());
    }
}
