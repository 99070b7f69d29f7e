using System.Collections.Concurrent;
using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

// Events and cancellation.
public static partial class WorkflowContract
{
    public static async Task An_event_completes_the_wait(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            context.SetStatus("waiting");
            return await context.WaitForEventAsync(Word);
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "waiting");
        Assert.True(await world.Client.RaiseEventAsync(Id(1), Word, "1", "hello"));
        Assert.Equal("hello", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task Early_events_are_kept_in_their_order(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            var go = await context.WaitForEventAsync(Number);
            var words = "";
            for (var i = 0; i < go; i++) words += await context.WaitForEventAsync(Word);
            return words;
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        foreach (var word in "abcdefgh") await world.Client.RaiseEventAsync(Id(1), Word, $"{word}", $"{word}");
        await world.Client.RaiseEventAsync(Id(1), Number, "go", 8);
        Assert.Equal("abcdefgh", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task More_events_than_a_turn_takes_all_arrive(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            await context.WaitForEventAsync(Word);
            var sum = 0;
            for (var i = 0; i < input; i++) sum += await context.WaitForEventAsync(Number);
            return sum;
        }));
        await world.Client.StartAsync(Work, Id(1), 120);
        for (var i = 0; i < 120; i++) await world.Client.RaiseEventAsync(Id(1), Number, $"{i}", i);
        await world.Client.RaiseEventAsync(Id(1), Word, "go", "go");
        Assert.Equal(120 * 119 / 2, await world.Client.ResultAsync<int>(Id(1)));
    }

