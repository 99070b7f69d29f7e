using System.Collections;
using System.Diagnostics;
using System.Net;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Holdfast.Tests.Functions.Signals;

public class TelemetryTests
{
    [Fact]
    public async Task Metrics_traces_and_logs_are_sent_where_opentelemetrys_variables_say()
    {
        await using var collector = new OtlpCollector();
        using var board = new SignalBoard(TimeProvider.System);
        board.Publish("shop", [new(SignalTable.Gaps, 3, "7392")]);
        var port = FreePorts.Take(1)[0];
        await using var app = Build(port, new Hashtable
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-token=abc", ["PATH"] = "/bin",
        });
        app.MapGet("/asked-for", context => context.Response.WriteAsync("yes"));
        await app.StartAsync();
        using (var source = new ActivitySource(Telemetry.Workflows))
        using (source.StartActivity("activity Tested")) app.Logger.LogWarning("cluster {Cluster} is looked at", "shop");
        using (var http = new HttpClient()) await http.GetStringAsync(new Uri($"http://127.0.0.1:{port}/asked-for"));
        await app.StopAsync();
        await app.DisposeAsync(); // sends what is left
        await collector.SeenAsync("/v1/metrics", SignalTable.Gaps.Name, "7392", "shop", "holdfast-control-plane");
        await collector.SeenAsync("/v1/traces", "activity Tested", "url.path", "/asked-for", "holdfast-control-plane");
        await collector.SeenAsync("/v1/logs", "cluster shop is looked at", "holdfast-control-plane");
        Assert.All(collector.Tokens, token => Assert.Equal("abc", token));
    }

    [Fact]
    public async Task A_flush_sends_at_once_what_would_wait_for_its_hour()
    {
        await using var collector = new OtlpCollector();
        using var board = new SignalBoard(TimeProvider.System);
        await using var app = Build(FreePorts.Take(1)[0], new Hashtable
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "3600000", ["OTEL_BSP_SCHEDULE_DELAY"] = "3600000", ["OTEL_BLRP_SCHEDULE_DELAY"] = "3600000",
        });
        await app.StartAsync();
        board.Publish("shop", [new(SignalTable.Gaps, 3, "7393")]);
        using (var source = new ActivitySource(Telemetry.Workflows))
        using (source.StartActivity("activity Flushed")) app.Logger.LogWarning("cluster {Cluster} is flushed", "shop");
        Telemetry.Flush(app.Services);
        await collector.SeenAsync("/v1/metrics", SignalTable.Gaps.Name, "7393");
        await collector.SeenAsync("/v1/traces", "activity Flushed");
        await collector.SeenAsync("/v1/logs", "cluster shop is flushed");
        await app.StopAsync();
    }

    [Fact]
    public async Task Nothing_is_sent_without_an_endpoint()
    {
        await using var app = Build(FreePorts.Take(1)[0], new Hashtable { ["OTEL_SERVICE_NAME"] = "shop", ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "" });
        Assert.DoesNotContain(app.Services.GetService(typeof(IEnumerable<Microsoft.Extensions.Hosting.IHostedService>)) as IEnumerable<object> ?? [], service => service.GetType().FullName!.StartsWith("OpenTelemetry", StringComparison.Ordinal));
    }

    private static WebApplication Build(int port, Hashtable environment)
    {
        var builder = WebApplication.CreateSlimBuilder();
        builder.Configuration.Sources.Clear();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, port));
        Telemetry.Add(builder, environment);
        return builder.Build();
    }
}
