using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Functions.Api;
using Holdfast.Tests.Fixtures;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Integration;

/// <summary>The embedded control plane as a process, against a real Azurite and a real server; where an agent is needed, <see cref="JobAnswerer"/> stands for it.</summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class ControlPlaneTests(SharedAzurite azurite)
{
    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_host_registers_through_it_and_a_backup_is_committed()
    {
        await using var world = await World.StartAsync(azurite.Server);
        await world.BeginWalAsync();
        var following = world.Archive.RunAsync(["backup", "--type=full", .. world.Client]);
        var job = await world.Answerer.NextAsync();
        Assert.Equal((1u, $"{world.Archive.Cluster}:backup-{job.Backup.Label}/1"), (job.Backup.Attempt, job.Id));
        await world.Answerer.SendAsync(new Wire.Report { Progress = new Wire.JobProgress { Job = job.Id, DoneBytes = 5, TotalBytes = 10, TotalFiles = 2 } });
        await world.AnswerAsync(job);
        Assert.False(following.IsCompleted, "the backup was committed before its WAL was archived");
        await world.PushAsync();
        var (code, output, error) = await following;
        Assert.True(code == 0, $"{output}{error}\n{world.ControlPlane.Log}");
        Assert.Contains($"{job.Backup.Label}  committed in", output, StringComparison.Ordinal);
        var backup = Assert.Single((await world.Archive.ReadLogAsync()).State.Backups);
        Assert.Equal((job.Backup.Label, 1), (backup.Label.ToString(), backup.Attempt));
        Assert.Equal(0, await world.ControlPlane.StopAsync());
        Assert.DoesNotContain("hfk_", world.ControlPlane.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("sig=", world.ControlPlane.Log, StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Killed_with_a_job_out_it_goes_on_and_commits_one_backup()
    {
        await using var world = await World.StartAsync(azurite.Server);
        await world.BeginWalAsync();
        await world.Archive.MustAsync(["backup", "--detach", .. world.Client]);
        var job = await world.Answerer.NextAsync();
        await world.ControlPlane.Kill9();
        await world.AnswerAsync(job);
        await world.RestartAsync();
        await world.PushAsync();
        await world.CommittedAsync();
        Assert.Equal(1, (await world.Archive.ReadLogAsync()).State.Backups[0].Attempt);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task A_lost_message_a_doubled_one_and_rubbish_in_the_queue_change_nothing()
    {
        await using var world = await World.StartAsync(azurite.Server);
        await world.BeginWalAsync();
        var queue = world.Operator.Reports;
        foreach (var rubbish in new[] { "rubbish", "report/../../log/0000000000", "report/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/1", "" + 'x' })
            await queue.SendAsync(rubbish, default);
        await world.Archive.MustAsync(["backup", "--detach", .. world.Client]);
        var job = await world.Answerer.NextAsync();
        var cut = new Wire.Report { DamagedWal = new Wire.DamagedWal { SystemIdentifier = world.System.Value, Timeline = 1, Start = 0x100000, End = 0x200000, Blob = "b", Reason = "r" } };
        var name = await world.Answerer.SendAsync(cut);
        await queue.SendAsync(name, default);
        await world.AnswerAsync(job, tellQueue: false);
        await world.PushAsync();
        // The sweep finds what the queue did not say.
        await world.CommittedAsync();
        Assert.Single((await world.Archive.ReadLogAsync()).State.Cuts);
        await Eventually.IsTrueAsync(async () => await CountAsync(world.Operator.Work, "report/") == 0, () => "reports are left");
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Of_two_control_planes_one_begins_the_backup_and_the_next_that_starts_ends_it()
    {
        await using var world = await World.StartAsync(azurite.Server);
        await world.BeginWalAsync();
        var url = ControlPlaneProcess.FreeUrl();
        var second = Path.Combine(world.Archive.Keys, "control-plane", "second.conf");
        File.WriteAllText(second, File.ReadAllText(world.Archive.Configuration("control-plane")).Replace(world.ControlPlane.Url.AbsoluteUri.TrimEnd('/'), url.AbsoluteUri.TrimEnd('/'), StringComparison.Ordinal));
        await using var other = await ControlPlaneProcess.StartAsync(second, url);
        var begun = await Task.WhenAll(world.Archive.RunAsync(["backup", "--detach", .. world.Client]), world.Archive.RunAsync(["backup", "--detach", .. world.Client, $"--control-plane-url={url.AbsoluteUri.TrimEnd('/')}"]));
        Assert.Equal([0, 3], begun.Select(run => run.Code).Order());
        Assert.Contains("is being made", begun.Single(run => run.Code == 3).Error, StringComparison.Ordinal);
        var job = await world.Answerer.NextAsync();
        await world.ControlPlane.Kill9();
        await world.AnswerAsync(job);
        await world.PushAsync();
        Assert.Equal(0, await other.StopAsync());
        await using var next = await ControlPlaneProcess.StartAsync(second, url);
        await world.CommittedAsync();
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task The_operators_key_cannot_decide_and_the_admins_can()
    {
        await using var world = await World.StartAsync(azurite.Server);
        Assert.Contains("needs the role Admin", await world.Archive.FailsAsync(2, ["policy", "--schedule-full=off", .. world.Client]), StringComparison.Ordinal);
        Assert.Contains("needs the role Admin", await world.Archive.FailsAsync(2, ["token", .. world.Client]), StringComparison.Ordinal);
        string[] admin = [$"--config={world.Archive.Configuration("control-plane")}"];
        Assert.Contains("no cron expression", await world.Archive.FailsAsync(2, ["policy", "--schedule-full=99_2_*_*_0", .. admin]), StringComparison.Ordinal);
        Assert.Contains("30 1 * * *", await world.Archive.MustAsync(["policy", "--schedule-full=30_1_*_*_*", .. admin]), StringComparison.Ordinal);
        Assert.Contains("off (0 2 * * 3)", await world.Archive.MustAsync(["policy", "--schedule-diff=off", .. admin]), StringComparison.Ordinal);
        Assert.Contains("30 1 * * *", await world.Archive.MustAsync(["policy", .. world.Client]), StringComparison.Ordinal);

        using var http = new HttpClient { BaseAddress = new Uri(world.ControlPlane.Url, $"/v1/clusters/{world.Archive.Cluster}/") };
        Assert.Equal(HttpStatusCode.Unauthorized, (await http.GetAsync("status")).StatusCode);
        http.DefaultRequestHeaders.Add(ApiContract.KeyHeader, File.ReadAllText(Path.Combine(world.Archive.Keys, "control-plane", "admin.key")).Trim());
        Assert.StartsWith("hfe_", (await ReadAsync(await http.PostAsJsonAsync("tokens", new { role = "drill" }), 201)).GetProperty("token").GetString(), StringComparison.Ordinal);
        var host = (await world.Archive.ReadLogAsync()).State.Hosts[0].Name;
        Assert.False((await ReadAsync(await http.PostAsJsonAsync("revocations", new { host, reason = "a test", dryRun = true }), 200)).TryGetProperty("logEntry", out _));
        Assert.True((await ReadAsync(await http.PostAsJsonAsync("revocations", new { host, reason = "a test" }), 200)).TryGetProperty("logEntry", out _));
        Assert.NotNull((await world.Archive.ReadLogAsync()).State.Hosts[0].Revoked);
        Assert.Contains("no database host", await world.Archive.FailsAsync(3, ["backup", .. world.Client]), StringComparison.Ordinal);
    }

    [NeedsFact(Needs.Azurite | Needs.Postgres)]
    public async Task Every_described_operation_answers_and_every_wrong_request_is_a_problem_with_a_hint()
    {
        await using var world = await World.StartAsync(azurite.Server);
        using var http = new HttpClient { BaseAddress = world.ControlPlane.Url };
        var description = await ReadAsync(await http.GetAsync("/openapi.json"), 200);
        Assert.Equal(OpenApiDocument.Write(ApiOperations.All), Encoding.UTF8.GetBytes(description.GetRawText()));
        http.DefaultRequestHeaders.Add(ApiContract.KeyHeader, File.ReadAllText(Path.Combine(world.Archive.Keys, "control-plane", "admin.key")).Trim());
        foreach (var operation in ApiOperations.All)
        {
            var path = ApiServer.Prefix.Replace("{cluster}", world.Archive.Cluster, StringComparison.Ordinal) + operation.Path.Replace("{label}", "20260102-020000F", StringComparison.Ordinal);
            var withBody = operation.TakesBytes || operation.Request is not null;
            using var request = new HttpRequestMessage(new HttpMethod(operation.Method), path)
            {
                Content = withBody ? new StringContent("{\"unknown\":1}", new System.Net.Http.Headers.MediaTypeHeaderValue(operation.TakesBytes ? ApiContract.Bytes : ApiContract.Json)) : null,
            };
            using var answer = await http.SendAsync(request);
            var text = await answer.Content.ReadAsStringAsync();
            var expected = operation.TakesBytes ? 409 : withBody ? 400 : operation.Path.Contains('{') ? 404 : operation.Success;
            Assert.True(expected == (int)answer.StatusCode, $"{operation.Id}: {answer.StatusCode} {text}");
            if (expected < 400 && operation.Answer is null) continue;
            var body = JsonDocument.Parse(text).RootElement;
            if (expected < 400) continue;
            Assert.Equal(ApiContract.Problem, answer.Content.Headers.ContentType!.MediaType);
            Assert.True(body.TryGetProperty("hint", out _), $"{operation.Id}: {body}");
        }
        using var tooLong = await http.PostAsync($"/v1/clusters/{world.Archive.Cluster}/registrations", new ByteArrayContent(new byte[ApiOperation.MaxRequest + 1]) { Headers = { ContentType = new(ApiContract.Bytes) } });
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, tooLong.StatusCode);
        using var form = await http.PostAsync($"/v1/clusters/{world.Archive.Cluster}/backups", new FormUrlEncodedContent([new("type", "full")]));
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, form.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await http.GetAsync("/elsewhere")).StatusCode);
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, int status)
    {
        var text = await answer.Content.ReadAsStringAsync();
        Assert.True(status == (int)answer.StatusCode, $"{answer.StatusCode}: {text}");
        return JsonDocument.Parse(text).RootElement;
    }

    private static async Task<int> CountAsync(IObjectStore store, string prefix)
    {
        var count = 0;
        await foreach (var _ in store.ListAsync(prefix, default)) count++;
        return count;
    }

    /// <summary>A cluster, its control plane, a registered server.</summary>
    private sealed class World : IAsyncDisposable
    {
        private readonly HostIdentity _identity;
        private readonly PostgresServer _server;
        private Lsn _start, _stop;

        private World(ArchiveWorld archive, ControlPlaneProcess controlPlane, PostgresServer server, BlobServices host, BlobServices operations)
        {
            (Archive, ControlPlane, _server, Host, Operator) = (archive, controlPlane, server, host, operations);
            _identity = HostIdentity.TryLoad(new StateFolder(archive["state", archive.Cluster]))!;
            var options = archive.Options("agent");
            System = DataDirectory.Open(server.DataFolder).Control.SystemIdentifier;
            Answerer = new JobAnswerer(host, _identity, Recipients.Of(options), options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey(), System);
        }

        public ArchiveWorld Archive { get; }
        public ControlPlaneProcess ControlPlane { get; private set; }
        public BlobServices Host { get; }
        public BlobServices Operator { get; }
        public JobAnswerer Answerer { get; }
        public SystemIdentifier System { get; }
        public string[] Client => [$"--config={Archive.Configuration("agent")}"];

        public static async Task<World> StartAsync(AzuriteServer azurite)
        {
            var (archive, url) = (new ArchiveWorld(azurite), ControlPlaneProcess.FreeUrl());
            await archive.MustAsync(["init", "--yes", $"--control-plane-url={url.AbsoluteUri.TrimEnd('/')}", .. archive.InitWords]);
            var controlPlane = await ControlPlaneProcess.StartAsync(archive.Configuration("control-plane"), url);
            var server = await ArchiveWorld.StartServerAsync();
            Assert.Contains("is registered for cluster", await archive.MustAsync(["register", .. archive.Host(server)]), StringComparison.Ordinal);
            var operations = new StoreSettings
            {
                Names = new ContainerNames(archive.Cluster), Credential = new StoreCredential.ConnectionString(azurite.ConnectionString), CaFile = azurite.CaFile,
            };
            return new World(archive, controlPlane, server, BlobServices.Open(StoreOptions.From(archive.Options("agent"), TimeSpan.FromSeconds(20))), BlobServices.Open(operations));
        }

        /// <summary>Where the backup will start.</summary>
        public async Task BeginWalAsync()
        {
            await ArchiveWorld.FinishSegmentAsync(_server);
            _start = Lsn.Parse(await _server.ScalarAsync<string>("SELECT pg_current_wal_lsn()::text"));
        }

        /// <summary>Does the job: an attempt from there to here, and the word that it is done.</summary>
        public async Task AnswerAsync(Wire.Job job, bool tellQueue = true)
        {
            await ArchiveWorld.FinishSegmentAsync(_server);
            await ArchiveWorld.FinishSegmentAsync(_server);
            _stop = Lsn.Parse(await _server.ScalarAsync<string>("SELECT pg_current_wal_lsn()::text"));
            // At the boundary after a switch: the segment that begins there is not waited for.
            _stop = new Lsn(_stop.Value / (1 << 20) * (1 << 20));
            await Answerer.StoreAsync(job.Backup, _start, _stop, 1 << 20);
            await Answerer.EndAsync(job, tellQueue);
        }

        public Task PushAsync() => Archive.PushReadyAsync(_server);

        public async Task CommittedAsync() => await Eventually.IsTrueAsync(async () => (await Archive.ReadLogAsync()).State switch
        {
            { Backups.Count: 1 } => true,
            { FailedBackups: [var failed, ..] } => throw new InvalidOperationException($"{failed.Reason}\n{ControlPlane.Log}"),
            _ => false,
        }, () => ControlPlane.Log);

        public async Task RestartAsync() => ControlPlane = await ControlPlaneProcess.StartAsync(Archive.Configuration("control-plane"), ControlPlane.Url);

        public async ValueTask DisposeAsync()
        {
            await ControlPlane.DisposeAsync();
            await Answerer.DisposeAsync();
            _identity.Dispose();
            Host.Dispose();
            Operator.Dispose();
            await _server.DisposeAsync();
            Archive.Dispose();
        }
    }
}
