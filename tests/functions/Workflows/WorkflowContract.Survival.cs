using System.Collections.Concurrent;
using Holdfast.Core;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

// Restarts, replay, versions, and histories that continue as new.
public static partial class WorkflowContract
{
    public static async Task A_waiting_workflow_goes_on_after_a_kill(IWorkflowWorld world)
    {
        var done = new ConcurrentQueue<string>();
        WorkflowRegistry Next()
        {
            return new WorkflowRegistry().Add(Story, async (context, _) =>
            {
                var story = await context.CallActivityAsync(Do, "once");
                context.SetStatus("waiting");
                story += await context.WaitForEventAsync(Word);
                await context.CreateTimerAsync(TimeSpan.FromMilliseconds(100));
                context.SetStatus("rested");
                return story + await context.CallActivityAsync(Do, "twice") + await context.WaitForEventAsync(Word);
            }).Add(Do, (_, input, _) =>
            {
                done.Enqueue(input);
                return Task.FromResult(input);
            });
        }

        await world.RunAsync(Next());
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "waiting");
        await world.Client.RaiseEventAsync(Id(1), Word, "1", ",");
        await world.RunAsync(Next());
        await world.Client.ShowsAsync(Id(1), "rested");
        await world.RunAsync(Next());
        await world.Client.RaiseEventAsync(Id(1), Word, "1", "raised twice");
        await world.Client.RaiseEventAsync(Id(1), Word, "2", ".");
        Assert.Equal("once,twice.", await world.Client.ResultAsync<string>(Id(1)));
        Assert.Single(done, "once");
        Assert.Contains("twice", done);
    }

    public static async Task An_activity_that_was_interrupted_runs_again(IWorkflowWorld world)
    {
        var begun = new SemaphoreSlim(0);
        var runs = 0;
        var program = new WorkflowRegistry().Add(Work, async (context, input) => await context.CallActivityAsync(Double, input, RetryPolicy.None))
            .Add(Double, async (_, input, cancellationToken) =>
            {
                if (Interlocked.Increment(ref runs) > 1) return input * 2;
                begun.Release();
                await Task.Delay(Timeout.Infinite, cancellationToken);
                return 0;
            });
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id(1), 21);
        Assert.True(await begun.WaitAsync(TimeSpan.FromSeconds(30)));
        await world.RunAsync(program);
        Assert.Equal((42, 2), (await world.Client.ResultAsync<int>(Id(1)), runs));
    }

    public static async Task An_orderly_stop_loses_nothing_either(IWorkflowWorld world)
    {
        var begun = new SemaphoreSlim(0);
        var runs = 0;
        var program = new WorkflowRegistry().Add(Work, async (context, input) => await context.CallActivityAsync(Double, await context.CallActivityAsync(Double, input)))
            .Add(Double, async (_, input, cancellationToken) =>
            {
                // Told to stop, it finishes what it does: that result is to be kept.
                if (Interlocked.Increment(ref runs) > 1) return input * 2;
                begun.Release();
                await Task.Delay(Timeout.Infinite, cancellationToken).ContinueWith(_ => { }, TaskScheduler.Default);
                return input * 2;
            });
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id(1), 10);
        Assert.True(await begun.WaitAsync(TimeSpan.FromSeconds(30)));
        await world.StopAsync();
        Assert.Equal(1, runs);
        await world.RunAsync(program);
        Assert.Equal((40, 2), (await world.Client.ResultAsync<int>(Id(1)), runs));
    }

    public static async Task Attempts_are_counted_over_restarts(IWorkflowWorld world)
    {
        var attempts = 0;
        var policy = new RetryPolicy { MaxAttempts = 4, FirstInterval = TimeSpan.FromMilliseconds(300), Backoff = 1 };
        var program = new WorkflowRegistry().Add(Work, async (context, input) => await context.CallActivityAsync(Double, input, policy))
            .Add(Double, (_, _, _) => throw new StoreException($"attempt {Interlocked.Increment(ref attempts)}"));
        await world.RunAsync(program);
        await world.Client.StartAsync(Work, Id(1), 1);
        for (var restarts = 0; restarts < 2; restarts++)
        {
            var before = restarts + 1;
            await Fixtures.Eventually.IsTrueAsync(() => Task.FromResult(Volatile.Read(ref attempts) >= before), () => $"only {attempts} attempts");
            await world.Client.WaitForChangeAsync(Id(1), null, CancellationToken.None);
            await world.RunAsync(program);
        }

        Assert.Equal(WorkflowState.Failed, (await world.Client.EndAsync(Id(1))).State);
        Assert.InRange(attempts, 4, 6); // four, and again those whose end a kill kept out of the history
    }

    public static async Task Time_and_identifiers_are_the_same_in_a_replay(IWorkflowWorld world)
    {
        var (seen, lived) = (new ConcurrentQueue<string>(), new ConcurrentQueue<string>());
        WorkflowRegistry Next() => Program().Add(Story, async (context, _) =>
        {
            if (!context.IsReplaying) lived.Enqueue("begun");
            var (first, second) = (context.NewGuid(), context.NewGuid());
            var begun = context.CurrentTime;
            await context.CallActivityAsync(Double, 1);
            if (!context.IsReplaying) lived.Enqueue("called");
            seen.Enqueue($"{first} {second} {begun:O} {context.CurrentTime:O} {context.NewGuid()}");
            context.SetStatus($"distinct: {first != second}, forward: {context.CurrentTime >= begun}");
            var word = await context.WaitForEventAsync(Word);
            if (!context.IsReplaying) lived.Enqueue("told");
            return word;
        });

        await world.RunAsync(Next());
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "distinct: True, forward: True");
        await world.RunAsync(Next());
        await world.Client.RaiseEventAsync(Id(1), Word, "1", "x");
        Assert.Equal("x", await world.Client.ResultAsync<string>(Id(1)));
        Assert.Single(seen.Distinct());
        Assert.True(seen.Count > 1, "it was never replayed");
        Assert.Equal(["begun", "called", "told"], lived); // each once: how often an engine replays is its own affair
    }

    public static async Task An_instance_keeps_the_version_it_was_started_with(IWorkflowWorld world)
    {
        WorkflowRegistry Next(int version) => Program().Add(Work, async (context, input) =>
        {
            if (context.Version >= 2) input = await context.CallActivityAsync(Double, input);
            return input + await context.WaitForEventAsync(Number) + 1000 * context.Version;
        }, version);

        await world.RunAsync(Next(1));
        await world.Client.StartAsync(Work, Id(1), 5);
        await world.RunAsync(Next(2));
        await world.Client.StartAsync(Work, Id(2), 5);
        foreach (var id in (InstanceId[])[Id(1), Id(2)]) await world.Client.RaiseEventAsync(id, Number, "1", 1);
        Assert.Equal((1006, 2011), (await world.Client.ResultAsync<int>(Id(1)), await world.Client.ResultAsync<int>(Id(2))));
        Assert.Equal((1, 2), ((await world.Client.GetStatusAsync(Id(1)))!.Version, (await world.Client.GetStatusAsync(Id(2)))!.Version));
    }

    public static async Task Code_that_changed_under_a_running_instance_is_found_out(IWorkflowWorld world)
    {
        WorkflowRegistry Next(string activity) => Program().Add(new ActivityName<int, int>("Other"), (_, input, _) => Task.FromResult(input))
            .Add(Work, async (context, input) =>
            {
                var result = await context.CallActivityAsync(new ActivityName<int, int>(activity), input);
                context.SetStatus("waiting");
                return result + await context.WaitForEventAsync(Number);
            });

        await world.RunAsync(Next("Double"));
        await world.Client.StartAsync(Work, Id(1), 5);
        await world.Client.ShowsAsync(Id(1), "waiting");
        await world.RunAsync(Next("Other"));
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 1);
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal(WorkflowState.Failed, end.State);
        Assert.Contains("Other", end.Failure!.Message, StringComparison.Ordinal);
    }

    public static async Task Continuing_as_new_goes_on_with_the_new_input(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            var doubled = await context.CallActivityAsync(Double, input);
            context.SetStatus(doubled);
            if (doubled < 1000) context.ContinueAsNew(doubled);
            return doubled;
        }));
        await world.Client.StartAsync(Work, Id(1), 1);
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal((WorkflowState.Completed, "1024", "512", "1024"), (end.State, end.Output, end.Input, end.Status));
    }

    public static async Task A_long_life_in_generations_loses_no_event(IWorkflowWorld world)
    {
        var adder = new WorkflowName<Sum, Sum>("Adder");
        await world.RunAsync(Program().Add(adder, async (context, sum) =>
        {
            sum = new Sum(sum.Count + 1, sum.Total + await context.WaitForEventAsync(Number));
            if (sum.Count < 60) context.ContinueAsNew(sum);
            return sum;
        }));
        await world.Client.StartAsync(adder, Id(1), new Sum(0, 0));
        for (var i = 0; i < 60; i++)
        {
            await world.Client.RaiseEventAsync(Id(1), Number, $"{i}", i);
            if (i % 7 == 0) await world.Client.RaiseEventAsync(Id(1), Number, $"{i}", 1000); // again, in another generation
        }

        Assert.Equal(new Sum(60, 60 * 59 / 2), await world.Client.ResultAsync<Sum>(Id(1)));
    }

    public static async Task Events_that_nobody_waited_for_outlive_their_generation(IWorkflowWorld world)
    {
        var tale = new WorkflowName<int, string>("Tale");
        await world.RunAsync(Program().Add(tale, async (context, chapter) =>
        {
            if (chapter == 3) return await context.WaitForEventAsync(Word) + await context.WaitForEventAsync(Word) + await context.WaitForEventAsync(Word);
            context.ContinueAsNew(chapter + await context.WaitForEventAsync(Number));
            return "";
        }));
        await world.Client.StartAsync(tale, Id(1), 1);
        foreach (var word in "ab") await world.Client.RaiseEventAsync(Id(1), Word, $"{word}", $"{word}");
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 1);
        await world.Client.RaiseEventAsync(Id(1), Word, "c", "c");
        await world.Client.RaiseEventAsync(Id(1), Word, "a", "again");
        await world.Client.RaiseEventAsync(Id(1), Number, "2", 1);
        Assert.Equal("abc", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task A_result_for_an_older_generation_is_dropped(IWorkflowWorld world)
    {
        var gate = new TaskCompletionSource();
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            var work = context.CallActivityAsync(Double, input);
            if (input > 0) return await work;
            await context.WaitForEventAsync(Number);
            context.SetStatus("goes on");
            context.ContinueAsNew(5);
            return 0;
        }).Add(Double, async (_, input, cancellationToken) =>
        {
            if (input == 0) await gate.Task.WaitAsync(cancellationToken);
            else gate.TrySetResult(); // the older one ends only now
            return input * 2;
        }));
        await world.Client.StartAsync(Work, Id(1), 0);
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 1);
        await world.Client.ShowsAsync(Id(1), "goes on");
        if (world.EndsAfterItsActivities) gate.TrySetResult();
        Assert.Equal(10, await world.Client.ResultAsync<int>(Id(1)));
    }

    private sealed record Sum(int Count, int Total);
}
