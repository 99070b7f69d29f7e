using System.Collections;
using Holdfast.Functions.Api;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace Holdfast.Functions.Signals;

/// <summary>
/// Sends metrics, traces and logs by OTLP, when OpenTelemetry's own variables say where: <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, and <c>_PROTOCOL</c>, <c>_HEADERS</c>, <c>_TIMEOUT</c>,
/// <c>OTEL_METRIC_EXPORT_INTERVAL</c> and the rest as its specification has them. Without an endpoint nothing is sent anywhere.
/// </summary>
public static class Telemetry
{
    /// <summary>What workflow engines name their spans and meter by.</summary>
    public const string Workflows = "Holdfast.Workflows";

    private const string Prefix = "OTEL_", Endpoint = "OTEL_EXPORTER_OTLP_ENDPOINT";

    /// <summary>Adds it.</summary>
    /// <param name="builder">The host.</param>
    /// <param name="environment">The process's variables.</param>
    public static void Add(IHostApplicationBuilder builder, IDictionary environment)
    {
        var variables = environment.Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);
        // The exporter asks the host's configuration, which has no source but the one file.
        builder.Configuration.AddInMemoryCollection(variables);
        if (HasEndpoint(builder.Configuration)) Observe(builder).UseOtlpExporter();
    }

    /// <summary>Whether a host's configuration, which has the variables, says where to.</summary>
    public static bool HasEndpoint(IConfiguration configuration) => !string.IsNullOrEmpty(configuration[Endpoint]);

    /// <summary>Adds what is measured, traced and logged, to be sent by whatever exporter is added to it.</summary>
    public static IOpenTelemetryBuilder Observe(IHostApplicationBuilder builder)
    {
        // ASP.NET's spans have names and attributes of their own only when asked.
        AppContext.SetSwitch("Microsoft.AspNetCore.Hosting.SuppressActivityOpenTelemetryData", false);
        return builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("holdfast-control-plane", serviceVersion: ControlledCluster.Version))
            .WithMetrics(metrics => metrics.AddMeter(SignalBoard.MeterName, Workflows))
            .WithTracing(traces => traces.AddSource(Workflows, "Microsoft.AspNetCore"))
            .WithLogging(null, logs => logs.IncludeFormattedMessage = true);
    }

    /// <summary>Sends what was told so far, and waits some seconds for it: for a host that may be frozen, or taken away, when it has nothing to do.</summary>
    public static void Flush(IServiceProvider services)
    {
        const int PatienceMilliseconds = 5000;
        services.GetService<MeterProvider>()?.ForceFlush(PatienceMilliseconds);
        services.GetService<TracerProvider>()?.ForceFlush(PatienceMilliseconds);
        services.GetService<LoggerProvider>()?.ForceFlush(PatienceMilliseconds);
    }
}
