using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Functions.Api;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Hosting;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded;

/// <summary>
/// One cluster at work: its engine, the pump of its reports, its schedules. It starts also when the store cannot be reached, and says so in its health until it can.
/// </summary>
internal sealed partial class ClusterHost : IHostedService, IAsyncDisposable
{
    private static readonly TimeSpan BetweenStarts = TimeSpan.FromSeconds(5);

    private readonly ServedCluster _cluster;
    private readonly JournaledEngine _engine;
    private readonly ReportPump _pump;
    private readonly Scheduler _scheduler;
    private readonly WatchLoop _watch;
    private readonly ILogger<ClusterHost> _log;
    private readonly CancellationTokenSource _stopping = new();
    private Task _running = Task.CompletedTask;

    public ClusterHost(ClusterConfiguration configuration, SignalBoard signals, TimeProvider clock, ILoggerFactory logs)
    {
        _log = logs.CreateLogger<ClusterHost>();
        JournaledEngine? engine = null;
        WorkflowEngine Open(BlobServices store, WorkflowRegistry workflows)
        {
            var journal = new AzureTablesJournal(JournalTable.Open(store, configuration.Settings.Store.Calls.AttemptTimeout));
            engine = new JournaledEngine(journal, workflows, clock, logs.CreateLogger<JournaledEngine>());
            return new WorkflowEngine(engine, engine.TakeOver);
        }
        _cluster = new ServedCluster(configuration.Settings, new ClusterHosting(KeysOf(configuration), SharesMail: false, Open), signals, clock, logs);
        _engine = engine!;
        _pump = new ReportPump(_cluster.Reports, _cluster.Health, clock, logs.CreateLogger<ReportPump>());
        _cluster.Backups.Begun += _pump.Expect;
        _scheduler = new Scheduler(_cluster.Schedule, _cluster.Backups, _cluster.Health, clock, logs.CreateLogger<Scheduler>());
        _watch = new WatchLoop(_cluster.Watch, _cluster.Health, clock, logs.CreateLogger<WatchLoop>());
        _cluster.Health.Report("engine", "it is starting");
    }

    /// <summary>The cluster, for the HTTP interface.</summary>
    public ControlledCluster Cluster => _cluster.Api;

    /// <inheritdoc/>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _running = Task.Run(RunAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    /// <inheritdoc/>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        await _running.WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _engine.StopAsync(cancellationToken);
        LogStopped(Cluster.Name);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _engine.DisposeAsync();
        _cluster.Dispose();
        _stopping.Dispose();
    }

    private async Task RunAsync()
    {
        while (!await TryStartAsync()) await Task.Delay(BetweenStarts, _stopping.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (_stopping.IsCancellationRequested) return;
        LogStarted(Cluster.Name, new ContainerNames(Cluster.Name).JournalTable);
        await Task.WhenAll(_pump.RunAsync(_stopping.Token), _scheduler.RunAsync(_stopping.Token), _watch.RunAsync(_stopping.Token));
    }

    /// <summary>True when the engine runs, or nobody wants it any more.</summary>
    private async Task<bool> TryStartAsync()
    {
        try
        {
            await Cluster.Services.Decisions.ReadAsync(_stopping.Token);
            await _engine.StartAsync(_stopping.Token);
            Cluster.Health.Clear("engine");
            return true;
        }
        catch (Exception) when (_stopping.IsCancellationRequested)
        {
            return true;
        }
        catch (Exception e)
        {
            var hint = (e as HoldfastException)?.Hint;
            Cluster.Health.Report("engine", e.Message);
            LogNotStarted(Cluster.Name, e.Message, hint is null ? "" : " HINT: " + hint, e is HoldfastException ? null : e);
            return false;
        }
    }

    private static ApiKeys KeysOf(ClusterConfiguration configuration) => new(
        configuration.OperatorKey is { } key ? [(configuration.AdminKey, ApiRole.OfAdminKey), (key, ApiRole.OfOperatorKey)] : [(configuration.AdminKey, ApiRole.OfAdminKey)]);

    [LoggerMessage(500, LogLevel.Information, "cluster {Cluster} is served; its journal is table {Table}")]
    private partial void LogStarted(string cluster, string table);

    [LoggerMessage(501, LogLevel.Error, "cluster {Cluster} cannot be served yet: {Reason}{Hint}")]
    private partial void LogNotStarted(string cluster, string reason, string hint, Exception? failure);

    [LoggerMessage(502, LogLevel.Information, "cluster {Cluster} is not served any more")]
    private partial void LogStopped(string cluster);
}
