using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Api;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Hosting;

/// <summary>A cluster's workflow engine, as its host runs it.</summary>
/// <param name="Client">Starts workflows, tells them, asks after them.</param>
/// <param name="TakeOver">Makes this process's engine go on with an instance that another one left; an engine that sees to that itself does nothing.</param>
public sealed record WorkflowEngine(IWorkflowClient Client, Action<InstanceId> TakeOver);

/// <summary>Where a cluster's host differs from another.</summary>
/// <param name="Keys">The API keys; none where others say who may call.</param>
/// <param name="SharesMail">Several processes take reports in, and each must see what hosts last said: <see cref="ReportDesk"/>.</param>
/// <param name="Engine">Opens the engine over the store and what there is to run.</param>
public sealed record ClusterHosting(ApiKeys Keys, bool SharesMail, Func<BlobServices, WorkflowRegistry, WorkflowEngine> Engine);

/// <summary>
/// One cluster's parts, put together; what drives them (loops, timers, triggers) is its host's. Making it asks nothing of the store.
/// </summary>
public sealed class ServedCluster : IDisposable
{
    private readonly BlobServices _store;
    private readonly ContainerPolicies? _policies;

    /// <summary>Puts them together.</summary>
    public ServedCluster(ClusterSettings settings, ClusterHosting hosting, SignalBoard signals, TimeProvider clock, ILoggerFactory logs)
    {
        _store = BlobServices.Open(settings.Store);
        if (settings.Immutability is { } immutability) _policies = ContainerPolicies.Open(immutability.Manager, immutability.AccountId, settings.Store);
        var decisions = new ClusterDecisions(settings.Cluster, _store.Log, _store.Data, settings.Signing, clock);
        var services = new ClusterServices(decisions, _store.Data, _store.Catalog, _store.Work, new QueueBell(_store.Reports), settings.Signing, settings.Index, settings.Recipients, clock);
        var (board, policy) = (new HostBoard(clock), new PolicyDesk(services));
        var (engine, takeOver) = hosting.Engine(_store, Workflows);
        Reports = new ReportIntake(services, new ReportDesk(services, engine, board, hosting.SharesMail, logs.CreateLogger<ReportDesk>()), logs.CreateLogger<ReportIntake>());
        Func<CancellationToken, Task>? readBoard = hosting.SharesMail ? Reports.FreshenAsync : null;
        Backups = new BackupDesk(services, engine, board, takeOver, readBoard);
        BackupRegistration.Add(Workflows, services, Backups, Reports, logs);
        Schedule = new DueBackups(services, Backups, policy, Health, logs.CreateLogger<DueBackups>());
        Watch = new ClusterWatch(services, policy, board, signals, logs.CreateLogger<ClusterWatch>(),
            _policies is null ? null : new ImmutabilityWatch(_policies.ReadAsync, Expected(settings.Store.Names, settings.Immutability!), clock, logs.CreateLogger<ImmutabilityWatch>()));
        Api = new ControlledCluster(services, Backups, policy, board, signals, Health, settings.Equality, hosting.Keys)
        {
            ReadBoardAsync = readBoard ?? (_ => Task.CompletedTask),
        };
    }

    /// <summary>The cluster's name.</summary>
    public string Name => Api.Name;

    /// <summary>What its engine runs.</summary>
    public WorkflowRegistry Workflows { get; } = new();

    /// <summary>What is wrong with it.</summary>
    public ClusterHealth Health { get; } = new();

    /// <summary>Its backups.</summary>
    public BackupDesk Backups { get; }

    /// <summary>Takes in what hosts report.</summary>
    public ReportIntake Reports { get; }

    /// <summary>Begins what is due.</summary>
    public DueBackups Schedule { get; }

    /// <summary>Looks at it.</summary>
    public ClusterWatch Watch { get; }

    /// <summary>The cluster, for the HTTP interface.</summary>
    public ControlledCluster Api { get; }

    /// <inheritdoc/>
    public void Dispose()
    {
        _policies?.Dispose();
        _store.Dispose();
    }

    // The work container is emptied all the time, and has none.
    private static (string, ContainerPolicy)[] Expected(ContainerNames names, ImmutabilitySettings deployed) =>
    [
        (names.Data, new ContainerPolicy(deployed.Days, deployed.Locked)), (names.Catalog, new ContainerPolicy(deployed.Days, deployed.Locked)), (names.Log, new ContainerPolicy(deployed.LogDays, deployed.Locked)),
    ];

    private sealed class QueueBell(ReportsQueue queue) : IReportBell
    {
        public Task<IReadOnlyList<ReportNotice>> ReceiveAsync(TimeSpan hidden, CancellationToken cancellationToken) => queue.ReceiveAsync(hidden, cancellationToken);

        public Task<bool> DeleteAsync(ReportNotice notice, CancellationToken cancellationToken) => queue.DeleteAsync(notice, cancellationToken);
    }
}
