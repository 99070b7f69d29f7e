using Holdfast.Core.Enrolment;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Functions.Activities;

/// <summary>What a schedule that cannot be followed tells; over memory.</summary>
public sealed class DueBackupsTests
{
    [Fact]
    public async Task A_due_backup_that_is_refused_is_on_the_health_page_until_it_is_not_and_logged_once()
    {
        using var world = await WalWorld.MakeAsync();
        var clock = new ManualTime();
        var decisions = new ClusterDecisions("shop", world.Log.Store, world.Blobs, world.Log.ControlPlane, clock);
        var services = new ClusterServices(decisions, world.Blobs, new MemoryObjectStore(), new MemoryObjectStore(), new ClusterWatchTests.NoBell(), world.Log.ControlPlane, new Keyring([], []), [], clock);
        var policy = new PolicyDesk(services);
        var since = await policy.SinceAsync((await decisions.ReadAsync(default)).State, default);
        var (health, log) = (new ClusterHealth(), new ClusterWatchTests.Told<DueBackups>());
        var nobody = new LateWorkflowClient(() => throw new InvalidOperationException("a backup that is refused has no workflow"));
        var due = new DueBackups(services, new BackupDesk(services, nobody, new HostBoard(clock), _ => { }), policy, health, log);

        // Two hosts are registered, and a schedule names none.
        for (var minute = 0; minute < 3; minute++)
        {
            await due.BeginDueAsync(since.AddDays(30).AddMinutes(minute), default);
            Assert.Equal(["due: cluster shop has 2 database hosts, and none was named"], health.Problems);
        }
        Assert.Contains("is not begun", Assert.Single(log.Lines), StringComparison.Ordinal);

        // Nothing is due.
        await due.BeginDueAsync(since, default);
        Assert.Empty(health.Problems);
    }
}
