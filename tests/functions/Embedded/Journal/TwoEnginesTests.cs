using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>Two control planes on one journal: who started last works, the other's next step fails; nothing is lost or done twice in the history.</summary>
[Collection(AzuriteCollection.Name)]
public class TwoEnginesTests(SharedAzurite azurite)
{
    private static readonly WorkflowName<int, string> Chain = new("Chain");
    private static readonly ActivityName<int, int> Next = new("Next");
    private static readonly EventName<int> Number = new("Number");
    private static readonly JournaledEngineOptions Quick = new() { SweepInterval = TimeSpan.FromMilliseconds(50) };

    [Fact]
    public Task Takeovers_lose_no_step_in_memory() => TakeoversLoseNoStepAsync(new MemoryJournal());

    [NeedsFact(Needs.Azurite)]
    public Task Takeovers_lose_no_step_in_real_tables() => TakeoversLoseNoStepAsync(azurite.NewJournal());

    [Fact]
    public async Task A_paused_engine_fails_at_its_next_step()
    {
        var journal = new MemoryJournal();
        var gate = new TaskCompletionSource<int>(TaskCreationOptions.RunContinuationsAsynchronously);
        var id = new InstanceId("paused");
        await using var paused = new JournaledWorld(journal, options: Quick);
        await paused.RunAsync(Program((input, cancellationToken) => input == 1 ? gate.Task : Task.FromResult(input + 1)));
        await paused.Client.StartAsync(Chain, id, 3);
        await paused.Client.ShowsAsync(id, 1);

        await using var other = new JournaledWorld(journal, options: Quick);
        await other.RunAsync(Program((input, _) => Task.FromResult(input + 1)));
        Assert.Equal("0,1,2,3", await other.Client.ResultAsync<string>(id));
        var before = await journal.ReadRangeAsync(id.ToString(), "", CancellationToken.None).ToListAsync();

        var runner = paused.Engine.Find(id)!.Completion;
        gate.SetResult(1000); // it wakes up, with a result of its own
        await runner.WaitAsync(TimeSpan.FromSeconds(30));
        Assert.Null(paused.Engine.Find(id));
        Assert.Equal(before.Select(row => (row.Key, row.ETag)), (await journal.ReadRangeAsync(id.ToString(), "", CancellationToken.None).ToListAsync()).Select(row => (row.Key, row.ETag)));
    }

    [Fact]
    public async Task An_event_raised_through_the_other_engine_arrives()
    {
        var journal = new MemoryJournal();
        var id = new InstanceId("elsewhere");
        var program = Program((input, _) => Task.FromResult(input)).Add(new WorkflowName<int, int>("Wait"), async (context, input) => input + await context.WaitForEventAsync(Number));
        await using var bystander = new JournaledWorld(journal, options: Quick);
        await bystander.RunAsync(program);
        await using var owner = new JournaledWorld(journal, options: Quick);
        await owner.RunAsync(program);
        await owner.Client.StartAsync(new WorkflowName<int, int>("Wait"), id, 1);
        Assert.True(await bystander.Client.RaiseEventAsync(id, Number, "1", 41));
        Assert.Equal(42, await owner.Client.ResultAsync<int>(id));
        Assert.Null(bystander.Engine.Find(id));
    }

    [Fact]
    public async Task An_event_that_another_engine_took_before_the_owner_first_swept_arrives()
    {
        var (journal, time, id) = (new MemoryJournal(), new ManualTime(), new InstanceId("early"));
        var options = Quick with { SweepInterval = TimeSpan.FromSeconds(10), GoneAfter = TimeSpan.FromDays(1) };
        var wait = new WorkflowName<int, int>("Wait");
        var program = Program((input, _) => Task.FromResult(input)).Add(wait, async (context, input) => input + await context.WaitForEventAsync(Number));
        await using var bystander = new JournaledWorld(journal, time, options);
        await bystander.RunAsync(program);
        await using var owner = new JournaledWorld(journal, time, options);
        await owner.RunAsync(program);
        await Eventually.IsTrueAsync(async () => await journal.ReadRangeAsync(".engines", "", default).CountAsync() == 2, () => "an engine does not sweep");
        await owner.Client.StartAsync(wait, id, 1);
        await Eventually.IsTrueAsync(() => Task.FromResult(owner.Engine.Find(id) is { Rests: > 0 }), () => "the instance does not come to rest");

        Assert.True(await bystander.Client.RaiseEventAsync(id, Number, "1", 41));
        time.Advance(TimeSpan.FromSeconds(10));
        Assert.Equal(42, await owner.Client.ResultAsync<int>(id));
    }

    [Fact]
    public async Task What_an_engine_leaves_that_was_killed_another_takes_up_and_what_one_has_that_lives_it_does_not()
    {
        var (journal, time, id) = (new MemoryJournal(), new ManualTime(), new InstanceId("left"));
        var options = Quick with { SweepInterval = TimeSpan.FromSeconds(10), GoneAfter = TimeSpan.FromSeconds(60) };
        await using var bystander = new JournaledWorld(journal, time, options);
        await bystander.RunAsync(Program((input, _) => Task.FromResult(input + 1)));
        await using (var owner = new JournaledWorld(journal, time, options))
        {
            await owner.RunAsync(Program((_, cancellationToken) => Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => 0, cancellationToken)));
            await owner.Client.StartAsync(Chain, id, 1);
            for (var i = 0; i < 12; i++) await PassAsync(engines: 2);
            Assert.Null(bystander.Engine.Find(id));
        }

