using Holdfast.Core.Enrolment;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Embedded.Journal;
using Microsoft.Extensions.Logging.Abstractions;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Functions.Activities;

/// <summary>What a schedule does with two registered hosts of one cluster, of which it names none; over memory.</summary>
public sealed class DueBackupsTests : IAsyncLifetime
{
    private readonly ManualTime _clock = new();
    private readonly ClusterHealth _health = new();
    private readonly ClusterWatchTests.Told<DueBackups> _log = new();
    private WalWorld _world = null!;
    private JournaledWorld _engine = null!;
    private ClusterServices _services = null!;
    private HostBoard _board = null!;
    private DueBackups _due = null!;
    private DateTimeOffset _since;

    public async Task InitializeAsync()
    {
        _world = await WalWorld.MakeAsync();
        _engine = new JournaledWorld(new MemoryJournal(), _clock);
        await _engine.RunAsync(new WorkflowRegistry().Add(BackupNames.Workflow, (_, input) => Task.FromResult(new BackupOutcome(input.Label, 1))));
        var decisions = new ClusterDecisions("shop", _world.Log.Store, _world.Blobs, _world.Log.ControlPlane, _clock);
        _services = new ClusterServices(decisions, _world.Blobs, new MemoryObjectStore(), new MemoryObjectStore(_clock), new ClusterWatchTests.NoBell(),
            _world.Log.ControlPlane, Sealed.ControlPlane, [], _clock);
        _board = new HostBoard(_clock);
        var policy = new PolicyDesk(_services);
        _since = await policy.SinceAsync((await decisions.ReadAsync(default)).State, default);
        _due = new DueBackups(_services, new BackupDesk(_services, _engine.Client, _board, _ => { }), policy, _health, _log);
    }

    public async Task DisposeAsync()
    {
        await _engine.DisposeAsync();
        _world.Dispose();
    }

    [Fact]
    public async Task Of_two_registered_hosts_the_primary_makes_the_scheduled_backup()
    {
        Beat(_world.One, inRecovery: true);
        Beat(_world.Two, inRecovery: false);
        await _due.BeginDueAsync(_since.AddDays(30), default);
        Assert.Empty(_health.Problems);
        var begun = Assert.Single((await _services.Decisions.ReadAsync(default)).State.Running);
        Assert.Equal(_world.Two.PublicKey.Thumbprint, begun.Host);
    }

    [Fact]
    public async Task Where_another_process_took_the_heartbeats_in_the_one_that_follows_the_schedule_knows_the_primary_too()
    {
        var hears = Intake(new HostBoard(_clock));
        var follows = Intake(_board);
        await SendAsync(_world.One, inRecovery: false);
        await SendAsync(_world.Two, inRecovery: true);
        await hears.SweepAsync(default);
        var desk = new BackupDesk(_services, _engine.Client, _board, _ => { }, follows.FreshenAsync);
        var policy = new PolicyDesk(_services);
        await new DueBackups(_services, desk, policy, _health, _log).BeginDueAsync(_since.AddDays(30), default);
        Assert.Equal(_world.One.PublicKey.Thumbprint, Assert.Single((await _services.Decisions.ReadAsync(default)).State.Running).Host);

        ReportIntake Intake(HostBoard board) => new(
            _services, new ReportDesk(_services, _engine.Client, board, sharesMail: true, NullLogger<ReportDesk>.Instance), NullLogger<ReportIntake>.Instance);
    }

    [Fact]
    public async Task After_a_start_heartbeats_are_waited_for_then_the_refusal_is_on_the_health_page_until_it_is_not_and_logged_once()
    {
        for (var minute = 0; minute < 2; minute++)
        {
            await _due.BeginDueAsync(_since.AddDays(30).AddMinutes(minute), default);
            Assert.Empty(_health.Problems);
            _clock.Advance(TimeSpan.FromMinutes(1));
        }
        for (var minute = 2; minute < 5; minute++)
        {
            await _due.BeginDueAsync(_since.AddDays(30).AddMinutes(minute), default);
            Assert.Equal(["due: cluster shop has 2 database hosts, none was named, and none says that it is primary: "
                + "one was not heard yet, two was not heard yet"], _health.Problems);
        }
        Assert.Contains("is not begun", Assert.Single(_log.Lines), StringComparison.Ordinal);

        // Nothing is due.
        await _due.BeginDueAsync(_since, default);
        Assert.Empty(_health.Problems);
    }

    private void Beat(EcSigningKey host, bool inRecovery) => _board.Hear(host.PublicKey.Thumbprint, Heartbeat(inRecovery), _clock.GetUtcNow());

    private async Task SendAsync(EcSigningKey host, bool inRecovery)
    {
        using var run = Sealed.Run();
        var report = new Wire.Report { Heartbeat = Heartbeat(inRecovery) };
        await new ReportSender(_services.Work, null, _clock).SendAsync(new ObjectSealer(run, host), report, 0, _ => { }, default);
    }

    private static Wire.Heartbeat Heartbeat(bool inRecovery) =>
        new() { Version = "0.1.0", Timeline = 1, WalInsert = 0x5000000, InRecovery = inRecovery };
}
