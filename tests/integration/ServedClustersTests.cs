using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Functions.Api;
using Holdfast.Functions.Embedded;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Hosting;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Integration;

/// <summary>
/// The control plane as functions drive it: rounds of whatever instance, put together as the function app does, over one real store. Instances share nothing in memory;
/// in the place of the task hub they have a journal of the embedded engine.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class ServedClustersTests(SharedAzurite azurite) : IAsyncLifetime
{
    private readonly ArchiveWorld _world = new(azurite.Server);
    private readonly MemoryJournal _hub = new();
    private readonly EntraServer _entra = new();
    private readonly Guid _application = Guid.NewGuid();
    private readonly List<IAsyncDisposable> _disposables = [];
    private JobAnswerer _host = null!;
    private BlobServices _mail = null!;

    public async Task InitializeAsync()
    {
        _entra.Rotate();
        await _world.InitAsync();
        var data = _world["data"];
        Directory.CreateDirectory(Path.Combine(data, "global"));
        Directory.CreateDirectory(Path.Combine(data, "pg_wal", "archive_status"));
        File.WriteAllBytes(Path.Combine(data, "global", "pg_control"), FaultWorld.Golden["pg_control"]);
        await _world.MustAsync(["register", $"--config={_world.Configuration("agent")}", $"--pg-path={data}", $"--state-path={_world["state"]}", _world.ControlPlane]);
        var options = _world.Options("agent");
        _mail = BlobServices.Open(StoreOptions.From(options, TimeSpan.FromSeconds(20)));
        _host = new JobAnswerer(_mail, HostIdentity.TryLoad(new StateFolder(_world["state", _world.Cluster]))!, Recipients.Of(options), options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey(), FaultWorld.Golden.SystemIdentifier);
    }

    public async Task DisposeAsync()
    {
        foreach (var one in _disposables) await one.DisposeAsync();
        if (_host is not null) await _host.DisposeAsync();
        _mail?.Dispose();
        await _entra.DisposeAsync();
        _world.Dispose();
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task What_one_instance_took_in_another_one_sees_in_its_look_and_its_answers()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        await _host.SendAsync(Heartbeat(walBytes: 111));
        await a.Clusters.TakeReportsAsync(default);
        await b.Clusters.LookAsync(Assert.Single(b.Clusters.Looks()), default);
        Assert.Equal(111, Of(b, SignalTable.WalSize));
        Assert.InRange(Of(b, SignalTable.HeartbeatAge)!.Value, 0, 60);
        Assert.Equal(111, (await StatusAsync(b)).Heartbeat!.WalBytes);

        await _host.SendAsync(Heartbeat(walBytes: 222));
        await a.Clusters.TakeReportsAsync(default);
        await b.Clusters.LookAsync(b.Clusters.Looks()[0], default);
        Assert.Equal(222, Of(b, SignalTable.WalSize));
        // An instance that begins now sees the last one, too: of each host one heartbeat stays.
        var c = await StartAsync();
        Assert.Equal(222, (await StatusAsync(c)).Heartbeat!.WalBytes);
        Assert.Single(await ReportsAsync());
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task A_lost_message_and_a_host_that_begins_its_numbers_anew_lose_no_heartbeat()
    {
        var (a, b) = (await StartAsync(), await StartAsync());
        for (var i = 1; i <= 3; i++)
        {
            await _host.SendAsync(Heartbeat(walBytes: (ulong)i), tellQueue: false);
            await (i % 2 == 0 ? a : b).Clusters.LookAsync(a.Clusters.Looks()[0], default);
        }
        await a.Clusters.LookAsync(a.Clusters.Looks()[0], default);
        Assert.Equal(3, Of(a, SignalTable.WalSize));
        Assert.Single(await ReportsAsync());
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task What_is_due_is_begun_once_by_however_many_instances()
    {
        var (a, b) = (await StartAsync(TimeSpan.FromDays(8)), await StartAsync(TimeSpan.FromDays(8)));
        await Task.WhenAll(a.Clusters.FollowSchedulesAsync(default), b.Clusters.FollowSchedulesAsync(default));
        await b.Clusters.FollowSchedulesAsync(default);
        var running = Assert.Single((await _world.ReadLogAsync()).State.Running);
        var instance = BackupNames.Instance(_world.Cluster, running.Label);
        Assert.Equal(instance.ToString(), $"{_world.Cluster}:backup-{running.Label}");
        Assert.NotNull(a.Clusters.WorkflowsOf(instance.ToString()).Workflow("backup"));
        Assert.Throws<Holdfast.Core.ConfigurationException>(() => a.Clusters.WorkflowsOf($"other:backup-{running.Label}").Workflow("backup"));
        Assert.Equal(instance + "/1", (await _host.NextAsync()).Id);
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task A_look_of_long_ago_or_at_another_cluster_is_passed_over_and_what_is_no_look_is_refused()
    {
        var (a, later) = (await StartAsync(), await StartAsync(TimeSpan.FromMinutes(3)));
        await later.Clusters.LookAsync(a.Clusters.Looks()[0], default);
        await a.Clusters.LookAsync(a.Clusters.Looks()[0].Replace(_world.Cluster, "other", StringComparison.Ordinal), default);
        Assert.Empty(later.Signals.Of(_world.Cluster));
        Assert.Empty(a.Signals.Of(_world.Cluster));
        await Assert.ThrowsAsync<Holdfast.Core.RefusedException>(() => a.Clusters.LookAsync("delete everything", default));
    }

    [NeedsFact(Needs.Azurite | Needs.Agent)]
    public async Task The_interface_is_the_embedded_one_behind_Entras_gate()
    {
        var app = await StartAsync();
        var cluster = $"/v1/clusters/{_world.Cluster}/";
        foreach (var operation in ApiOperations.All)
        {
            var path = ApiServer.Prefix.Replace("{cluster}", _world.Cluster, StringComparison.Ordinal) + operation.Path.Replace("{label}", "20260102-020000F", StringComparison.Ordinal);
            Assert.Equal((operation.Id, HttpStatusCode.Unauthorized), (operation.Id, await SendAsync(app, operation.Method, path)));
            var lesser = operation.Role == ApiRole.Report ? ApiRole.Recover : ApiRole.Report;
            Assert.Equal((operation.Id, HttpStatusCode.Forbidden), (operation.Id, await SendAsync(app, operation.Method, path, lesser)));
        }
        Assert.Equal(HttpStatusCode.Unauthorized, await SendAsync(app, "GET", "/health"));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(app, "GET", "/health", ApiRole.Report));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(app, "GET", "/health/live"));
        Assert.Equal(HttpStatusCode.OK, await SendAsync(app, "GET", cluster + "backups", ApiRole.Report));
        Assert.Equal(HttpStatusCode.NotFound, await SendAsync(app, "GET", "/v1/clusters/other/backups", ApiRole.Report));
        Assert.Equal(HttpStatusCode.NotFound, await SendAsync(app, "GET", "/admin", ApiRole.Admin));
        Assert.Equal(HttpStatusCode.Created, await SendAsync(app, "POST", cluster + "tokens", ApiRole.Admin, """{"role":"restorer"}"""));
    }

    private static Wire.Report Heartbeat(ulong walBytes) => new() { Heartbeat = new Wire.Heartbeat { Version = "1", Timeline = 1, WalInsert = 1 << 24, ArchivedTo = 1 << 23, WalBytes = walBytes, WalFreeBytes = 1 << 30 } };

    private double? Of(App app, Signal signal) => app.Signals.Of(_world.Cluster).Where(reading => reading.Signal == signal).Select(reading => (double?)reading.Value).SingleOrDefault();

    private async Task<List<string>> ReportsAsync()
    {
        var names = new List<string>();
        await foreach (var blob in _mail.Work.ListAsync("report/", default)) names.Add(blob.Name);
        return names;
    }

    private async Task<HostStatus> StatusAsync(App app)
    {
        using var answer = await CallAsync(app, "GET", $"/v1/clusters/{_world.Cluster}/status", ApiRole.Report, null);
        var body = await answer.Content.ReadAsByteArrayAsync();
        Assert.True(answer.IsSuccessStatusCode, Encoding.UTF8.GetString(body));
        return Assert.Single(JsonSerializer.Deserialize(body, ApiJson.Default.ClusterStatus)!.Hosts);
    }

    private async Task<HttpStatusCode> SendAsync(App app, string method, string path, ApiRole? role = null, string? json = null)
    {
        using var answer = await CallAsync(app, method, path, role, json);
        return answer.StatusCode;
    }

    private async Task<HttpResponseMessage> CallAsync(App app, string method, string path, ApiRole? role, string? json)
    {
        using var http = new HttpClient { BaseAddress = app.Url };
        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        if (json is not null) request.Content = new StringContent(json, Encoding.UTF8, ApiContract.Json);
        // What a function key and App Service would bring, which must not matter.
        request.Headers.Add("x-functions-key", "master");
        request.Headers.Add("X-MS-CLIENT-PRINCIPAL-NAME", "admin");
        if (role is { } granted)
            request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", _entra.Mint($"api://{_application}", (claims, _) => claims["roles"] = new JsonArray(granted.ToString())));
        return await http.SendAsync(request);
    }

    /// <summary>An instance of the function app: its clusters, and behind a route that takes everything, its HTTP interface.</summary>
    private async Task<App> StartAsync(TimeSpan ahead = default)
    {
        var configuration = Assert.Single(ControlPlaneConfiguration.Read(_world.Configuration("control-plane")).Clusters);
        var settings = new AppSettings([configuration.Settings], new EntraSettings(Guid.Parse(_entra.TenantId), _application) { AuthorityHost = _entra.Authority });
        var clock = new ShiftedTime(ahead);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        var engines = new List<JournaledEngine>();
        HostedClusters.Add(builder.Services, settings, clock, (_, workflows) =>
        {
            engines.Add(new JournaledEngine(_hub, workflows, clock, NullLogger<JournaledEngine>.Instance));
            return new WorkflowEngine(engines[^1], _ => { });
        }, LoopbackTrust.Handler(_entra.CaFile));
        var web = builder.Build();
        web.Map("{*path}", http => http.RequestServices.GetRequiredService<ServedApi>().AnswerAsync(http));
        await web.StartAsync();
        var app = new App(web.Services.GetRequiredService<ServedClusters>(), web.Services.GetRequiredService<SignalBoard>(), new Uri(web.Urls.Single()));
        foreach (var engine in engines) await engine.StartAsync(default);
        _disposables.AddRange([.. engines, web]);
        return app;
    }

    private sealed record App(ServedClusters Clusters, SignalBoard Signals, Uri Url);

    private sealed class ShiftedTime(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => DateTimeOffset.UtcNow + ahead;
    }
}
