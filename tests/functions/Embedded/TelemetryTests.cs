using System.Collections;
using System.Net;
using System.Text;
using Holdfast.Functions.Embedded;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;

namespace Holdfast.Tests.Functions.Embedded;

public class TelemetryTests
{
    [Fact]
    public async Task Signals_are_sent_where_opentelemetrys_variables_say()
    {
        var port = FreePorts.Take(2);
        using var collector = new HttpListener();
        collector.Prefixes.Add($"http://127.0.0.1:{port[0]}/");
        collector.Start();
        using var board = new SignalBoard(TimeProvider.System);
        board.Publish("shop", [new(SignalTable.Gaps, 3, "7392")]);
        await using var app = Build(port[1], new Hashtable
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = $"http://127.0.0.1:{port[0]}", ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "200",
            ["OTEL_EXPORTER_OTLP_HEADERS"] = "x-token=abc", ["PATH"] = "/bin",
        });
        await app.StartAsync();
        var sent = await ReceiveAsync(collector);
        for (var waited = 0; waited < 50 && !sent.Contains(SignalTable.Gaps.Name, StringComparison.Ordinal); waited++) sent = await ReceiveAsync(collector);
        foreach (var text in new[] { SignalTable.Gaps.Name, "7392", "shop", "holdfast-control-plane" }) Assert.Contains(text, sent, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Nothing_is_sent_without_an_endpoint()
    {
        await using var app = Build(FreePorts.Take(1)[0], new Hashtable { ["OTEL_SERVICE_NAME"] = "shop", ["OTEL_EXPORTER_OTLP_ENDPOINT"] = "" });
        Assert.DoesNotContain(app.Services.GetService(typeof(IEnumerable<Microsoft.Extensions.Hosting.IHostedService>)) as IEnumerable<object> ?? [], service => service.GetType().FullName!.StartsWith("OpenTelemetry", StringComparison.Ordinal));
    }

    private static async Task<string> ReceiveAsync(HttpListener collector)
    {
        var request = await collector.GetContextAsync().WaitAsync(TimeSpan.FromSeconds(30));
        using var body = new MemoryStream();
        await request.Request.InputStream.CopyToAsync(body);
        request.Response.Close();
        Assert.Equal("/v1/metrics", request.Request.Url!.AbsolutePath);
        Assert.Equal("abc", request.Request.Headers["x-token"]);
        return Encoding.Latin1.GetString(body.ToArray()); // protobuf: texts are in it as they are
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
