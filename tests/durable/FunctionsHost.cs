using System.Collections.Concurrent;
using System.Diagnostics;
using System.Net;
using System.Text.Json;
using DurableTask.Core;
using Holdfast.Tests.Durable.Rpc;
using Holdfast.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Extensions;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.DurableTask.Testing.Sidecar.Grpc;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Durable;

/// <summary>
/// A functions host as far as an app meets one: it starts the built application as a process of its own, learns its functions, loads them, and runs them for their triggers: timers, the queue
/// that "looks" fills, HTTP, which it passes on, and Durable Task, whose turns and activities are functions of the app. What is said, and in which form, is the language worker protocol's. The
/// host's own bindings are imitated: what only they can get wrong is not seen here.
/// </summary>
internal sealed class FunctionsHost : IAsyncDisposable
{
    private const string Application = "holdfast-control-plane.dll";

    private readonly WorkerStream _worker = new();
    private readonly WebApplication _server;
    private readonly ConcurrentQueue<string> _console = new(), _failures = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly ConcurrentDictionary<string, RpcFunctionMetadata> _functions = new();
    private readonly HttpClient _http = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { Timeout = TimeSpan.FromMinutes(2) };
    private readonly List<Task> _timers = [];
    private readonly IReadOnlyDictionary<string, string?> _settings;
    private volatile TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private Process? _process;
    private Uri? _workerUrl;
    private DurableWorker? _durable;

