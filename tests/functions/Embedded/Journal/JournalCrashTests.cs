using System.Collections.Concurrent;
using Holdfast.Core;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>
/// One run of a workflow that does everything, killed at each write in turn, before it takes effect and after: the next engine brings it to the same result,
/// every activity has run at least once, and the history that is left replays.
/// </summary>
[Collection(AzuriteCollection.Name)]
public class JournalCrashTests(SharedAzurite azurite)
{
    private const string Expected = "fan:ABC flaky:FLAKY events:1,2 timed:yes old:first";
    private static readonly InstanceId Id = new("everything");
    private static readonly WorkflowName<string, string> Everything = new("Everything");
    private static readonly ActivityName<string, string> Do = new("Do");
    private static readonly EventName<int> Number = new("Number");

    [Theory]
    [InlineData(Crash.Before, false)]
    [InlineData(Crash.After, false)]
    [InlineData(Crash.Before, true)]
    [InlineData(Crash.After, true)]
    public async Task A_kill_at_any_write_changes_nothing(Crash crash, bool heals)
    {
        var writes = await CountWritesAsync(new MemoryJournal());
        Assert.InRange(writes, 15, 60); // otherwise the enumeration below is not what it says
        for (var crashAt = 1; crashAt <= writes; crashAt++) await SurviveAsync(new MemoryJournal(), crashAt, crash, heals);
    }

    [Fact]
    public async Task A_second_kill_while_the_first_is_being_mended_changes_nothing_either()
    {
        for (var first = 2; first <= 14; first += 3)
            for (var second = 1; second <= 6; second++)
                await SurviveAsync(new MemoryJournal(), first, first % 2 == 0 ? Crash.Before : Crash.After, false, second);
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData(Crash.Before)]
    [InlineData(Crash.After)]
    public async Task A_kill_at_any_write_to_real_tables_changes_nothing(Crash crash)
    {
        var writes = await CountWritesAsync(azurite.NewJournal());
        for (var crashAt = 1; crashAt <= writes; crashAt++) await SurviveAsync(azurite.NewJournal(), crashAt, crash, false);
    }

    private static async Task<int> CountWritesAsync(IJournal journal)
    {
        var counting = new CrashingJournal(journal, int.MaxValue, Crash.Before);
        await using var world = new JournaledWorld(counting);
        await world.RunAsync(Program(new ConcurrentQueue<string>()));
        await AskAsync(world.Client);
        Assert.Equal(Expected, await world.Client.ResultAsync<string>(Id));
        return counting.Writes;
    }

    private static async Task SurviveAsync(IJournal journal, int crashAt, Crash crash, bool heals, int? secondCrashAt = null)
    {
        var done = new ConcurrentQueue<string>();
        var program = Program(done);
        CrashingJournal[] lives = [new(journal, crashAt, crash) { Heals = heals }, .. secondCrashAt is { } second ? [new CrashingJournal(journal, second, crash)] : (CrashingJournal[])[], new(journal, int.MaxValue, crash)];
        foreach (var life in lives)
        {
            await using var world = new JournaledWorld(life);
            if (!await LiveAsync(world, life, program)) continue;
            var end = (await InstanceJournal.ReadHeadAsync(journal, Id, CancellationToken.None))!.Status; // this process may have died after the end
            Assert.True(end is { State: WorkflowState.Completed } && end.Output == WorkflowJson.Write("", Expected), $"crash {crash} write {crashAt}: {end}");
            break;
        }

        Assert.Superset(new HashSet<string> { "a", "b", "c", "flaky", "first" }, done.ToHashSet());
        await CheckHistoryAsync(journal, program, $"crash {crash} write {crashAt}");
        await using var last = new JournaledWorld(journal);
        await last.RunAsync(program);
        await Eventually.IsTrueAsync(async () => !await journal.ReadRangeAsync(".running", "", CancellationToken.None).AnyAsync(), () => $"crash {crash} write {crashAt}: still entered as running");
        Assert.Single(await journal.ReadRangeAsync(".ended", "", CancellationToken.None).ToListAsync());
    }

