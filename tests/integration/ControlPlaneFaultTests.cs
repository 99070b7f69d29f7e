using System.Collections.Concurrent;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;
using Xunit.Abstractions;

namespace Holdfast.Tests.Integration;

/// <summary>
/// The store refuses, fails, breaks off or says nothing, at each call that the control plane makes in a backup: blobs, queue, tables. The backup is committed
/// all the same, and the next one, too.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class ControlPlaneFaultTests(SharedSabotagedCluster shared, ITestOutputHelper output) : IClassFixture<SharedSabotagedCluster>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent | Needs.ControlPlane;

    /// <summary>What is done to a call, and how often in a row: what the client may repeat at once is done twice.</summary>
    private static readonly (string Name, int Times, Func<StoreService, Fault> Fault)[] Faults =
    [
        ("refused 403", 1, service => Refusal(service, 403, "AuthorizationFailure")),
        ("somebody else's 404", 1, _ => new Fault.Answer(404)),
        ("somebody else's 409", 1, _ => new Fault.Answer(409)),
        ("412", 1, service => Refusal(service, 412, service == StoreService.Table ? "UpdateConditionNotSatisfied" : "ConditionNotMet")),
        ("429", 2, _ => new Fault.Answer(429, Headers: "Retry-After: 1")),
        ("500", 2, service => Refusal(service, 500, "InternalError")),
        ("503", 2, service => Refusal(service, 503, "ServerBusy")),
        ("cut body", 2, _ => new Fault.CutBody(3)),
        ("a page that is not the store's", 1, _ => new Fault.Answer(200, Body: "<html>log in first</html>")),
        ("answer lost", 1, _ => new Fault.DropAfter()),
        ("stall", 1, _ => new Fault.Stall()),
    ];

    /// <summary>One backup suffers at every so many-th of the calls that are enumerated: pauses add up, so not at all at once.</summary>
    private const int Stride = 8;

    [NeedsFact(Everything)]
    public async Task Whatever_becomes_of_any_call_the_backup_is_committed_and_nothing_is_left_in_the_way()
    {
        var world = await shared.GetAsync();
        var calls = Enumerate(await world.WatchAsync());
        Assert.InRange(calls.Count, 40, 120); // otherwise the enumeration below is not what it says
        var cases = SharedSabotagedCluster.Sample([.. Faults.SelectMany(fault => Enumerable.Range(0, Stride).Select(offset => (fault, offset)))], 4);
        var (meant, hits) = (0, 0);
        foreach (var (fault, offset) in cases)
        {
            var suffering = calls.Where((_, i) => i % Stride == offset).ToHashSet();
            meant += suffering.Count;
            hits += await BackUpAsync(world, suffering, fault);
        }
        output.WriteLine($"{hits} faults in {cases.Count} backups, {meant} were meant");
        // How often a thing is looked at is a matter of time: what one backup asks twice, another asks once.
        Assert.InRange(hits, meant / 2, meant);
        await world.ProveRestorableAsync(await world.BackUpAsync());
    }

    [NeedsFact(Everything)]
    public async Task A_backup_that_is_logged_is_begun_though_the_journal_is_away_when_it_is_asked_for()
    {
        var world = await shared.GetAsync();
        world.Proxies.Clear();
        world.Proxies.Add((service, _) => service == StoreService.Table ? new Fault.Answer(503) : null);
        var label = await world.BeginAsync();
        Assert.True(label is not null, $"the caller was told that it failed\n{world.Cluster.Log}");
        Assert.Contains(label.Value, (await world.ReadStateAsync()).Running.Select(backup => backup.Label));
        world.Proxies.Clear();
        await world.AtRestAsync();
        Assert.NotNull((await world.ReadStateAsync()).FindBackup(label.Value));
    }

    /// <summary>Every write, and of each kind of reading the first and the second.</summary>
    private static List<(StoreCallSeen Call, int Nth)> Enumerate(IEnumerable<StoreCallSeen> calls) =>
        [.. calls.GroupBy(call => call).SelectMany(same => Enumerable.Range(1, same.Key.IsWrite ? same.Count() : Math.Min(same.Count(), 2)).Select(nth => (same.Key, nth)))];

    /// <summary>One backup; how many of the calls suffered.</summary>
    private static async Task<int> BackUpAsync(SabotagedCluster world, HashSet<(StoreCallSeen, int)> suffering, (string Name, int Times, Func<StoreService, Fault> Fault) fault)
    {
        var before = await world.ReadStateAsync();
        var struck = Strike(world, suffering, fault);
        for (var tries = 0; tries < 10 && await world.BeginAsync() is null && !await IsBegunAsync(world, before); tries++) ; // refused, and nothing was begun: it is asked again
        string What() => $"{fault.Name} at {string.Join(", ", struck())}";
        await world.AtRestAsync(What);
        world.Proxies.Clear();
        var after = await world.ReadStateAsync();
        Assert.True(after.FailedBackups.Count == before.FailedBackups.Count, $"{What()}: {after.FailedBackups.LastOrDefault()?.Reason}\n{world.Cluster.Log}");
        Assert.True(after.Backups.Count == before.Backups.Count + 1, $"{What()}: {after.Backups.Count - before.Backups.Count} backups were made\n{world.Cluster.Log}");
        return struck().Count;
    }

    private static async Task<bool> IsBegunAsync(SabotagedCluster world, ClusterState before) =>
        await world.ReadStateAsync() is var now && (now.Running.Count > 0 || now.Backups.Count > before.Backups.Count);

    /// <summary>Does it to the calls; says which suffered so far.</summary>
    private static Func<IReadOnlyList<string>> Strike(SabotagedCluster world, HashSet<(StoreCallSeen, int)> suffering, (string Name, int Times, Func<StoreService, Fault> Fault) fault)
    {
        var (seen, left, struck) = (new Dictionary<StoreCallSeen, int>(), new Dictionary<StoreCallSeen, int>(), new ConcurrentQueue<string>());
        world.Proxies.Clear();
        world.Proxies.Add((service, request) =>
        {
            var call = StoreCallSeen.Of(service, request);
            var nth = seen[call] = seen.GetValueOrDefault(call) + 1;
            if (suffering.Contains((call, nth)))
            {
                left[call] = fault.Times;
                struck.Enqueue($"{nth}. {call}");
            }
            return left.GetValueOrDefault(call) > 0 && left[call]-- > 0 ? fault.Fault(service) : null;
        });
        return () => [.. struck];
    }

    private static Fault.Answer Refusal(StoreService service, int status, string code) => service == StoreService.Table
        ? new Fault.Answer(status, Body: "{\"odata.error\":{\"code\":\"" + code + "\",\"message\":{\"lang\":\"en-us\",\"value\":\"Made up.\"}}}", Headers: "x-ms-version: 2019-02-02", ContentType: "application/json")
        : new Fault.Answer(status, code);
}
