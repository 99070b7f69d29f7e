using System.Collections.Concurrent;
using System.IO.Compression;
using System.Net;
using System.Text;
using System.Text.Json;
using Azure.Monitor.OpenTelemetry.Exporter;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Fixtures;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace Holdfast.Tests.Durable;

/// <summary>What comes to Azure Monitor's ingestion is what the alerts ask for: its exporter, over a server of the test's own that takes what it sends.</summary>
public sealed class AzureMonitorTests : IDisposable
{
    private readonly HttpListener _listener = new();
    private readonly ConcurrentQueue<JsonElement> _items = new();

    public AzureMonitorTests()
    {
        Url = $"http://127.0.0.1:{FreePorts.Take(1)[0]}/";
        _listener.Prefixes.Add(Url);
        _listener.Start();
        _ = ReceiveAsync();
    }

    private string Url { get; }

    public void Dispose() => _listener.Close();

    [Fact]
    public async Task A_signal_and_a_log_line_come_by_name_value_and_dimensions_at_the_end_of_a_function()
    {
        var builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton(new SignalBoard(TimeProvider.System));
        builder.Configuration["APPLICATIONINSIGHTS_STATSBEAT_DISABLED"] = "true";
        Telemetry.Observe(builder).UseAzureMonitorExporter(options =>
        {
            options.ConnectionString = $"InstrumentationKey={Guid.NewGuid()};IngestionEndpoint={Url};LiveEndpoint={Url}";
            (options.DisableOfflineStorage, options.EnableLiveMetrics) = (true, false);
        });
        using var host = builder.Build();
        await host.StartAsync();
        host.Services.GetRequiredService<SignalBoard>().Publish("shop", [new Reading(SignalTable.Rpo, 42.5, "db1"), new Reading(SignalTable.ImmutabilityDrift, 1)]);
        host.Services.GetRequiredService<ILogger<AzureMonitorTests>>().LogError("backup {Label} failed", "20260102-020000F");

        // As Program does when a function has ended; nothing else sends within the minute.
        await Task.Run(() => Telemetry.Flush(host.Services));

        var rpo = Metric(SignalTable.Rpo);
        Assert.Equal(42.5, rpo.GetProperty("metrics")[0].GetProperty("value").GetDouble());
        Assert.Equal(("shop", "db1"), (rpo.GetProperty("properties").GetProperty("cluster").GetString(), rpo.GetProperty("properties").GetProperty("host").GetString()));
        var drift = Metric(SignalTable.ImmutabilityDrift);
        Assert.Equal("shop", drift.GetProperty("properties").GetProperty("cluster").GetString());
        Assert.Contains(_items, item => TypeOf(item) == "MessageData" && item.ToString().Contains("20260102-020000F", StringComparison.Ordinal));
        Assert.All(_items, item => Assert.Equal("holdfast-control-plane", item.GetProperty("tags").GetProperty("ai.cloud.role").GetString()));
        await host.StopAsync();
    }

    private JsonElement Metric(Signal signal) => Assert.Single(_items.Where(item => TypeOf(item) == "MetricData").Select(item => item.GetProperty("data").GetProperty("baseData")),
        data => data.GetProperty("metrics")[0].GetProperty("name").GetString() == signal.Name);

    private static string? TypeOf(JsonElement item) => item.GetProperty("data").GetProperty("baseType").GetString();

    private async Task ReceiveAsync()
    {
        while (_listener.IsListening)
        {
            HttpListenerContext context;
            try { context = await _listener.GetContextAsync(); }
            catch (Exception e) when (e is HttpListenerException or ObjectDisposedException) { return; }
            var isZipped = context.Request.Headers["Content-Encoding"] == "gzip";
            await using var body = isZipped ? new GZipStream(context.Request.InputStream, CompressionMode.Decompress) : context.Request.InputStream;
            using var text = new StreamReader(body, Encoding.UTF8);
            var lines = (await text.ReadToEndAsync()).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            foreach (var line in lines) _items.Enqueue(JsonDocument.Parse(line).RootElement.Clone());
            await context.Response.OutputStream.WriteAsync(Encoding.UTF8.GetBytes($$"""{"itemsReceived":{{lines.Length}},"itemsAccepted":{{lines.Length}},"errors":[]}"""));
            context.Response.Close();
        }
    }
}
