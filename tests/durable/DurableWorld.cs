using DurableTask.Core;
using Grpc.Net.Client;
using Holdfast.Functions.Azure;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Functions.Workflows;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.DurableTask.Client;
using Microsoft.DurableTask.Client.Grpc;
using Microsoft.DurableTask.Testing.Sidecar.Grpc;
using Microsoft.Extensions.DependencyInjection;

namespace Holdfast.Tests.Durable;

/// <summary>A task hub, a server for its clients as the extension of Durable Functions runs one, and a worker that comes and goes.</summary>
internal sealed class DurableWorld : IWorkflowWorld
{
    private readonly Func<IOrchestrationService> _openHub;
    private readonly WebApplication _server;
    private readonly GrpcChannel _channel;
    private readonly DurableTaskClient _hub;
    private DurableWorker? _worker;
    private DurableWorkflowClient? _client;

    private DurableWorld(Func<IOrchestrationService> openHub, WebApplication server, GrpcChannel channel)
    {
        (_openHub, _server, _channel) = (openHub, server, channel);
        _hub = new GrpcDurableTaskClient("test", new GrpcDurableTaskClientOptions { Channel = channel }, server.Services.GetRequiredService<ILogger<GrpcDurableTaskClient>>());
    }

    public IWorkflowClient Client => _client ?? throw new InvalidOperationException("No program runs");

    /// <summary>The task hub without our adapter.</summary>
    public DurableTaskClient Hub => _hub;

    /// <summary>The worker that runs now.</summary>
    public DurableWorker Worker => _worker ?? throw new InvalidOperationException("No program runs");

    public bool EndsAfterItsActivities => true;

    /// <summary>A world over the hub that <paramref name="openHub"/> opens: once for the clients, and for each worker anew.</summary>
    public static async Task<DurableWorld> StartAsync(Func<IOrchestrationService> openHub)
    {
        var clients = openHub();
        await clients.CreateIfNotExistsAsync();
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0").ConfigureKestrel(options => options.ConfigureEndpointDefaults(endpoint => endpoint.Protocols = HttpProtocols.Http2));
        builder.Services.AddGrpc();
        builder.Services.AddSingleton(clients).AddSingleton((IOrchestrationServiceClient)clients).AddSingleton<TaskHubGrpcServer>();
        builder.Services.Configure<TaskHubGrpcServerOptions>(options => options.Mode = TaskHubGrpcServerMode.ApiServerOnly);
        var server = builder.Build();
        server.MapGrpcService<TaskHubGrpcServer>();
        await server.StartAsync();
        return new DurableWorld(openHub, server, GrpcChannel.ForAddress(server.Urls.Single()));
    }

    public async Task RunAsync(WorkflowRegistry program)
    {
        if (_worker is not null) await _worker.DisposeAsync();
        _worker = await DurableWorker.StartAsync(_openHub(), program);
        _client = new DurableWorkflowClient(_hub, program, TimeProvider.System);
    }

    public Task StopAsync() => Worker.StopAsync();

    public async ValueTask DisposeAsync()
    {
        if (_worker is not null) await _worker.DisposeAsync();
        await _hub.DisposeAsync();
        _channel.Dispose();
        await _server.DisposeAsync();
    }
}