    private FunctionsHost(int port, IOrchestrationService hub, IReadOnlyDictionary<string, string?> settings)
    {
        _settings = settings;
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.Listen(IPAddress.Loopback, 0, endpoint => endpoint.Protocols = HttpProtocols.Http2);
            kestrel.Listen(IPAddress.Loopback, port, endpoint => endpoint.Protocols = HttpProtocols.Http1);
        });
        builder.Services.AddGrpc(options => options.MaxReceiveMessageSize = null);
        builder.Services.AddSingleton(_worker).AddSingleton(hub).AddSingleton((IOrchestrationServiceClient)hub).AddSingleton<TaskHubGrpcServer>();
        builder.Services.Configure<TaskHubGrpcServerOptions>(options => options.Mode = TaskHubGrpcServerMode.ApiServerOnly);
        _server = builder.Build();
        _server.MapGrpcService<WorkerStream>();
        _server.MapGrpcService<TaskHubGrpcServer>();
        _server.MapFallback("{*path}", PassOnAsync);
    }

    /// <summary>The folder that the application was built into; empty when it was not.</summary>
    public static string Folder => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AZURE_FLAVOUR") ?? "";

    /// <summary>Runs that failed, with the reason.</summary>
    public IReadOnlyCollection<string> Failures => _failures;

    /// <summary>How often each function ran to its end.</summary>
    public ConcurrentDictionary<string, int> Runs { get; } = new();

    /// <summary>What the application wrote and logged.</summary>
    public string Log => string.Join('\n', _console) + "\n" + _worker.Log;

    // Kestrel tells addresses in the order in which they were asked for.
    private Uri Rpc => new(_server.Urls.First());

    /// <summary>Starts the application, loads its functions, and lets its triggers run.</summary>
    /// <param name="port">Where callers find it on this machine.</param>
    /// <param name="openHub">Opens the task hub: once for clients, once for what runs.</param>
    /// <param name="settings">The application's settings.</param>
    /// <param name="timers">How often a timer's function runs, whatever its schedule says; those not named, never.</param>
    public static async Task<FunctionsHost> StartAsync(int port, Func<IOrchestrationService> openHub, IReadOnlyDictionary<string, string?> settings, IReadOnlyDictionary<string, TimeSpan> timers)
    {
        var hub = openHub();
        await hub.CreateIfNotExistsAsync();
        var host = new FunctionsHost(port, hub, settings);
        try
        {
            await host._server.StartAsync();
            await host.StartWorkerAsync();
            host._durable = await DurableWorker.StartAsync(openHub(), host.TurnAsync, host.RunActivityAsync);
            host._timers.AddRange(timers.Select(timer => host.KeepRunningAsync(timer.Key, timer.Value)));
            return host;
        }
        catch (Exception e)
        {
            await host.DisposeAsync();
            throw new InvalidOperationException($"the application did not start: {e.Message}\n{host.Log}", e);
        }
    }

    /// <summary>Runs a function for its trigger, as soon as there is a process that has it.</summary>
    /// <exception cref="InvalidOperationException">It failed.</exception>
    /// <exception cref="IOException">The process has gone meanwhile.</exception>
    public async Task<InvocationResponse> InvokeAsync(string function, TypedData trigger, string? invocation = null)
    {
        await _ready.Task.WaitAsync(TimeSpan.FromMinutes(2));
        var metadata = _functions[function];
        var request = new InvocationRequest { InvocationId = invocation ?? Guid.NewGuid().ToString(), FunctionId = metadata.FunctionId, TraceContext = new RpcTraceContext(), RetryContext = new RetryContext() };
        foreach (var binding in metadata.RawBindings.Select(text => JsonDocument.Parse(text).RootElement))
            if (Text(binding, "direction") == "In")
                request.InputData.Add(new ParameterBinding { Name = Text(binding, "name"), Data = Text(binding, "type") == "durableClient" ? Client() : trigger });
        var response = (await _worker.AskAsync(new StreamingMessage { InvocationRequest = request })).InvocationResponse;
        if (response.Result.Status != StatusResult.Types.Status.Success)
        {
            var failure = $"{function}: {response.Result.Status} {response.Result.Exception?.Message}\n{response.Result.Exception?.StackTrace}";
            _failures.Enqueue(failure);
            throw new InvalidOperationException(failure);
        }
        Runs.AddOrUpdate(function, 1, (_, runs) => runs + 1);
        return response;
    }

    /// <summary>Kills the application's process (SIGKILL).</summary>
    public async Task KillWorkerAsync()
    {
        _ready = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _process!.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        _process = null;
    }

    /// <summary>Starts another one in its place, as a host does.</summary>
    public Task ReplaceWorkerAsync() => StartWorkerAsync();

    /// <summary>Ends as a host that is told to stop: the application is told, too.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stopping.CancelAsync();
        await Task.WhenAll(_timers);
        if (_durable is not null) await _durable.DisposeAsync();
        if (_process is { } process)
        {
            _worker.Tell(new StreamingMessage { WorkerTerminate = new WorkerTerminate() });
            try { await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(20)); }
            catch (TimeoutException) { process.Kill(entireProcessTree: true); }
            process.Dispose();
        }
        await _server.DisposeAsync();
        _http.Dispose();
    }

    private async Task StartWorkerAsync()
    {
        var environment = new Dictionary<string, string?>(_settings) { ["FUNCTIONS_APPLICATION_DIRECTORY"] = Folder, ["DOTNET_ENVIRONMENT"] = "Production" };
        _process = RunProcess.Start(["dotnet", Path.Combine(Folder, Application), $"--functions-uri={Rpc}", "--functions-worker-id=w", "--functions-request-id=r", "--functions-grpc-max-message-length=134217728"],
            environment, Folder);
        _process.OutputDataReceived += (_, line) => Note(line.Data);
        _process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process.BeginOutputReadLine();
        _process.BeginErrorReadLine();
        await await Task.WhenAny(_worker.ConnectedAsync(), GoneAsync(_process));
        var started = (await _worker.AskAsync(new StreamingMessage { WorkerInitRequest = new WorkerInitRequest { HostVersion = "4.0", FunctionAppDirectory = Folder } })).WorkerInitResponse;
        Must(started.Result, "it");
        _workerUrl = new Uri(started.Capabilities["HttpUri"]);
        var found = (await _worker.AskAsync(new StreamingMessage { FunctionsMetadataRequest = new FunctionsMetadataRequest { FunctionAppDirectory = Folder } })).FunctionMetadataResponse;
        Must(found.Result, "its index");
        foreach (var function in found.FunctionMetadataResults)
        {
            if (function.FunctionId.Length == 0) function.FunctionId = function.Name;
            Must((await _worker.AskAsync(new StreamingMessage { FunctionLoadRequest = new FunctionLoadRequest { FunctionId = function.FunctionId, Metadata = function } })).FunctionLoadResponse.Result, function.Name);
            _functions[function.Name] = function;
        }
        _ready.TrySetResult();
    }

    private static async Task GoneAsync(Process process)
    {
        await process.WaitForExitAsync();
        throw new InvalidOperationException($"it exited with {process.ExitCode}");
    }

    private static void Must(StatusResult result, string what)
    {
        if (result.Status != StatusResult.Types.Status.Success) throw new InvalidOperationException($"{what} was not loaded: {result.Exception?.Message}");
    }

    private async Task KeepRunningAsync(string function, TimeSpan pause)
    {
        while (!_stopping.IsCancellationRequested)
        {
            try
            {
                var response = await InvokeAsync(function, new TypedData { Json = """{"Schedule":{"AdjustForDST":true},"ScheduleStatus":null,"IsPastDue":false}""" });
                foreach (var message in Messages(response)) await InvokeAsync("look", new TypedData { String = message });
                await Task.Delay(pause, _stopping.Token);
            }
            catch (Exception e) when (e is InvalidOperationException or IOException or TimeoutException or OperationCanceledException)
            {
                // It is among the failures, and its next time comes.
                if (!_stopping.IsCancellationRequested) await Task.Delay(pause);
            }
        }
    }

    // What a function with a queue output returns: one message, or an array of them.
    private static string[] Messages(InvocationResponse response) =>
        (response.OutputData.FirstOrDefault(output => output.Name == "$return")?.Data ?? response.ReturnValue)?.Json is { Length: > 0 } json ? JsonSerializer.Deserialize<string[]>(json)! : [];

    // As OutOfProcMiddleware of the extension of Durable Functions has it.
    private async Task<string> TurnAsync(string state) => (await InvokeAsync("workflow", new TypedData { String = state })).ReturnValue.String;

    // As DurableActivityContext has it: the history has the input in an array of one, the worker gets it as it is.
    private async Task<string?> RunActivityAsync(string name, string? input) =>
        (await InvokeAsync(name, new TypedData { String = JsonDocument.Parse(input!).RootElement[0].GetRawText() })).ReturnValue is { DataCase: not TypedData.DataOneofCase.None } returned
            ? returned.HasString ? JsonSerializer.Serialize(returned.String) : returned.Json : null;

    private TypedData Client() => new()
    {
        String = JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["rpcBaseUrl"] = Rpc.AbsoluteUri, ["taskHubName"] = "holdfast", ["connectionName"] = "AzureWebJobsStorage", ["requiredQueryStringParameters"] = "", ["httpBaseUrl"] = "http://127.0.0.1/runtime",
            ["maxGrpcMessageSizeInBytes"] = 4 << 20, ["grpcHttpClientTimeout"] = "\"00:01:40\"",
        }),
    };

    /// <summary>The request goes on to the worker's own server, under the number of an invocation that runs beside it.</summary>
    private async Task PassOnAsync(HttpContext http)
    {
        var invocation = Guid.NewGuid().ToString();
        var running = InvokeAsync("api", new TypedData { Http = new RpcHttp { Method = http.Request.Method, Url = http.Request.GetEncodedUrl() } }, invocation);
        using var request = new HttpRequestMessage(new HttpMethod(http.Request.Method), new Uri(_workerUrl!, http.Request.GetEncodedPathAndQuery()));
        if (http.Request.ContentLength > 0) request.Content = new StreamContent(http.Request.Body);
        foreach (var (name, values) in http.Request.Headers)
            if (!request.Headers.TryAddWithoutValidation(name, values.AsEnumerable())) request.Content?.Headers.TryAddWithoutValidation(name, values.AsEnumerable());
        request.Headers.Add("x-ms-invocation-id", invocation);
        using var answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, http.RequestAborted);
        http.Response.StatusCode = (int)answer.StatusCode;
        foreach (var (name, values) in answer.Headers.Concat(answer.Content.Headers))
            if (!name.Equals("Transfer-Encoding", StringComparison.OrdinalIgnoreCase)) http.Response.Headers[name] = values.ToArray();
        await answer.Content.CopyToAsync(http.Response.Body);
        await running;
    }

    private static string Text(JsonElement binding, string name) => binding.GetProperty(name).GetString()!;

    private void Note(string? line)
    {
        if (line is not null) _console.Enqueue(line);
    }
}
