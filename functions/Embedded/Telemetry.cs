using System.Collections;
using Holdfast.Functions.Api;
using Holdfast.Functions.Signals;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;

namespace Holdfast.Functions.Embedded;

/// <summary>
/// Sends the signals by OTLP, when OpenTelemetry's own variables say where: <c>OTEL_EXPORTER_OTLP_ENDPOINT</c>, and <c>_PROTOCOL</c>, <c>_HEADERS</c>, <c>_TIMEOUT</c>,
/// <c>OTEL_METRIC_EXPORT_INTERVAL</c> and the rest as its specification has them. Without it nothing is sent anywhere.
/// </summary>
internal static class Telemetry
{
    private const string Prefix = "OTEL_";

    /// <summary>Adds it.</summary>
    /// <param name="builder">The host.</param>
    /// <param name="environment">The process's variables.</param>
    public static void Add(WebApplicationBuilder builder, IDictionary environment)
    {
        var variables = environment.Cast<DictionaryEntry>()
            .Where(variable => ((string)variable.Key).StartsWith(Prefix, StringComparison.Ordinal)).ToDictionary(variable => (string)variable.Key, variable => (string?)variable.Value);
        if (!variables.Any(variable => variable.Key is "OTEL_EXPORTER_OTLP_ENDPOINT" or "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT" && !string.IsNullOrEmpty(variable.Value))) return;
        // The exporter asks the host's configuration, which has no source but the one file.
        builder.Configuration.AddInMemoryCollection(variables);
        builder.Services.AddOpenTelemetry()
            .ConfigureResource(resource => resource.AddService("holdfast-control-plane", serviceVersion: ControlledCluster.Version))
            .WithMetrics(metrics => metrics.AddMeter(SignalBoard.MeterName).AddOtlpExporter());
    }
}
