using System.Diagnostics;
using System.Net.Http.Json;
using Azure.Data.Tables;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Resident;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// Server, agent and control plane as processes, where all that the control plane asks of the store passes through <see cref="Proxies"/>; the agent, and what judges,
/// go past them. There is no schedule and no heartbeat, so that what the control plane does in a backup is the same each time.
/// </summary>
internal sealed class SabotagedCluster : IAsyncDisposable
{
    private static readonly BackupSchedule Never = new("0 2 * * 0", Enabled: false);
    private static readonly ClusterPolicy Unscheduled = new(new BackupSchedules(Never, Never, Never));

    private readonly BlobServices _services;
    private readonly ClusterLog _log;
    private readonly TableClient _journal;
    private readonly HttpClient _http;

    private SabotagedCluster(AzuriteServer azurite, StoreProxies proxies, ControlledCluster cluster)
    {
        (Proxies, Cluster) = (proxies, cluster);
        _services = BlobServices.Open(new StoreSettings
        {
            Names = new ContainerNames(cluster.Name), Credential = new StoreCredential.ConnectionString(azurite.ConnectionString), CaFile = azurite.CaFile,
        });
        var options = OptionResolver.Resolve(CommandSet.Check,
            [new GivenOption(OptionTable.Config, cluster.Configuration("control-plane"), new OptionSource(OptionOrigin.Flag, "test"))], new Dictionary<string, string>());
        _log = new ClusterLog(_services.Log, [options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey()], cluster.Name);
        _journal = new TableClient(azurite.ConnectionString, _services.Names.JournalTable, new TableClientOptions(TableClientOptions.ServiceVersion.V2019_02_02) { Transport = azurite.CreateTransport() });
        _http = new HttpClient { BaseAddress = new Uri(cluster.ControlPlane.Url, $"/v1/clusters/{cluster.Name}/") };
        _http.DefaultRequestHeaders.Add(ApiContract.KeyHeader, File.ReadAllText(Path.Combine(Path.GetDirectoryName(cluster.Configuration("control-plane"))!, "admin.key")).Trim());
    }

    public StoreProxies Proxies { get; }

    public ControlledCluster Cluster { get; }

    public static async Task<SabotagedCluster> StartAsync(AzuriteServer azurite, params string[] settings)
    {
        var proxies = new StoreProxies(azurite);
        try
        {
            var cluster = await ControlledCluster.StartAsync(azurite, 17, heartbeat: "1h", file =>
            {
                proxies.PutInto(file);
                File.AppendAllLines(file, settings);
            });
            var world = new SabotagedCluster(azurite, proxies, cluster);
            using var answer = await world._http.PutAsJsonAsync("policy", Unscheduled, ApiJson.Default.ClusterPolicy);
            answer.EnsureSuccessStatusCode();
            await world.AtRestAsync();
            return world;
        }
        catch
        {
            await proxies.DisposeAsync();
            throw;
        }
    }

    /// <summary>Takes a backup, undisturbed; all calls that the control plane made meanwhile, in order.</summary>
    public async Task<IReadOnlyList<StoreCallSeen>> WatchAsync()
    {
        var calls = new List<StoreCallSeen>();
        Proxies.Clear();
        Proxies.Add((service, request) =>
        {
            calls.Add(StoreCallSeen.Of(service, request));
            return null;
        });
        await BackUpAsync();
        Proxies.Clear();
        return calls;
    }

    /// <summary>SIGKILL for the control plane at its n-th write from now, before the store has it, or before the store's answer arrives; says whether it was.</summary>
    public Func<bool> KillAt(int nth, bool stored)
    {
        var (count, killed) = (0, false);
        Proxies.Clear();
        Proxies.Add((_, request) =>
        {
            if (killed || request.Method is "GET" or "HEAD" || StoreCallSeen.IsSignOfLife(request) || ++count != nth) return null;
            Cluster.ControlPlane.Kill();
            Volatile.Write(ref killed, true);
            return stored ? new Fault.DropAfter() : new Fault.DropBefore();
        });
        return () => Volatile.Read(ref killed);
    }

    /// <summary>Starts the control plane again; returns when it is well, or was killed once more.</summary>
    public async Task RestartAsync()
    {
        try
        {
            await Cluster.RestartControlPlaneAsync();
        }
        catch (InvalidOperationException)
        {
            Assert.False(Cluster.ControlPlane.IsAlive); // killed at a write that it made early
        }
    }

    /// <summary>Asks for a backup; its label, or null when the control plane did not say one.</summary>
    public async Task<BackupName?> BeginAsync()
    {
        try
        {
            using var answer = await _http.PostAsJsonAsync("backups", new BackupRequest(BackupType.Full), ApiJson.Default.BackupRequest);
            return answer.IsSuccessStatusCode ? (await answer.Content.ReadFromJsonAsync(ApiJson.Default.BackupDocument))!.Label : null;
        }
        catch (HttpRequestException)
        {
            return null; // it was killed before it answered
        }
    }

    /// <summary>The log's state, and the log is whole.</summary>
    public async Task<ClusterState> ReadStateAsync() => (await _log.VerifyAllAsync(null, default)).State;

    /// <summary>Whether no backup is being made, says the log, and no workflow runs, says the journal.</summary>
    public async Task<bool> IsIdleAsync() => (await ReadStateAsync()).Running.Count == 0 && await CountAsync(_journal.QueryAsync<TableEntity>(row => row.PartitionKey == ".running")) == 0;

    /// <summary>Returns when all that was begun has ended and nothing of it lies about; fails when that does not come.</summary>
    /// <param name="disturbance">What was done to it, for the message.</param>
    public async Task AtRestAsync(Func<string>? disturbance = null)
    {
        await Eventually.IsTrueAsync(IsIdleAsync, () => $"something still runs: {disturbance?.Invoke()}\n{Cluster.Log}");
        await foreach (var head in _journal.QueryAsync<TableEntity>(row => row.RowKey == "head")) Assert.NotEqual("Running", head.GetString("State"));
        var host = Assert.Single((await ReadStateAsync()).Hosts).Thumbprint.ToString();
        // The agent has done every job, and each of its reports was taken in.
        await Eventually.IsTrueAsync(async () =>
        {
            var jobs = await CountAsync(_services.Work.ListAsync($"job/{host}/", default));
            var cursor = new JobCursor(new StateFolder(Cluster.StateFolder));
            return cursor.Started is null && cursor.Next >= jobs && await CountAsync(_services.Work.ListAsync("report/", default)) == 0;
        }, () => $"a job or a report is left: {disturbance?.Invoke()}\n{Cluster.Log}");
    }

    /// <summary>Takes a backup, undisturbed.</summary>
    public async Task<BackupName> BackUpAsync()
    {
        var label = await BeginAsync() ?? throw new InvalidOperationException($"no backup was begun\n{Cluster.Log}");
        await AtRestAsync();
        Assert.NotNull((await ReadStateAsync()).FindBackup(label));
        return label;
    }

    /// <summary>Restores the backup and has pg_verifybackup judge it.</summary>
    public async Task ProveRestorableAsync(BackupName label)
    {
        await using var restored = PostgresServer.CreateEmpty(Cluster.Server.Major);
        (await Cluster.RestoreAsync(restored, $"--set={label}", "--target-immediate")).MustExit();
        await RestoreMatrixTests.JudgeCold(restored);
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        await Proxies.DisposeAsync();
        _services.Dispose();
        _http.Dispose();
    }

    private static async Task<int> CountAsync<T>(IAsyncEnumerable<T> items)
    {
        var count = 0;
        await foreach (var _ in items) count++;
        return count;
    }
}
