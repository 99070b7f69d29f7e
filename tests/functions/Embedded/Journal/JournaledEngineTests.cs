using System.Collections.Concurrent;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>What only this engine promises, or what needs a clock in hand.</summary>
public class JournaledEngineTests
{
    private static readonly WorkflowName<int, int> Work = new("Work");
    private static readonly ActivityName<int, int> Do = new("Do");
    private static readonly EventName<int> Number = new("Number");
    private static readonly InstanceId Id = new("one");
    private readonly ManualTime _time = new();
    private readonly MemoryJournal _journal = new();

    [Fact]
    public async Task A_timer_of_days_fires_when_they_have_passed()
    {
        await using var world = await SleepingAsync(TimeSpan.FromDays(3));
        _time.Advance(TimeSpan.FromDays(3) - TimeSpan.FromSeconds(1));
        Assert.Equal(WorkflowState.Running, (await world.Client.GetStatusAsync(Id))!.State);
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(TimeSpan.FromDays(3).TotalSeconds, await world.Client.ResultAsync<int>(Id));
    }

    [Fact]
    public async Task A_clock_set_back_holds_no_timer_up()
    {
        await using var world = await SleepingAsync(TimeSpan.FromMinutes(10));
        _time.SetClock(-TimeSpan.FromHours(5));
        for (var minute = 0; minute < 10; minute++) await PassAsync(world, TimeSpan.FromMinutes(1));
        Assert.True(await world.Client.ResultAsync<int>(Id) >= 600); // the workflow's time never goes back
    }

    [Fact]
    public async Task A_clock_set_forward_fires_a_timer_within_a_minute()
    {
        await using var world = await SleepingAsync(TimeSpan.FromHours(5));
        _time.SetClock(TimeSpan.FromHours(6));
        await PassAsync(world, TimeSpan.FromMinutes(1));
        Assert.True(await world.Client.ResultAsync<int>(Id) >= TimeSpan.FromHours(5).TotalSeconds);
    }

    [Fact]
    public async Task A_clock_set_back_over_a_restart_prolongs_a_timer_by_no_more_than_itself()
    {
        await using var world = await SleepingAsync(TimeSpan.FromMinutes(10));
        for (var minute = 0; minute < 8; minute++) await PassAsync(world, TimeSpan.FromMinutes(1));
        _time.SetClock(-TimeSpan.FromDays(1));
        await world.RunAsync(Sleeper(TimeSpan.FromMinutes(10)));
        await LoadedAsync(world);
        for (var minute = 0; minute < 10; minute++) await PassAsync(world, TimeSpan.FromMinutes(1));
        Assert.True(await world.Client.ResultAsync<int>(Id) >= 600);
    }

    [Fact]
    public async Task A_timer_that_fell_due_while_nothing_ran_fires_at_the_start()
    {
        await using var world = await SleepingAsync(TimeSpan.FromHours(1));
        await world.Engine.DisposeAsync();
        _time.Advance(TimeSpan.FromHours(2));
        await world.RunAsync(Sleeper(TimeSpan.FromHours(1)));
        Assert.Equal(7200, await world.Client.ResultAsync<int>(Id));
    }