        for (var i = 0; i < 5; i++) await PassAsync(engines: 1);
        Assert.Null(bystander.Engine.Find(id));
        for (var i = 0; i < 3; i++) await PassAsync(engines: 1);
        Assert.Equal("0,1", await bystander.Client.ResultAsync<string>(id));

        // Ten seconds, and each engine that lives has swept.
        async Task PassAsync(int engines)
        {
            var before = await BeatsAsync();
            time.Advance(TimeSpan.FromSeconds(10));
            await Eventually.IsTrueAsync(async () => (await BeatsAsync()).Except(before).Count() == engines, () => "an engine does not sweep");
        }

        async Task<List<(string, string)>> BeatsAsync() => await journal.ReadRangeAsync(".engines", "", default).Select(row => (row.Key, row.ETag)).ToListAsync();
    }

    [Fact]
    public async Task What_breaks_while_it_is_taken_over_is_taken_up_again()
    {
        var journal = new MemoryJournal();
        var id = new InstanceId("broken");
        var never = new TaskCompletionSource<int>();
        await using (var first = new JournaledWorld(journal, options: Quick))
        {
            await first.RunAsync(Program((_, cancellationToken) => never.Task.WaitAsync(cancellationToken)));
            await first.Client.StartAsync(Chain, id, 1);
        }
        var breaking = new BreakingJournal(journal);
        await using var second = new JournaledWorld(breaking, options: Quick);
        await second.RunAsync(Program((input, _) => Task.FromResult(input + 1)));
        await Eventually.IsTrueAsync(async () => (await InstanceJournal.ReadHeadAsync(journal, id, default))!.Status.IsFinished, () => $"{id} was left alone");
        Assert.True(breaking.HasBroken);
        Assert.Equal("0,1", await second.Client.ResultAsync<string>(id));
    }

    private static async Task TakeoversLoseNoStepAsync(IJournal journal)
    {
        var ids = Enumerable.Range(0, 5).Select(i => new InstanceId($"chain-{i}")).ToArray();
        var program = Program(async (input, cancellationToken) =>
        {
            await Task.Yield();
            return input + 1;
        });
        var worlds = new List<JournaledWorld>();
        try
        {
            for (var takeover = 0; takeover < 5; takeover++)
            {
                var world = new JournaledWorld(journal, options: Quick);
                worlds.Add(world);
                await world.RunAsync(program);
                if (takeover == 0) await Task.WhenAll(ids.Select(id => world.Client.StartAsync(Chain, id, 40)));
                await world.Client.WaitForChangeAsync(ids[takeover], await world.Client.GetStatusAsync(ids[takeover]), CancellationToken.None);
            }

            var expected = string.Join(',', Enumerable.Range(0, 41));
            foreach (var id in ids)
            {
                Assert.Equal(expected, await worlds[^1].Client.ResultAsync<string>(id));
                await CheckHistoryAsync(journal, id, 40);
            }
        }
        finally
        {
            foreach (var world in worlds) await world.DisposeAsync();
        }
    }

    // Each call is there once, and so is its end: none lost, none doubled.
    private static async Task CheckHistoryAsync(IJournal journal, InstanceId id, int calls)
    {
        var rows = await journal.ReadRangeAsync(id.ToString(), HistoryRow.Prefix(0), CancellationToken.None).Select(HistoryRow.Of).ToListAsync();
        Assert.Equal(Enumerable.Range(1, calls), rows.Where(row => row.Kind == HistoryKind.ActivityCalled).Select(row => row.Call));
        Assert.Equal(Enumerable.Range(1, calls), rows.Where(row => row.Kind == HistoryKind.ActivityCompleted).Select(row => row.Call));
        Assert.Equal(2 * calls + 1, rows.Count);
    }

    private static WorkflowRegistry Program(Func<int, CancellationToken, Task<int>> next) => new WorkflowRegistry().Add(Chain, async (context, length) =>
    {
        var seen = new List<int> { 0 };
        for (var i = 0; i < length; i++)
        {
            seen.Add(await context.CallActivityAsync(Next, seen[^1]));
            context.SetStatus(seen[^1]);
        }

        return string.Join(',', seen);
    }).Add(Next, (_, input, cancellationToken) => next(input, cancellationToken));

    /// <summary>Fails once to read a head, in a way that nobody foresaw.</summary>
    private sealed class BreakingJournal(IJournal inner) : IJournal
    {
        private int _reads;

        public bool HasBroken => _reads > 0;

        public Task CreateIfMissingAsync(CancellationToken cancellationToken) => inner.CreateIfMissingAsync(cancellationToken);

        public Task<JournalRow?> ReadAsync(string partition, string key, CancellationToken cancellationToken) =>
            Interlocked.Increment(ref _reads) == 1 ? throw new KeyNotFoundException("unforeseen") : inner.ReadAsync(partition, key, cancellationToken);

        public IAsyncEnumerable<JournalRow> ReadRangeAsync(string partition, string prefix, CancellationToken cancellationToken) => inner.ReadRangeAsync(partition, prefix, cancellationToken);

        public IAsyncEnumerable<JournalRow> ReadEverywhereAsync(string key, CancellationToken cancellationToken) => inner.ReadEverywhereAsync(key, cancellationToken);

        public Task<string?> WriteAsync(string partition, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken) => inner.WriteAsync(partition, writes, cancellationToken);
    }
}
