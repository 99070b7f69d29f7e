using System.Text.Json;
using Holdfast.Core;
using Holdfast.Core.Api;

namespace Holdfast.Functions.Api;

/// <summary>Serves <see cref="ApiOperations"/>, the OpenAPI document and the health of the control plane over ASP.NET's routes.</summary>
/// <param name="clusters">The clusters by name.</param>
/// <param name="gate">Who is let in.</param>
/// <param name="log">For what answers do not tell.</param>
public sealed partial class ApiServer(IReadOnlyDictionary<string, ControlledCluster> clusters, IApiGate gate, ILogger<ApiServer> log)
{
    /// <summary>The prefix of all operations.</summary>
    public const string Prefix = "/v1/clusters/{cluster}/";

    /// <summary>For whoever asked in a way that is not understood: a command of another version, or a program of somebody else's.</summary>
    public const string ContractHint =
        "what can be asked is in docs/control-plane.md and at /openapi.json; if a command asked, compare versions: holdfast version";

    private static readonly byte[] Description = OpenApiDocument.Write(ApiOperations.All);

    /// <summary>Adds the gate and the routes.</summary>
    public void Map(WebApplication app)
    {
        app.Use(ShieldAsync);
        MapRoutes(app);
    }

    /// <summary>The same as one function of a request, for a host that has routes of its own before.</summary>
    public RequestDelegate Build(IServiceProvider services)
    {
        var app = new ApplicationBuilder(services);
        app.Use(ShieldAsync);
        app.UseRouting();
        app.UseEndpoints(MapRoutes);
        var pipeline = app.Build();
        return http =>
        {
            http.SetEndpoint(null); // the host's own: ours is yet to be found
            http.Request.RouteValues.Clear();
            return pipeline(http);
        };
    }

    private void MapRoutes(IEndpointRouteBuilder app)
    {
        foreach (var operation in ApiOperations.All) app.MapMethods(Prefix + operation.Path, [operation.Method], http => RunAsync(http, operation));
        app.MapMethods("/openapi.json", ["GET"], http => WriteAsync(http, StatusCodes.Status200OK, ApiContract.Json, Description));
        app.MapMethods("/health", ["GET"], HealthAsync);
        app.MapMethods("/health/live", ["GET"], http => WriteAsync(http, StatusCodes.Status200OK, "text/plain", "ok\n"u8.ToArray()));
        var nothing = new ApiProblem("Not here", StatusCodes.Status404NotFound,
            "there is nothing at this address", ContractHint, "missing");
        app.MapFallback(http => WriteAsync(http, nothing));
    }

    private async Task ShieldAsync(HttpContext http, RequestDelegate next)
    {
        http.Response.Headers.CacheControl = "no-store";
        http.Response.Headers.XContentTypeOptions = "nosniff";
        if (gate.RefuseOrigin(http.Request) is { } problem) await WriteAsync(http, problem);
        else await next(http);
    }

    private async Task RunAsync(HttpContext http, ApiOperation operation)
    {
        var cluster = clusters.GetValueOrDefault((string?)http.Request.RouteValues["cluster"] ?? "");
        var started = TimeProvider.System.GetTimestamp();
        var problem = await gate.RefuseCallerAsync(http.Request, cluster, operation.Role);
        if (problem is null) problem = await AnswerAsync(http, operation, cluster!);
        if (problem is not null && !http.Response.HasStarted) await WriteAsync(http, problem);
        LogCall(operation.Id, cluster?.Name ?? "?", http.Response.StatusCode, (long)TimeProvider.System.GetElapsedTime(started).TotalMilliseconds);
    }

    /// <summary>Runs an operation and writes its answer, or says what went wrong.</summary>
    private async Task<ApiProblem?> AnswerAsync(HttpContext http, ApiOperation operation, ControlledCluster cluster)
    {
        try
        {
            var answer = await operation.Handler(new ApiCall(http, cluster));
            if (answer is null) return new ApiProblem("Not there", StatusCodes.Status404NotFound, $"cluster {cluster.Name} has no such backup", "list them: holdfast info", "missing");
            if (answer is byte[] bytes) await WriteAsync(http, operation.Success, operation.BytesType, bytes);
            else await WriteAsync(http, operation.Success, ApiContract.Json, JsonSerializer.SerializeToUtf8Bytes(answer, operation.Answer!));
            return null;
        }
        catch (OperationCanceledException) when (http.RequestAborted.IsCancellationRequested)
        {
            return new ApiProblem("Gone", StatusCodes.Status499ClientClosedRequest, "the client did not wait");
        }
        catch (BadHttpRequestException e)
        {
            return new ApiProblem("The request is wrong", e.StatusCode, e.Message, ContractHint, "configuration");
        }
        catch (Exception e)
        {
            var problem = ApiContract.Of(e);
            if (problem.Status >= 500) LogFailure(e, operation.Id, cluster.Name);
            return problem;
        }
    }

    private async Task HealthAsync(HttpContext http)
    {
        if (!gate.TellsHealthToAnybody && await gate.RefuseCallerAsync(http.Request, clusters.Values.FirstOrDefault(), ApiRole.Report) is { } refusal)
        {
            await WriteAsync(http, refusal);
            return;
        }
        var problems = clusters.Values.OrderBy(cluster => cluster.Name, StringComparer.Ordinal).SelectMany(cluster => cluster.Health.Problems.Select(problem => $"{cluster.Name}: {problem}")).ToList();
        var document = new HealthDocument(problems.Count == 0 ? "ok" : "degraded", ControlledCluster.Version, problems);
        await WriteAsync(http, problems.Count == 0 ? StatusCodes.Status200OK : StatusCodes.Status503ServiceUnavailable, ApiContract.Json,
            JsonSerializer.SerializeToUtf8Bytes(document, ApiJson.Default.HealthDocument));
    }

    private static Task WriteAsync(HttpContext http, ApiProblem problem) =>
        WriteAsync(http, problem.Status, ApiContract.Problem, JsonSerializer.SerializeToUtf8Bytes(problem, ApiJson.Default.ApiProblem));

    private static async Task WriteAsync(HttpContext http, int status, string type, byte[] body)
    {
        http.Response.StatusCode = status;
        http.Response.ContentType = type;
        http.Response.ContentLength = body.Length;
        await http.Response.Body.WriteAsync(body, http.RequestAborted);
    }

    [LoggerMessage(100, LogLevel.Information, "{Operation} {Cluster}: {Status} in {Milliseconds} ms")]
    private partial void LogCall(string operation, string cluster, int status, long milliseconds);

    [LoggerMessage(101, LogLevel.Error, "{Operation} {Cluster} failed")]
    private partial void LogFailure(Exception failure, string operation, string cluster);
}