    [Fact]
    public async Task An_idle_instance_leaves_memory_and_comes_back()
    {
        var starts = 0;
        var program = new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            Interlocked.Increment(ref starts);
            context.SetStatus("waiting");
            var sum = input + await context.WaitForEventAsync(Number);
            await context.CreateTimerAsync(TimeSpan.FromDays(1));
            return sum;
        });
        await using var world = new JournaledWorld(_journal, _time);
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id, 1);
        await LoadedAsync(world);
        await PassAsync(world, TimeSpan.FromMinutes(6));
        await world.Client.RaiseEventAsync(Id, Number, "1", 41);
        await Eventually.IsTrueAsync(async () => await _journal.ReadRangeAsync(Id.ToString(), HistoryRow.Prefix(0), CancellationToken.None).CountAsync() == 3, () => "the event did not bring it back");
        var woken = world.Engine.Find(Id)!.Rests;
        await Eventually.IsTrueAsync(() => Task.FromResult(world.Engine.Find(Id)!.Rests > woken || starts >= 2), () => "it never came to rest");
        await PassAsync(world, TimeSpan.FromMinutes(6));
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Equal(42, await world.Client.ResultAsync<int>(Id));
        Assert.InRange(starts, 2, 3);
    }

    [Fact]
    public async Task Finished_instances_are_purged_after_thirty_days()
    {
        await using var world = new JournaledWorld(_journal, _time);
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) => input > 0 ? input : await context.WaitForEventAsync(Number)));
        await world.Client.StartAsync(Work, Id, 1);
        await world.Client.StartAsync(Work, new InstanceId("runs"), 0);
        await world.Client.EndAsync(Id);
        await Eventually.IsTrueAsync(async () => await _journal.ReadRangeAsync(".ended", "", CancellationToken.None).AnyAsync(), () => "it is not entered as ended");
        _time.Advance(TimeSpan.FromDays(29));
        Assert.NotNull(await world.Client.GetStatusAsync(Id));
        _time.Advance(TimeSpan.FromDays(1.1));
        await Eventually.IsTrueAsync(async () =>
        {
            _time.Advance(TimeSpan.FromHours(1));
            return await world.Client.GetStatusAsync(Id) is null;
        }, () => "it is still there");
        await Eventually.IsTrueAsync(async () => !await _journal.ReadRangeAsync(".ended", "", CancellationToken.None).AnyAsync(), () => "its entry is still there");
        Assert.Empty(await _journal.ReadRangeAsync(Id.ToString(), "", CancellationToken.None).ToListAsync());
        Assert.Equal(WorkflowState.Running, (await world.Client.GetStatusAsync(new InstanceId("runs")))!.State);
    }

    [Fact]
    public async Task No_more_activities_run_at_once_than_allowed()
    {
        var (running, most, gate) = (0, 0, new SemaphoreSlim(0));
        await using var world = new JournaledWorld(_journal, options: new JournaledEngineOptions { MaxConcurrentActivities = 3 });
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
            (await Task.WhenAll(Enumerable.Range(0, input).Select(i => context.CallActivityAsync(Do, i)))).Length).Add(Do, async (_, input, _) =>
        {
            var now = Interlocked.Increment(ref running);
            for (var seen = most; now > seen; seen = most) Interlocked.CompareExchange(ref most, now, seen);
            if (now == 3) gate.Release(10); // all at once from now on
            await gate.WaitAsync();
            Interlocked.Decrement(ref running);
            return input;
        }));
        await world.Client.StartAsync(Work, Id, 9);
        Assert.Equal(9, await world.Client.ResultAsync<int>(Id));
        Assert.Equal(3, most);
    }

    [Theory]
    [InlineData("delay")]
    [InlineData("thread")]
    [InlineData("nothing")]
    public async Task Code_that_leaves_its_thread_of_control_fails_clearly(string kind)
    {
        await using var world = new JournaledWorld(_journal);
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            if (kind == "delay") await Task.Delay(1);
            if (kind == "nothing") await new TaskCompletionSource().Task;
            if (kind == "thread") await Task.Run(() => context.CallActivityAsync(Do, input));
            return input;
        }).Add(Do, (_, input, _) => Task.FromResult(input)));
        await world.Client.StartAsync(Work, Id, 9);
        var end = await world.Client.EndAsync(Id);
        Assert.Equal((WorkflowState.Failed, typeof(NonDeterministicWorkflowException).FullName), (end.State, end.Failure!.Type));
    }

    [Fact]
    public async Task A_history_without_end_fails_the_instance()
    {
        await using var world = new JournaledWorld(_journal, options: new JournaledEngineOptions { MaxHistory = 100 });
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            while (true) await context.CallActivityAsync(Do, input);
        }).Add(Do, (_, input, _) => Task.FromResult(input)));
        await world.Client.StartAsync(Work, Id, 9);
        var end = await world.Client.EndAsync(Id);
        Assert.Equal((WorkflowState.Failed, "The workflow must continue as new."), (end.State, end.Failure!.Hint));
    }

    [Fact]
    public async Task An_instance_that_this_program_does_not_know_waits_for_one_that_does_or_is_cancelled()
    {
        var program = new WorkflowRegistry().Add(Work, async (context, input) => input + await context.WaitForEventAsync(Number));
        await using var world = new JournaledWorld(_journal);
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id, 1);
        await world.Client.StartAsync(Work, new InstanceId("two"), 1);
        await world.RunAsync(new WorkflowRegistry());
        await world.Client.CancelAsync(new InstanceId("two"), "nobody knows it");
        Assert.Equal(WorkflowState.Cancelled, (await world.Client.EndAsync(new InstanceId("two"))).State);
        await world.Client.RaiseEventAsync(Id, Number, "1", 1);
        await world.RunAsync(program);
        Assert.Equal(2, await world.Client.ResultAsync<int>(Id));
    }

    [Fact]
    public async Task A_history_with_a_hole_is_not_run()
    {
        var program = new WorkflowRegistry().Add(Work, async (context, input) => await context.CallActivityAsync(Do, input) + await context.WaitForEventAsync(Number))
            .Add(Do, (_, input, _) => Task.FromResult(input));
        await using var world = new JournaledWorld(_journal);
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id, 1);
        await Eventually.IsTrueAsync(async () => await _journal.ReadRangeAsync(Id.ToString(), HistoryRow.Prefix(0), CancellationToken.None).CountAsync() == 3, () => "no history");
        await world.Engine.DisposeAsync();
        await _journal.WriteAsync(Id.ToString(), [new JournalWrite.Delete(HistoryRow.Key(0, 1))], CancellationToken.None);
        await world.RunAsync(program);
        await world.Client.RaiseEventAsync(Id, Number, "1", 1);
        await world.Client.CancelAsync(Id, "damaged");
        Assert.Equal(WorkflowState.Cancelled, (await world.Client.EndAsync(Id)).State);
    }

    [Fact]
    public async Task The_journal_may_be_away_for_a_while()
    {
        var flaky = new CrashingJournal(_journal, 4, Crash.Before) { Heals = true };
        await using var world = new JournaledWorld(flaky);
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) => await context.CallActivityAsync(Do, await context.CallActivityAsync(Do, input)))
            .Add(Do, (_, input, _) => Task.FromResult(input + 1)));
        await world.Client.StartAsync(Work, Id, 1);
        Assert.Equal(3, await world.Client.ResultAsync<int>(Id));
        Assert.True(flaky.Crashed.Task.IsCompleted);
    }

    private async Task<JournaledWorld> SleepingAsync(TimeSpan sleep)
    {
        var world = new JournaledWorld(_journal, _time);
        await world.RunAsync(Sleeper(sleep));
        await world.Client.StartAsync(Work, Id, 1);
        await LoadedAsync(world);
        return world;
    }

    // The timer is armed when the step that made it is in the journal and the runner sleeps.
    private static async Task LoadedAsync(JournaledWorld world)
    {
        await Eventually.IsTrueAsync(() => Task.FromResult(world.Engine.Find(Id)?.Rests > 0), () => "it never came to rest");
    }

    // Returns when the runner, woken by its alarm, has come to rest again or ended.
    private async Task PassAsync(JournaledWorld world, TimeSpan span)
    {
        var runner = world.Engine.Find(Id)!;
        var rests = runner.Rests;
        _time.Advance(span);
        await Eventually.IsTrueAsync(() => Task.FromResult(runner.Rests > rests || runner.Completion.IsCompleted), () => "it slept on");
    }

    private static WorkflowRegistry Sleeper(TimeSpan sleep) => new WorkflowRegistry().Add(Work, async (context, _) =>
    {
        var begun = context.CurrentTime;
        await context.CreateTimerAsync(sleep);
        return (int)(context.CurrentTime - begun).TotalSeconds;
    });
}
