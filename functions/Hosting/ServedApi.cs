using Holdfast.Functions.Api;

namespace Holdfast.Functions.Hosting;

/// <summary>The HTTP interface as one function of a request, with Entra's gate before it; without an application to ask tokens for, there is none.</summary>
public sealed class ServedApi : IDisposable
{
    private readonly EntraGate? _gate;
    private readonly RequestDelegate _answer;

    /// <summary>Builds it; nobody is asked yet.</summary>
    /// <param name="entra">Whose tokens open it; null: nothing does.</param>
    /// <param name="clusters">What it serves.</param>
    /// <param name="clock">The clock.</param>
    /// <param name="services">ASP.NET's.</param>
    /// <param name="authority">How the authority is asked; null: as anybody is.</param>
    public ServedApi(EntraSettings? entra, ServedClusters clusters, TimeProvider clock, IServiceProvider services, HttpMessageHandler? authority = null)
    {
        _gate = entra is null ? null : new EntraGate(entra, clock, services.GetRequiredService<ILogger<EntraGate>>(), authority);
        _answer = _gate is null ? Closed : new ApiServer(clusters.Api, _gate, services.GetRequiredService<ILogger<ApiServer>>()).Build(services);
    }

    /// <summary>Answers a request.</summary>
    public Task AnswerAsync(HttpContext http) => _answer(http);

    /// <inheritdoc/>
    public void Dispose() => _gate?.Dispose();

    private static Task Closed(HttpContext http)
    {
        http.Response.StatusCode = StatusCodes.Status404NotFound;
        return Task.CompletedTask;
    }
}
