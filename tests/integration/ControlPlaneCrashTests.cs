using Holdfast.Tests.Fixtures;
using Xunit.Abstractions;

namespace Holdfast.Tests.Integration;

/// <summary>
/// kill -9 of the control plane at each of its writes in turn, before the store has it and after it has it but did not say so: journal, log, jobs, manifests,
/// what it removes. A run that nobody disturbs counts them; each time, and by tests/run.sh a few of the times, the backup must be committed all the same.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class ControlPlaneCrashTests(SharedSabotagedCluster shared, ITestOutputHelper output) : IClassFixture<SharedSabotagedCluster>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    [NeedsFact(Everything)]
    public async Task Killed_at_each_write_in_turn_it_commits_the_backup_and_leaves_nothing_in_the_way()
    {
        var world = await shared.GetAsync();
        var writes = (await world.WatchAsync()).Count(call => call.IsStep);
        Assert.InRange(writes, 15, 60); // otherwise the enumeration below is not what it says
        var strikes = SharedSabotagedCluster.Sample([.. Enumerable.Range(1, writes).SelectMany(nth => new[] { (nth, false), (nth, true) })], 6);
        foreach (var (write, stored) in strikes)
        {
            // How often the archive is looked at is a matter of time, so the last writes of one run may be missing in another.
            var nth = write;
            while (!await KillAsync(world, nth, stored)) Assert.True((nth -= 5) > 0, $"no kill at write {write}, nor at any before");
            if (!SharedSabotagedCluster.Long) continue;
            await world.ProveRestorableAsync((await world.ReadStateAsync()).Backups[^1].Label);
            await world.BackUpAsync();
        }
        output.WriteLine($"{strikes.Count} kills at {writes} writes");
        await ProveAsync(world);
    }

    [NeedsFact(Everything)]
    public async Task Killed_again_while_it_takes_up_what_the_first_kill_left_it_commits_the_backup()
    {
        var world = await shared.GetAsync();
        var strikes = SharedSabotagedCluster.Sample([.. Enumerable.Range(1, 6).SelectMany(first => new[] { (4 * first - 2, 1), (4 * first - 1, 2), (4 * first, 3) })], 2);
        foreach (var (first, second) in strikes) await KillAsync(world, first, stored: first % 2 == 0, second);
        await ProveAsync(world);
    }

    /// <summary>One backup, with a kill at a write; whether there was one.</summary>
    private static async Task<bool> KillAsync(SabotagedCluster world, int nth, bool stored, int again = 0)
    {
        var before = await world.ReadStateAsync();
        var killed = world.KillAt(nth, stored);
        var label = await world.BeginAsync();
        await Eventually.IsTrueAsync(async () => killed() || await world.IsIdleAsync(), () => $"neither killed at write {nth} nor at the end\n{world.Cluster.Log}");
        world.Proxies.Clear();
        if (killed())
        {
            var killedAgain = again > 0 ? world.KillAt(again, stored) : () => false;
            await world.RestartAsync();
            if (again > 0) await Eventually.IsTrueAsync(async () => killedAgain() || await world.IsIdleAsync(), () => $"neither killed again at write {again} nor at the end\n{world.Cluster.Log}");
            world.Proxies.Clear();
            if (killedAgain()) await world.RestartAsync();
        }
        await world.AtRestAsync();
        var after = await world.ReadStateAsync();
        Assert.True(before.FailedBackups.Count == after.FailedBackups.Count, $"killed at write {nth}, stored: {stored}, again at {again}: {after.FailedBackups.LastOrDefault()?.Reason}\n{world.Cluster.Log}");
        // Unless it was killed before the log said anything, and so did nobody else.
        var begun = label is not null || nth > 1 || stored;
        Assert.True(after.Backups.Count - before.Backups.Count == (begun ? 1 : 0), $"killed at write {nth}, stored: {stored}, again at {again}: {after.Backups.Count - before.Backups.Count} backups\n{world.Cluster.Log}");
        if (begun) Assert.Equal(1, after.Backups[^1].Attempt); // the agent was alive: its work is not done twice
        return killed();
    }

    /// <summary>The last backup, and one more that nobody disturbs, can be restored.</summary>
    private static async Task ProveAsync(SabotagedCluster world)
    {
        await world.ProveRestorableAsync((await world.ReadStateAsync()).Backups[^1].Label);
        await world.ProveRestorableAsync(await world.BackUpAsync());
    }
}
