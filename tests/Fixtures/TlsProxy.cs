using System.Security.Cryptography.X509Certificates;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Fixtures;

/// <summary>Takes https on loopback and asks a plain server of this machine, by that one's own name, as web servers do that stand before others.</summary>
public sealed class TlsProxy : IAsyncDisposable
{
    private readonly HttpClient _http = new();
    private readonly X509Certificate2 _certificate;
    private readonly WebApplication _front;
    private readonly Uri _target;

    /// <summary>Starts it, with that certificate.</summary>
    public TlsProxy(LoopbackCertificate certificate, Uri target)
    {
        (_certificate, _target) = (X509Certificate2.CreateFromPemFile(certificate.ServerFile, certificate.KeyFile), target);
        var port = FreePorts.Take(1)[0];
        Url = new Uri($"https://127.0.0.1:{port}");
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(options => options.Listen(System.Net.IPAddress.Loopback, port, listen => listen.UseHttps(_certificate)));
        _front = builder.Build();
        _front.Run(PassOnAsync);
        _front.Start();
    }

    /// <summary>Where it listens.</summary>
    public Uri Url { get; }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _front.DisposeAsync();
        _http.Dispose();
        _certificate.Dispose();
    }

    private async Task PassOnAsync(HttpContext context)
    {
        using var request = new HttpRequestMessage(new HttpMethod(context.Request.Method), new Uri(_target, context.Request.Path + context.Request.QueryString.Value));
        if (context.Request.ContentLength is not null || context.Request.Headers.TransferEncoding.Count > 0) request.Content = new StreamContent(context.Request.Body);
        foreach (var (name, values) in context.Request.Headers)
            if (name is not ("Host" or "Connection" or "Transfer-Encoding") && !request.Headers.TryAddWithoutValidation(name, [.. values]))
                request.Content?.Headers.TryAddWithoutValidation(name, [.. values]);
        using var answer = await _http.SendAsync(request, context.RequestAborted);
        context.Response.StatusCode = (int)answer.StatusCode;
        context.Response.ContentType = answer.Content.Headers.ContentType?.ToString();
        await answer.Content.CopyToAsync(context.Response.Body, context.RequestAborted);
    }
}
