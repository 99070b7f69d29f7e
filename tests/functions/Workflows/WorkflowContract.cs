using System.Collections.Concurrent;
using System.Diagnostics.Metrics;
using System.Reflection;
using Holdfast.Core;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>What every workflow engine must do: each public method is one fact about an engine with an empty store.</summary>
public static partial class WorkflowContract
{
    private static readonly WorkflowName<int, int> Work = new("Work");
    private static readonly WorkflowName<Nothing, string> Story = new("Story");
    private static readonly ActivityName<int, int> Double = new("Double");
    private static readonly ActivityName<string, string> Do = new("Do");
    private static readonly EventName<int> Number = new("Number");
    private static readonly EventName<string> Word = new("Word");
    private static readonly RetryPolicy Thrice = new() { MaxAttempts = 3, FirstInterval = TimeSpan.FromMilliseconds(5) };
    private static readonly TimeSpan Never = TimeSpan.FromHours(5);

    /// <summary>The names of the facts.</summary>
    public static TheoryData<string> Facts => [.. Methods.Select(method => method.Name)];

    private static IEnumerable<MethodInfo> Methods => typeof(WorkflowContract).GetMethods(BindingFlags.Public | BindingFlags.Static)
        .Where(method => method.GetParameters() is [{ } only] && only.ParameterType == typeof(IWorkflowWorld));

    /// <summary>Checks one fact.</summary>
    public static Task Check(string fact, IWorkflowWorld world) => (Task)Methods.Single(method => method.Name == fact).Invoke(null, [world])!;

