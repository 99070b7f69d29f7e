using System.Diagnostics;
using System.Diagnostics.Metrics;
using Holdfast.Agent.Backup;
using Holdfast.Core.Repository;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Logs;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;
using Log = Holdfast.Agent.Terminal.Log;
using Severity = Holdfast.Agent.Options.LogLevel;

namespace Holdfast.Agent.Resident;

/// <summary>
/// What the resident agent does, as metrics, traces and logs: sent by OTLP when OpenTelemetry's own variables say where (<c>OTEL_EXPORTER_OTLP_ENDPOINT</c> and the rest), else
/// nowhere. The commands that PostgreSQL calls have none of it: they live for milliseconds.
/// </summary>
internal sealed class AgentTelemetry : IDisposable
{
    /// <summary>The name of meter and source.</summary>
    public const string Name = "Holdfast.Agent";

    private const string Service = "holdfast-agent";

    // A collector that is away must not hold up a stop: what it misses is in the log as well.
    private const int LastWordsMilliseconds = 2000;

    private static readonly ActivitySource Source = new(Name);
    private static readonly Meter Meter = new(Name);
    private static readonly Counter<long> Heartbeats = Meter.CreateCounter<long>("holdfast.agent.heartbeats", "{heartbeat}", "heartbeats that were stored");
    private static readonly Gauge<long> Waiting = Meter.CreateGauge<long>("holdfast.agent.wal.waiting", "{file}", "files of pg_wal that wait to be archived");
    private static readonly Counter<long> Read = Meter.CreateCounter<long>("holdfast.agent.backup.read", "By", "what backups read, attempts that failed included");
    private static readonly Counter<long> Stored = Meter.CreateCounter<long>("holdfast.agent.backup.stored", "By", "what backups stored, compressed and sealed, attempts that failed included");
    private static readonly Histogram<double> Attempts = Meter.CreateHistogram<double>("holdfast.agent.backup.duration", "s", "how long attempts at a backup took");
    private static readonly Histogram<double> Calls = Meter.CreateHistogram<double>("holdfast.agent.store.duration", "s", "how long calls to the store took, repetitions included");
    private static readonly Counter<long> Repeated = Meter.CreateCounter<long>("holdfast.agent.store.repetitions", "{request}", "requests to the store that had to be made again");

    private readonly MeterProvider? _meters;
    private readonly TracerProvider? _traces;
    private readonly ILoggerFactory? _logs;

    private AgentTelemetry(string cluster)
    {
        var resource = ResourceBuilder.CreateDefault().AddService(Service, serviceVersion: Version.AgentVersion.Text, serviceInstanceId: Environment.MachineName)
            .AddAttributes([new("holdfast.cluster", cluster)]);
        _meters = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Name).AddOtlpExporter().Build();
        _traces = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Name).AddOtlpExporter().Build();
        _logs = LoggerFactory.Create(logs => logs.SetMinimumLevel(LogLevel.Debug).AddOpenTelemetry(options =>
        {
            options.IncludeFormattedMessage = true;
            options.SetResourceBuilder(resource).AddOtlpExporter();
        }));
    }

    /// <summary>Starts sending, the log's lines too, if there is somewhere to send to; null when there is not.</summary>
    public static AgentTelemetry? Start(string cluster, Log log)
    {
        if (string.IsNullOrEmpty(Environment.GetEnvironmentVariable("OTEL_EXPORTER_OTLP_ENDPOINT"))) return null;
        var telemetry = new AgentTelemetry(cluster);
        var logger = telemetry._logs!.CreateLogger(Name);
        log.Also = (level, message) => logger.Log(LevelOf(level), default, message, null, (text, _) => text);
        return telemetry;
    }

    /// <summary>A call to the store has ended.</summary>
    public static void StoreCalled(StoreCallReport report)
    {
        var verb = new KeyValuePair<string, object?>("holdfast.store.verb", report.Call.Verb);
        Calls.Record(report.Duration.TotalSeconds, verb, new("holdfast.store.outcome", report.Outcome.ToString()));
        if (report.Attempts > 1) Repeated.Add(report.Attempts - 1, verb);
    }

    /// <summary>A heartbeat is stored.</summary>
    public static void HeartbeatSent(uint ready)
    {
        Heartbeats.Add(1);
        Waiting.Record(ready);
    }

    /// <summary>An attempt at a backup begins: its span.</summary>
    public static Activity? BackupBegins(BackupOrder order) =>
        Source.StartActivity("backup")?.SetTag("holdfast.backup", order.Label.ToString()).SetTag("holdfast.backup.attempt", order.Attempt);

    /// <summary>It has ended.</summary>
    public static void BackupEnded(Activity? span, ReadingProgress progress, TimeSpan took, JobEnd? end)
    {
        Read.Add(progress.DoneBytes);
        Stored.Add(progress.StoredBytes);
        var outcome = end is null ? "cancelled" : end.Succeeded ? "stored" : "failed";
        Attempts.Record(took.TotalSeconds, new KeyValuePair<string, object?>("holdfast.backup.outcome", outcome));
        span?.SetTag("holdfast.backup.outcome", outcome).SetTag("holdfast.backup.read", progress.DoneBytes).SetTag("holdfast.backup.stored", progress.StoredBytes);
        if (end is { Succeeded: false }) span?.SetStatus(ActivityStatusCode.Error, end.Error);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _meters?.Shutdown(LastWordsMilliseconds);
        _traces?.Shutdown(LastWordsMilliseconds);
        _meters?.Dispose();
        _traces?.Dispose();
        _logs?.Dispose();
    }

    private static LogLevel LevelOf(Severity level) => level switch
    {
        Severity.Error => LogLevel.Error,
        Severity.Warn => LogLevel.Warning,
        Severity.Info => LogLevel.Information,
        _ => LogLevel.Debug,
    };
}