    /// <summary>Drives the instance to its end. False: the process died before.</summary>
    private static async Task<bool> LiveAsync(JournaledWorld world, CrashingJournal life, WorkflowRegistry program)
    {
        try
        {
            await world.RunAsync(program);
            await PersistAsync(() => AskAsync(world.Client), life);
            var end = PersistAsync(() => world.Client.EndAsync(Id), life);
            if (await Task.WhenAny(end, Deadly(life)) != end) return false;
            await end;
            return true;
        }
        catch (StoreException) when (life.IsDead)
        {
            await life.Crashed.Task; // the next life begins when the last write has, or has not, reached the store
            return false;
        }
    }

    private static Task Deadly(CrashingJournal life) => life.Heals ? Task.Delay(Timeout.Infinite) : life.Crashed.Task;

    private static async Task PersistAsync(Func<Task> call, CrashingJournal life)
    {
        try
        {
            await call();
        }
        catch (StoreException) when (life.Heals)
        {
            await call(); // as a client does: all calls can be repeated
        }
    }

    private static async Task AskAsync(IWorkflowClient client)
    {
        await client.StartAsync(Everything, Id, "first");
        await client.RaiseEventAsync(Id, Number, "one", 1);
        await client.RaiseEventAsync(Id, Number, "two", 2);
    }

    private static WorkflowRegistry Program(ConcurrentQueue<string> done)
    {
        var attempts = 0;
        return new WorkflowRegistry().Add(Everything, RunAsync).Add(Do, (_, input, _) =>
        {
            done.Enqueue(input);
            return input == "flaky" && Interlocked.Increment(ref attempts) < 3 ? throw new IOException("not yet") : Task.FromResult(input.ToUpperInvariant());
        });
    }

    private static async Task<string> RunAsync(WorkflowContext context, string input)
    {
        if (input == "first")
        {
            await context.CallActivityAsync(Do, input);
            context.ContinueAsNew("second " + input);
            return "";
        }

        var fan = string.Concat(await Task.WhenAll("abc".Select(letter => context.CallActivityAsync(Do, $"{letter}"))));
        context.SetStatus("fanned");
        var flaky = await context.CallActivityAsync(Do, "flaky", new RetryPolicy { MaxAttempts = 9, FirstInterval = TimeSpan.FromMilliseconds(1) });
        var (one, two) = (await context.WaitForEventAsync(Number), await context.WaitForEventAsync(Number));
        var timed = await context.CompletesWithinAsync(context.CreateTimerAsync(TimeSpan.FromMilliseconds(1)), TimeSpan.FromHours(1)) ? "yes" : "no";
        return $"fan:{fan} flaky:{flaky} events:{one},{two} timed:{timed} old:{input[7..]}";
    }

    /// <summary>What is left is one history: dense, of one generation, and the code agrees with it to its end.</summary>
    private static async Task CheckHistoryAsync(IJournal journal, WorkflowRegistry program, string which)
    {
        var head = (await InstanceJournal.ReadHeadAsync(journal, Id, CancellationToken.None))!;
        var rows = await journal.ReadRangeAsync(Id.ToString(), "h-", CancellationToken.None).ToListAsync();
        var current = rows.Where(row => row.Key.StartsWith(HistoryRow.Prefix(head.Generation), StringComparison.Ordinal)).ToList();
        Assert.True(head.Generation == 1 && current.Count == head.Next, $"{which}: {current.Count} rows of {head}");
        var run = new WorkflowRun(head, program.Workflow("Everything").RunAsync);
        run.Replay([.. current.Select(HistoryRow.Of)]);
        Assert.Equal(new RunOutcome.Completed(head.Status.Output!), run.Outcome);
        Assert.Empty(await journal.ReadRangeAsync(Id.ToString(), InboxEvent.Prefix(head.Incarnation), CancellationToken.None).ToListAsync());
    }
}