    public static async Task An_event_id_counts_once(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            var first = await context.WaitForEventAsync(Word);
            context.SetStatus("got one");
            return first + await context.WaitForEventAsync(Word);
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        Assert.True(await world.Client.RaiseEventAsync(Id(1), Word, "1", "a"));
        Assert.True(await world.Client.RaiseEventAsync(Id(1), Word, "1", "again"));
        await world.Client.ShowsAsync(Id(1), "got one");
        Assert.True(await world.Client.RaiseEventAsync(Id(1), Word, "1", "after it was taken"));
        Assert.True(await world.Client.RaiseEventAsync(Id(1), Word, "2", "b"));
        Assert.Equal("ab", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task Events_go_to_whom_they_name_and_whatever_the_case(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            var number = context.WaitForEventAsync(Number);
            var word = context.WaitForEventAsync(Word);
            return await word + await number;
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.RaiseEventAsync(Id(1), new EventName<string>("wORD"), "1", "w");
        await world.Client.RaiseEventAsync(Id(1), Number, "2", 5);
        Assert.Equal("w5", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task An_event_for_nobody_goes_nowhere(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, (_, input) => Task.FromResult(input)));
        Assert.False(await world.Client.RaiseEventAsync(Id(1), Number, "1", 1));
        Assert.False(await world.Client.CancelAsync(Id(1), "why not"));
        await world.Client.StartAsync(Work, Id(1), 3);
        await world.Client.EndAsync(Id(1));
        Assert.False(await world.Client.RaiseEventAsync(Id(1), Number, "2", 1));
        Assert.False(await world.Client.CancelAsync(Id(1), "why not"));
        Assert.Equal("3", (await world.Client.GetStatusAsync(Id(1)))!.Output);
    }

    public static async Task A_wait_that_ended_takes_no_event(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            var tooLate = await context.WaitForEventAsync(Word, TimeSpan.FromMilliseconds(20));
            context.SetStatus("timed out");
            var inTime = await context.WaitForEventAsync(Word, Never);
            return $"{tooLate?.Payload ?? "nothing"}, {inTime?.Payload ?? "nothing"}";
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "timed out");
        await world.Client.RaiseEventAsync(Id(1), Word, "1", "late");
        Assert.Equal("nothing, late", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task An_event_of_an_instance_that_was_purged_does_not_reach_the_next(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) => $"{await context.WaitForEventAsync(Number)}"));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.RaiseEventAsync(Id(1), Word, "never-waited-for", "x");
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 1);
        await world.Client.EndAsync(Id(1));
        await world.Client.PurgeAsync(Id(1));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 2);
        Assert.Equal("2", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task Cancelling_ends_every_kind_of_wait(IWorkflowWorld world)
    {
        var gates = new ConcurrentDictionary<InstanceId, TaskCompletionSource>();
        var wait = new WorkflowName<string, string>("Wait");
        await world.RunAsync(new WorkflowRegistry().Add(wait, async (context, kind) =>
        {
            context.SetStatus("waiting");
            try
            {
                return await WaitAsync(context, kind);
            }
            catch (WorkflowCancelledException)
            {
                context.SetStatus("told");
                throw;
            }
        }).Add(Do, async (call, input, cancellationToken) =>
        {
            if (input == "fail") throw new IOException("no");
            if (input == "hang") await gates.GetOrAdd(call.InstanceId, _ => new TaskCompletionSource()).Task.WaitAsync(cancellationToken);
            return input;
        }));
        string[] kinds = ["activity", "fan-out", "retry", "event", "event with limit", "limit", "timer"];
        for (var i = 0; i < kinds.Length; i++)
        {
            await world.Client.StartAsync(wait, Id(i), kinds[i]);
            await world.Client.ShowsAsync(Id(i), "waiting");
            Assert.True(await world.Client.CancelAsync(Id(i), "changed my mind"));
            await world.Client.ShowsAsync(Id(i), "told");
            if (world.EndsAfterItsActivities) gates.GetOrAdd(Id(i), _ => new TaskCompletionSource()).SetResult();
            var end = await world.Client.EndAsync(Id(i));
            Assert.True(end.State == WorkflowState.Cancelled, $"{kinds[i]}: {end}");
            Assert.Contains("changed my mind", end.Failure!.Message, StringComparison.Ordinal);
        }

        foreach (var gate in gates.Values) gate.TrySetResult();
    }

    private static async Task<string> WaitAsync(WorkflowContext context, string kind)
    {
        switch (kind)
        {
            case "activity": return await context.CallActivityAsync(Do, "hang");
            case "fan-out": return (await Task.WhenAll(context.CallActivityAsync(Do, "x"), context.CallActivityAsync(Do, "hang")))[0];
            case "retry": return await context.CallActivityAsync(Do, "fail", new RetryPolicy { MaxAttempts = 9, FirstInterval = Never, MaxInterval = Never });
            case "event": return await context.WaitForEventAsync(Word);
            case "event with limit": return (await context.WaitForEventAsync(Word, Never))!.Payload;
            case "limit": return (await context.CompletesWithinAsync(context.CallActivityAsync(Do, "hang"), Never)).ToString();
            default:
                await context.CreateTimerAsync(Never);
                return "";
        }
    }

    public static async Task What_is_shielded_goes_on_after_cancelling(IWorkflowWorld world)
    {
        var program = new WorkflowRegistry();
        var done = Log(program);
        await world.RunAsync(program.Add(Story, async (context, _) =>
        {
            try
            {
                context.SetStatus("waiting");
                return await context.WaitForEventAsync(Word);
            }
            catch (WorkflowCancelledException)
            {
                await context.Shielded.CreateTimerAsync(TimeSpan.FromMilliseconds(10));
                await context.Shielded.CallActivityAsync(Do, "clean up");
                await Assert.ThrowsAsync<WorkflowCancelledException>(() => context.CallActivityAsync(Do, "not shielded"));
                Assert.Throws<WorkflowCancelledException>(() => context.ContinueAsNew(1));
                throw;
            }
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "waiting");
        await world.Client.CancelAsync(Id(1), "stop");
        await world.Client.CancelAsync(Id(1), "stop again");
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal((WorkflowState.Cancelled, "cancelled: stop"), (end.State, end.Failure!.Message));
        Assert.Equal(["clean up"], done);
    }

    public static async Task A_workflow_may_complete_in_spite_of_a_request_to_cancel(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Story, async (context, _) =>
        {
            context.SetStatus("waiting");
            var word = await context.Shielded.WaitForEventAsync(Word);
            return $"{word} {context.IsCancellationRequested}";
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "waiting");
        await world.Client.CancelAsync(Id(1), "stop");
        await world.Client.RaiseEventAsync(Id(1), Word, "1", "done");
        Assert.Equal("done True", await world.Client.ResultAsync<string>(Id(1)));
    }
}