    public static async Task Gives_the_result_of_an_activity(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) => await context.CallActivityAsync(Double, input) + 1));
        Assert.True(await world.Client.StartAsync(Work, Id(1), 20));
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal((WorkflowState.Completed, "41", "20", "Work", null), (end.State, end.Output, end.Input, end.Workflow, end.Failure));
        Assert.True(end.UpdatedAt >= end.CreatedAt);
    }

    public static async Task Ends_and_activities_are_measured_once(IWorkflowWorld world)
    {
        // The meter is the process's: names that no other test has.
        var (name, work) = ($"Measured-{Guid.NewGuid():N}", new ActivityName<int, int>($"measured-{Guid.NewGuid():N}"));
        var (ends, activities, attempts) = (new ConcurrentQueue<string?>(), new ConcurrentQueue<string?>(), 0);
        using var listener = new MeterListener { InstrumentPublished = (instrument, own) => { if (instrument.Meter.Name == Telemetry.Workflows) own.EnableMeasurementEvents(instrument); } };
        static string? Tag(ReadOnlySpan<KeyValuePair<string, object?>> tags, string key) => tags.ToArray().Single(tag => tag.Key == key).Value?.ToString();
        listener.SetMeasurementEventCallback<long>((instrument, count, tags, _) =>
        {
            if (instrument.Name == "holdfast.workflow.finished" && Tag(tags, "holdfast.workflow") == name) ends.Enqueue($"{count} {Tag(tags, "holdfast.state")}");
        });
        listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) =>
        {
            if (instrument.Name == "holdfast.activity.duration" && Tag(tags, "holdfast.activity") == work.Value) activities.Enqueue(Tag(tags, "error.type"));
        });
        listener.Start();
        await world.RunAsync(new WorkflowRegistry()
            .Add(new WorkflowName<int, int>(name), async (context, input) =>
            {
                var first = await context.CallActivityAsync(work, input, Thrice);
                await context.CreateTimerAsync(TimeSpan.FromMilliseconds(50));
                return await context.CallActivityAsync(work, first);
            })
            .Add(work, (_, input, _) => ++attempts == 1 ? throw new StoreException("not now") : Task.FromResult(input * 2)));
        await world.Client.StartAsync(new WorkflowName<int, int>(name), Id(1), 4);
        Assert.Equal(16, await world.Client.ResultAsync<int>(Id(1)));
        for (var wait = 0; ends.IsEmpty && wait < 100; wait++) await Task.Delay(50); // it is counted after it is stored
        Assert.Equal(["1 Completed"], ends);
        Assert.Equal([typeof(StoreException).FullName, null, null], activities);
    }

    public static async Task A_workflow_without_a_wait_completes(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, (_, input) => Task.FromResult(input + 1)));
        await world.Client.StartAsync(Work, Id(1), 1);
        Assert.Equal(2, await world.Client.ResultAsync<int>(Id(1)));
    }

    public static async Task The_same_id_is_the_same_instance(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) => input + await context.WaitForEventAsync(Number)));
        var starts = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => world.Client.StartAsync(Work, Id(1), 10)));
        Assert.Single(starts, true);
        await world.Client.RaiseEventAsync(Id(1), Number, "e", 5);
        Assert.Equal(15, await world.Client.ResultAsync<int>(Id(1)));
        Assert.False(await world.Client.StartAsync(Work, Id(1), 99));
        Assert.Equal("10", (await world.Client.GetStatusAsync(Id(1)))!.Input);
    }

    public static async Task An_id_belongs_to_one_workflow(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, (_, input) => Task.FromResult(input)).Add(Story, (_, _) => Task.FromResult("")));
        await world.Client.StartAsync(Work, Id(1), 1);
        await Assert.ThrowsAsync<RefusedException>(() => world.Client.StartAsync(Story, Id(1), default));
    }

    public static async Task What_is_not_registered_is_refused(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) => await context.CallActivityAsync(new ActivityName<int, int>("Unheard"), input)));
        await Assert.ThrowsAsync<ConfigurationException>(() => world.Client.StartAsync(Story, Id(1), default));
        await world.Client.StartAsync(Work, Id(2), 1);
        Assert.Equal(WorkflowState.Failed, (await world.Client.EndAsync(Id(2))).State);
    }

    public static async Task A_failed_activity_is_repeated_as_the_policy_says(IWorkflowWorld world)
    {
        var attempts = 0;
        await world.RunAsync(new WorkflowRegistry()
            .Add(Work, async (context, input) => await context.CallActivityAsync(Double, input, Thrice))
            .Add(Double, (_, input, _) => ++attempts < 3 ? throw new StoreException("not now") : Task.FromResult(input * 2)));
        await world.Client.StartAsync(Work, Id(1), 4);
        Assert.Equal((8, 3), (await world.Client.ResultAsync<int>(Id(1)), attempts));
    }

    public static async Task The_last_failure_reaches_the_workflow(IWorkflowWorld world)
    {
        var attempts = 0;
        ActivityFailedException? seen = null;
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            try
            {
                return await context.CallActivityAsync(Double, input, Thrice);
            }
            catch (ActivityFailedException failed)
            {
                seen = failed;
                throw;
            }
        }).Add(Double, (_, _, _) => throw new StoreException($"attempt {++attempts}", "Plug it in.")));
        await world.Client.StartAsync(Work, Id(1), 4);
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal((WorkflowState.Failed, 3), (end.State, attempts));
        Assert.Equal(("Double", "Holdfast.Core.StoreException", "attempt 3", "Plug it in."), (seen!.Activity, seen.Failure.Type, seen.Failure.Message, seen.Failure.Hint));
        Assert.Contains("attempt 3", end.Failure!.Message, StringComparison.Ordinal);
        Assert.Equal("Plug it in.", end.Failure.Hint);
    }

    public static async Task A_permanent_failure_is_not_repeated(IWorkflowWorld world)
    {
        var attempts = 0;
        await world.RunAsync(new WorkflowRegistry()
            .Add(Work, async (context, input) => await context.CallActivityAsync(Double, input, Thrice))
            .Add(Double, (_, _, _) => throw new RefusedException($"attempt {++attempts}")));
        await world.Client.StartAsync(Work, Id(1), 4);
        Assert.Equal((WorkflowState.Failed, 1), ((await world.Client.EndAsync(Id(1))).State, attempts));
    }

    public static async Task An_exception_of_the_workflow_ends_it_as_failed(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            await context.CallActivityAsync(Double, input);
            throw new DamagedException("broken", "Mend it.");
        }));
        await world.Client.StartAsync(Work, Id(1), 1);
        var end = await world.Client.EndAsync(Id(1));
        Assert.Equal((WorkflowState.Failed, "broken", "Mend it.", null), (end.State, end.Failure!.Message, end.Failure.Hint, end.Output));
    }

    public static async Task Fan_out_gives_all_results_in_their_order(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            var results = await Task.WhenAll(Enumerable.Range(0, input).Select(i => context.CallActivityAsync(Double, i)));
            return results.Select((result, i) => result == 2 * i ? 1 : 0).Sum();
        }));
        await world.Client.StartAsync(Work, Id(1), 150);
        Assert.Equal(150, await world.Client.ResultAsync<int>(Id(1)));
    }

    public static async Task The_first_of_several_can_be_taken(IWorkflowWorld world)
    {
        var gate = new TaskCompletionSource();
        await world.RunAsync(new WorkflowRegistry().Add(Story, async (context, _) =>
        {
            var slow = context.CallActivityAsync(Do, "slow");
            var fast = context.CallActivityAsync(Do, "fast");
            var first = await Task.WhenAny(slow, fast);
            context.SetStatus(await first);
            return string.Join(',', await Task.WhenAll(slow, fast));
        }).Add(Do, async (_, input, _) =>
        {
            if (input == "slow") await gate.Task;
            return input;
        }));
        await world.Client.StartAsync(Story, Id(1), default);
        await world.Client.ShowsAsync(Id(1), "fast");
        gate.SetResult();
        Assert.Equal("slow,fast", await world.Client.ResultAsync<string>(Id(1)));
    }

    public static async Task A_timer_fires_at_its_time_and_not_before(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            var begun = context.CurrentTime;
            await context.CreateTimerAsync(TimeSpan.FromMilliseconds(input));
            return (int)(context.CurrentTime - begun).TotalMilliseconds;
        }));
        await world.Client.StartAsync(Work, Id(1), 200);
        Assert.InRange(await world.Client.ResultAsync<int>(Id(1)), 200, 30_000);
    }

    public static async Task A_timer_of_the_past_fires_at_once(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            await context.CreateTimerAsync(context.CurrentTime.AddDays(-1));
            return input;
        }));
        await world.Client.StartAsync(Work, Id(1), 7);
        Assert.Equal(7, await world.Client.ResultAsync<int>(Id(1)));
    }

    public static async Task A_time_limit_holds_nothing_up_when_it_was_not_needed(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            var work = context.CallActivityAsync(Double, input);
            return await context.CompletesWithinAsync(work, Never) ? await work : -1;
        }));
        await world.Client.StartAsync(Work, Id(1), 7);
        Assert.Equal(14, await world.Client.ResultAsync<int>(Id(1)));
    }

    public static async Task Late_work_loses_against_its_time_limit(IWorkflowWorld world)
    {
        var gate = new TaskCompletionSource();
        await world.RunAsync(new WorkflowRegistry().Add(Work, async (context, input) =>
        {
            var result = await context.CompletesWithinAsync(context.CallActivityAsync(Double, input), TimeSpan.FromMilliseconds(50)) ? 1 : -1;
            context.SetStatus(result);
            return result;
        }).Add(Double, async (_, input, cancellationToken) =>
        {
            await gate.Task.WaitAsync(cancellationToken);
            return input;
        }));
        await world.Client.StartAsync(Work, Id(1), 7);
        await world.Client.ShowsAsync(Id(1), -1);
        if (world.EndsAfterItsActivities) gate.SetResult();
        Assert.Equal(-1, await world.Client.ResultAsync<int>(Id(1)));
        gate.TrySetResult();
    }

    public static async Task Status_is_visible_while_it_runs(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) =>
        {
            context.SetStatus(new Progress("reading", 40));
            await context.WaitForEventAsync(Number);
            context.SetStatus(new Progress("writing", 80));
            await context.WaitForEventAsync(Number);
            return input;
        }));
        await world.Client.StartAsync(Work, Id(1), 7);
        await world.Client.ShowsAsync(Id(1), new Progress("reading", 40));
        await world.Client.RaiseEventAsync(Id(1), Number, "1", 1);
        Assert.Equal(WorkflowState.Running, (await world.Client.ShowsAsync(Id(1), new Progress("writing", 80))).State);
        await world.Client.RaiseEventAsync(Id(1), Number, "2", 1);
        Assert.Equal("""{"what":"writing","percent":80}""", (await world.Client.EndAsync(Id(1))).Status);
    }

    public static async Task What_is_too_large_is_refused(IWorkflowWorld world)
    {
        var large = new string('x', WorkflowJson.MaxBytes);
        var echo = new WorkflowName<string, string>("Echo");
        await world.RunAsync(new WorkflowRegistry().Add(Do, (_, _, _) => Task.FromResult(large)).Add(echo, async (context, input) => input switch
        {
            "activity's input" => await context.CallActivityAsync(Do, large),
            "activity's output" => await context.CallActivityAsync(Do, "x"),
            "status" => Set(context, large),
            "event" => await context.WaitForEventAsync(Word),
            _ => large,
        }));
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => world.Client.StartAsync(echo, Id(0), large));
        Assert.Null(await world.Client.GetStatusAsync(Id(0)));
        string[] cases = ["activity's input", "activity's output", "status", "result"];
        for (var i = 0; i < cases.Length; i++)
        {
            await world.Client.StartAsync(echo, Id(i + 1), cases[i]);
            var end = await world.Client.EndAsync(Id(i + 1));
            Assert.True(end.State == WorkflowState.Failed && end.Failure!.Message.Contains("are allowed", StringComparison.Ordinal), $"{cases[i]}: {end}");
        }

        await world.Client.StartAsync(echo, Id(9), "event");
        await Assert.ThrowsAsync<PayloadTooLargeException>(() => world.Client.RaiseEventAsync(Id(9), Word, "1", large));
        var fits = new string('x', WorkflowJson.MaxBytes - 2);
        await world.Client.RaiseEventAsync(Id(9), Word, "1", fits);
        Assert.Equal(fits, await world.Client.ResultAsync<string>(Id(9)));

        static string Set(WorkflowContext context, string status)
        {
            context.SetStatus(status);
            return "";
        }
    }

    public static async Task Instances_are_listed_and_purged(IWorkflowWorld world)
    {
        await world.RunAsync(Program().Add(Work, async (context, input) => input > 0 ? input : await context.WaitForEventAsync(Number)));
        for (var i = 0; i < 3; i++) await world.Client.StartAsync(Work, Id(i), i);
        await world.Client.EndAsync(Id(1));
        await world.Client.EndAsync(Id(2));
        Assert.Equal([Id(0)], await ListAsync(WorkflowState.Running));
        Assert.Equal([Id(1), Id(2)], await ListAsync(WorkflowState.Completed));
        Assert.Equal([Id(0), Id(1), Id(2)], await ListAsync(null));

        await Assert.ThrowsAsync<RefusedException>(() => world.Client.PurgeAsync(Id(0)));
        Assert.True(await world.Client.PurgeAsync(Id(1)));
        Assert.False(await world.Client.PurgeAsync(Id(1)));
        Assert.Null(await world.Client.GetStatusAsync(Id(1)));
        Assert.Equal([Id(0), Id(2)], await ListAsync(null));

        Assert.True(await world.Client.StartAsync(Work, Id(1), 5));
        Assert.Equal(5, await world.Client.ResultAsync<int>(Id(1)));

        async Task<InstanceId[]> ListAsync(WorkflowState? state) =>
            [.. (await world.Client.ListAsync(state).Select(status => status.InstanceId).ToListAsync()).OrderBy(id => id.ToString(), StringComparer.Ordinal)];
    }

    private static InstanceId Id(int number) => new($"test-{number}");

    private static WorkflowRegistry Program() => new WorkflowRegistry().Add(Double, (_, input, _) => Task.FromResult(input * 2));

    private static ConcurrentQueue<string> Log(WorkflowRegistry program)
    {
        var done = new ConcurrentQueue<string>();
        program.Add(Do, (_, input, _) =>
        {
            done.Enqueue(input);
            return Task.FromResult(input);
        });
        return done;
    }

    private sealed record Progress(string What, int Percent);
}
