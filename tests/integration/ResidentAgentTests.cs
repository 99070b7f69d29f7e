using System.Diagnostics;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing.Wire;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>The resident agent as a process of its own, with jobs as a control plane sends them.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class ResidentAgentTests(SharedAzurite azurite)
{
    private const Needs All = Needs.Azurite | Needs.Postgres | Needs.Agent;

    [NeedsFact(All)]
    public async Task A_job_becomes_a_backup_and_its_end_is_reported()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await using var agent = new ResidentProcess(host);
        agent.Start();
        var asked = Stopwatch.GetTimestamp();
        await agent.SendAsync(Backup("a", attempt: 1));
        var end = await agent.EndOfAsync("a");
        Assert.True(end.Succeeded, end.Error + agent.Output);
        Assert.InRange(Stopwatch.GetElapsedTime(asked).TotalSeconds, 0, 60);
        await host.ReadBackAsync();
        var heartbeat = (await agent.ReportsAsync()).First(report => report.Heartbeat is not null).Heartbeat;
        Assert.True(heartbeat is { WalInsert: > 0, Timeline: 1, InRecovery: false, WalBytes: > 0, WalFreeBytes: > 0 }, $"{heartbeat}");

        // Sent twice, because the answer to the first was lost: it is done once, and the next one is taken up.
        await agent.SendAsync(Backup("a", attempt: 1));
        await agent.SendAsync(Backup("b", attempt: 2));
        Assert.True((await agent.EndOfAsync("b")).Succeeded);
        Assert.Single(await agent.ReportsAsync(), report => report.Ended?.Job == "a");
        Assert.Equal(0, await agent.StopAsync());
        Assert.Contains("the agent was told to stop, and does", agent.Output, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task What_it_does_is_sent_to_a_collector_and_one_that_hangs_does_not_hold_it_up()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await using var agent = new ResidentProcess(host);
        using var scratch = new ScratchFolder("otlp");
        var certificate = new LoopbackCertificate(scratch.Path, "authority of the collector");
        await using var collector = new OtlpCollector(certificate);
        agent.Start(Environment());
        await agent.SendAsync(Backup("a", attempt: 1));
        Assert.True((await agent.EndOfAsync("a")).Succeeded, agent.Output);
        await collector.SeenAsync("/v1/metrics", "holdfast.agent.heartbeats", "holdfast.agent.wal.waiting", "holdfast.agent.backup.read", "holdfast.agent.store.duration", "holdfast-agent", host.World.Cluster);
        Assert.Equal(0, await agent.StopAsync());
        await collector.SeenAsync("/v1/traces", "holdfast.backup.attempt", "stored");
        await collector.SeenAsync("/v1/logs", "the agent was told to stop, and does");
        Assert.DoesNotContain("AccountKey", collector.Everything, StringComparison.Ordinal);

        collector.Hangs = true;
        await using var other = new ResidentProcess(host);
        other.Start(Environment());
        await other.SendAsync(Backup("b", attempt: 2));
        Assert.True((await other.EndOfAsync("b")).Succeeded, other.Output);
        var told = Stopwatch.GetTimestamp();
        Assert.Equal(0, await other.StopAsync());
        Assert.InRange(Stopwatch.GetElapsedTime(told).TotalSeconds, 0, 15);

        // The authority is the system's: repo-ca-file is for the repository and what guards it.
        Dictionary<string, string?> Environment() => new()
        {
            ["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.Url, ["OTEL_EXPORTER_OTLP_PROTOCOL"] = "http/protobuf", ["OTEL_METRIC_EXPORT_INTERVAL"] = "500", ["SSL_CERT_FILE"] = certificate.CaFile,
        };
    }

    [NeedsFact(All)]
    public async Task While_a_spread_checkpoint_is_waited_for_it_is_said_again_and_again_that_it_is_and_how_long_a_store_is_waited_for()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, settings: ("checkpoint_timeout", "1h"));
        await host.Server.ExecuteAsync("CREATE TABLE dirty AS SELECT n, repeat('x', 500) AS filler FROM generate_series(1, 20000) n");
        await using var agent = new ResidentProcess(host);
        agent.Start(new Dictionary<string, string?> { ["HOLDFAST_START_FAST"] = "n" });
        await agent.SendAsync(Backup("a", attempt: 1));
        async Task<int> SaidAsync(CopyPhase phase) => (await agent.ReportsAsync())
            .Count(report => report.Progress is { Job: "a", StoreTimeoutSeconds: 30 } said && (CopyPhase)said.Phase == phase);
        await Eventually.IsTrueAsync(async () => await SaidAsync(CopyPhase.Checkpoint) >= 3, () => agent.Output);
        Assert.DoesNotContain(await agent.ReportsAsync(), report => report.Ended is not null);
        await host.Server.ExecuteAsync("CHECKPOINT"); // hurries the one that runs
        Assert.True((await agent.EndOfAsync("a")).Succeeded, agent.Output);
        await host.ReadBackAsync();
    }

    [NeedsFact(All)]
    public async Task What_it_does_not_know_is_refused_and_junk_is_passed_over()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await using var agent = new ResidentProcess(host);
        var name = BlobNames.Job(await agent.KeyAsync(), 0);
        await host.Work.CreateAsync(name, BlobContent.From("junk"u8.ToArray()), default);
        await agent.SendAsync(new Job { Id = "unknown" });
        await agent.SendAsync(new Job { Id = "bad", Backup = new BackupJob { Label = "nonsense", Attempt = 1 } });
        await agent.SendAsync(new Job { Id = "late", Cancel = new CancelJob { Job = "gone", Reason = "too late" } });
        agent.Start();
        var unknown = await agent.EndOfAsync("unknown");
        Assert.False(unknown.Succeeded || unknown.MayRetry);
        Assert.Contains("does not know HINT: install the control plane's version", unknown.Error, StringComparison.Ordinal);
        Assert.Contains("\"nonsense\" is no label", (await agent.EndOfAsync("bad")).Error, StringComparison.Ordinal);
        await agent.SendAsync(Backup("good", attempt: 1));
        Assert.True((await agent.EndOfAsync("good")).Succeeded);
        Assert.Contains("is junk and was left alone", agent.Output, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task Cancelling_a_job_that_runs_ends_it()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        await using var agent = new ResidentProcess(host);
        host.Proxy!.Add(request => request.Path.Contains("/pack/", StringComparison.Ordinal) ? new Fault.Stall() : null);
        agent.Start();
        await agent.SendAsync(Backup("a", attempt: 1));
        await Eventually.IsTrueAsync(() => Task.FromResult(host.Proxy.Requests.Any(request => request.Path.Contains("/pack/", StringComparison.Ordinal))), () => agent.Output);
        var asked = Stopwatch.GetTimestamp();
        await agent.SendAsync(new Job { Id = "a/cancel", Cancel = new CancelJob { Job = "a", Reason = "the operator said so" } });
        var end = await agent.EndOfAsync("a");
        Assert.Equal((false, "cancelled: the operator said so", false), (end.Succeeded, end.Error, end.MayRetry));
        Assert.InRange(Stopwatch.GetElapsedTime(asked).TotalSeconds, 0, 5);
        host.Proxy.Clear();
        await agent.SendAsync(Backup("b", attempt: 2));
        Assert.True((await agent.EndOfAsync("b")).Succeeded, agent.Output);
    }

    [NeedsFact(All)]
    public async Task Being_stopped_in_a_backup_is_reported_and_worth_another_attempt()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        await using var agent = new ResidentProcess(host);
        host.Proxy!.Add(request => request.Path.Contains("/pack/", StringComparison.Ordinal) ? new Fault.Stall() : null);
        agent.Start();
        await agent.SendAsync(Backup("a", attempt: 1));
        await Eventually.IsTrueAsync(() => Task.FromResult(host.Proxy.Requests.Any(request => request.Path.Contains("/pack/", StringComparison.Ordinal))), () => agent.Output);
        Assert.Equal(0, await agent.StopAsync());
        var end = await agent.EndOfAsync("a");
        Assert.True(end is { Succeeded: false, MayRetry: true });
        Assert.Contains("the agent was stopped", end.Error, StringComparison.Ordinal);
    }

    [NeedsFact(All)]
    public async Task A_store_and_a_server_that_are_away_are_waited_for()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        await using var agent = new ResidentProcess(host);
        host.Proxy!.Add(_ => new Fault.Answer(503, "ServerBusy"));
        await host.Server.StopAsync();
        agent.Start();
        await Eventually.IsTrueAsync(() => Task.FromResult(agent.Output.Contains("the store does not answer", StringComparison.Ordinal)), () => agent.Output);
        host.Proxy.Clear();
        await Eventually.IsTrueAsync(() => Task.FromResult(agent.Output.Contains("the store answers again", StringComparison.Ordinal)), () => agent.Output);
        await agent.SendAsync(Backup("a", attempt: 1));
        var end = await agent.EndOfAsync("a");
        Assert.True(end is { Succeeded: false, MayRetry: true }, end.Error);
        await host.Server.StartAsync();
        await agent.SendAsync(Backup("b", attempt: 2));
        Assert.True((await agent.EndOfAsync("b")).Succeeded, agent.Output);
        Assert.Equal(1, agent.Output.Split("the store does not answer").Length - 1);
        Assert.Equal(1, agent.Output.Split("the server does not answer").Length - 1);
    }

    [NeedsFact(All)]
    public async Task Memory_is_bounded_by_the_workers_not_by_the_database()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server);
        await using var agent = new ResidentProcess(host);
        // Nothing of it compresses, so packs are as large as they get.
        for (var i = 0; i < 6; i++)
        {
            var bytes = new byte[64 << 20];
            new Random(i).NextBytes(bytes);
            File.WriteAllBytes(Path.Combine(host.Server.DataFolder, $"random{i}"), bytes);
        }
        agent.Start();
        await agent.SendAsync(Backup("a", attempt: 1));
        var end = await agent.EndOfAsync("a");
        Assert.True(end.Succeeded, end.Error);
        // A native agent stays below 160 MiB; a managed one has its compiler in memory, too.
        Assert.InRange(agent.PeakMemory(), 20 << 20, 320 << 20);
    }

    [NeedsFact(All)]
    public async Task Killed_at_each_put_in_turn_the_next_attempt_has_a_prefix_of_its_own_and_succeeds()
    {
        await using var host = await BackupHost.StartAsync(azurite.Server, withProxy: true);
        await using var agent = new ResidentProcess(host);
        var killed = 0;
        for (var attempt = 1; ; attempt++)
        {
            var (count, nth, hit) = (0, attempt, false);
            host.Proxy!.Clear();
            host.Proxy.Add(request =>
            {
                if (request.Method != "PUT" || !request.Path.Contains("/backup/", StringComparison.Ordinal) || Interlocked.Increment(ref count) != nth) return null;
                hit = true;
                agent.Kill();
                return nth % 2 == 0 ? new Fault.DropAfter() : new Fault.DropBefore();
            });
            agent.Start();
            await agent.SendAsync(Backup($"job/{attempt}", attempt));
            await Eventually.IsTrueAsync(async () => hit || (await agent.ReportsAsync()).Any(report => report.Ended?.Job == $"job/{attempt}"), () => agent.Output);
            if (!hit)
            {
                var end = await agent.EndOfAsync($"job/{attempt}");
                Assert.True(end.Succeeded, end.Error);
                await host.ReadBackAsync(attempt: attempt);
                break;
            }
            killed++;
            await agent.HasEndedAsync();
            host.Proxy.Clear();
            agent.Start();
            var cut = await agent.EndOfAsync($"job/{attempt}");
            // Unless the last blob got there, and only the report was missing.
            Assert.True(cut.Succeeded ? (await host.NamesAsync()).Any(name => name.EndsWith($"/{attempt}/files", StringComparison.Ordinal)) : cut.MayRetry, cut.Error);
            Assert.Equal(0, await agent.StopAsync());
        }
        Assert.InRange(killed, 6, 60);
    }

    private static Job Backup(string id, int attempt) => new() { Id = id, Backup = new BackupJob { Label = "20261123-140211F", Attempt = (uint)attempt, FastCheckpoint = true } };

    /// <summary>The agent's process, and the control plane's side of its mailbox.</summary>
    private sealed class ResidentProcess(BackupHost host) : IAsyncDisposable
    {
        private readonly System.Text.StringBuilder _output = new();
        private readonly List<Report> _reports = [];
        private readonly HashSet<string> _read = [];
        private Process? _process;
        private Task _reading = Task.CompletedTask;
        private RegisteredHost? _registered;
        private long _next = -1;

        public string Output
        {
            get
            {
                lock (_output) return _output.ToString();
            }
        }

        public void Start(IReadOnlyDictionary<string, string?>? environment = null)
        {
            var program = System.Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") ?? throw new InvalidOperationException("HOLDFAST_TEST_AGENT is not set: run tests/run.sh");
            _process = RunProcess.Start([program, "agent", .. host.Words("--heartbeat-interval=1s", "--backup-store-timeout=30s")], environment);
            _reading = ReadAsync(_process.StandardError);
        }

        public async Task<string> KeyAsync() => (await RegisteredAsync()).Thumbprint.ToString();

        public async Task SendAsync(Job job)
        {
            using var key = host.ControlPlaneKey();
            _next = 1 + await new JobSender(host.Work, key).SendAsync(await RegisteredAsync(), job, _next < 0 ? 0 : _next, default);
        }

        public async Task<IReadOnlyList<Report>> ReportsAsync()
        {
            var reader = new ReportReader(host.Work, host.IndexKeyring());
            var state = (await host.World.ReadLogAsync()).State;
            await foreach (var name in reader.ListAsync(default))
                if (_read.Add(name) && await reader.ReadAsync(name, state, default) is { Report: { } report }) _reports.Add(report);
            return _reports;
        }

        public async Task<JobEnded> EndOfAsync(string job)
        {
            JobEnded? end = null;
            await Eventually.IsTrueAsync(async () => (end = (await ReportsAsync()).FirstOrDefault(report => report.Ended?.Job == job)?.Ended) is not null, () => $"no end of {job}\n{Output}");
            return end!;
        }

        public async Task<int> StopAsync()
        {
            RunProcess.Signal(_process!.Id, 15);
            return await HasEndedAsync();
        }

        public void Kill() => _process!.Kill();

        /// <summary>The largest resident set so far, bytes.</summary>
        public long PeakMemory() => RunProcess.PeakBytes(_process!.Id);

        public async Task<int> HasEndedAsync()
        {
            await _process!.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            await _reading;
            var code = _process.ExitCode;
            _process.Dispose();
            _process = null;
            return code;
        }

        public async ValueTask DisposeAsync()
        {
            if (_process is null) return;
            _process.Kill();
            await HasEndedAsync();
        }

        private async Task<RegisteredHost> RegisteredAsync() => _registered ??= Assert.Single((await host.World.ReadLogAsync()).State.Hosts);

        private async Task ReadAsync(StreamReader error)
        {
            while (await error.ReadLineAsync() is { } line)
                lock (_output) _output.Append(line).Append('\n');
        }
    }
}
