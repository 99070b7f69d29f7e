using System.Net;
using Holdfast.Core;
using Holdfast.Functions.Api;
using Holdfast.Functions.Signals;
using Microsoft.Extensions.Logging.Console;

namespace Holdfast.Functions.Embedded;

/// <summary>The embedded control plane: Kestrel on loopback, and each cluster at work behind it.</summary>
internal static class EmbeddedHost
{
    /// <summary>How long a stop may take: activities are told to return, workflows keep what they returned. systemd's own patience is 90 s.</summary>
    private static readonly TimeSpan StopPatience = TimeSpan.FromSeconds(30);

    /// <summary>Builds it; nothing listens and nothing is asked of the store yet.</summary>
    public static WebApplication Build(ControlPlaneConfiguration configuration, bool json, TimeProvider clock)
    {
        var builder = WebApplication.CreateSlimBuilder(new WebApplicationOptions { Args = [], ContentRootPath = AppContext.BaseDirectory });
        // What environment variables or files beside the program may say is not asked: it is all in the one configuration.
        builder.Configuration.Sources.Clear();
        ConfigureLogs(builder.Logging, json);
        Telemetry.Add(builder, Environment.GetEnvironmentVariables());
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = ApiOperation.MaxRequest;
            kestrel.Limits.MaxRequestHeadersTotalSize = 16 << 10;
            kestrel.Limits.RequestHeadersTimeout = TimeSpan.FromSeconds(10);
            if (IPAddress.TryParse(configuration.Url.Host.Trim('[', ']'), out var address)) kestrel.Listen(address, configuration.Url.Port);
            else kestrel.ListenLocalhost(configuration.Url.Port);
        });
        builder.Services.Configure<HostOptions>(options => options.ShutdownTimeout = StopPatience);
        builder.Services.AddSingleton(_ => new SignalBoard(clock));
        builder.Services.AddSingleton(services => configuration.Clusters
            .Select(cluster => new ClusterHost(cluster, services.GetRequiredService<SignalBoard>(), clock, services.GetRequiredService<ILoggerFactory>())).ToList());
        builder.Services.AddHostedService<ClusterHosts>();
        var app = builder.Build();
        var clusters = app.Services.GetRequiredService<List<ClusterHost>>().Select(host => host.Cluster).ToDictionary(cluster => cluster.Name, StringComparer.Ordinal);
        new ApiServer(clusters, new ApiGate(configuration.Url), app.Services.GetRequiredService<ILogger<ApiServer>>()).Map(app);
        return app;
    }

    private static void ConfigureLogs(ILoggingBuilder logs, bool json)
    {
        logs.ClearProviders().SetMinimumLevel(LogLevel.Information).AddFilter("Microsoft.AspNetCore", LogLevel.Warning).AddFilter("Microsoft.Hosting", LogLevel.Warning);
        logs.Services.Configure<ConsoleLoggerOptions>(options => options.LogToStandardErrorThreshold = LogLevel.Trace);
        if (json) logs.AddJsonConsole(options => { options.UseUtcTimestamp = true; options.TimestampFormat = "yyyy-MM-dd'T'HH:mm:ss.fff'Z'"; });
        else logs.AddSimpleConsole(options => { options.SingleLine = true; options.UseUtcTimestamp = true; options.TimestampFormat = "yyyy-MM-dd HH:mm:ss'Z' "; options.ColorBehavior = LoggerColorBehavior.Disabled; });
    }
}

/// <summary>Starts and stops all clusters together.</summary>
internal sealed class ClusterHosts(List<ClusterHost> hosts, IHostApplicationLifetime lifetime) : IHostedService, IAsyncDisposable
{
    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        lifetime.ApplicationStarted.Register(() => ServiceManager.Tell("READY=1"));
        lifetime.ApplicationStopping.Register(() => ServiceManager.Tell("STOPPING=1"));
        return Task.WhenAll(hosts.Select(host => host.StartAsync(cancellationToken)));
    }

    /// <inheritdoc/>
    public Task StopAsync(CancellationToken cancellationToken) => Task.WhenAll(hosts.Select(host => host.StopAsync(cancellationToken)));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var host in hosts) await host.DisposeAsync();
    }
}
