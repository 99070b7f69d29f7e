using Holdfast.Functions.Activities;
using Holdfast.Functions.Azure;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;
using Microsoft.DurableTask.Client;

namespace Holdfast.Tests.Durable;

/// <summary>What only an engine that is Durable Task can get wrong.</summary>
[Collection(AzureStorageHub.Collection)]
public sealed class DurableAdapterTests(AzureStorageHub storage) : IAsyncLifetime
{
    private static readonly WorkflowName<string, string> Echo = new("Echo");
    private static readonly ActivityName<string, string> Do = new("Do");
    private static readonly EventName<string> Word = new("Word");
    private static readonly InstanceId Id = new("test");

    private readonly List<string> _done = [];
    private DurableWorld? _world;

    private DurableWorld World => _world!;

    private DurableWorkflowClient Client => (DurableWorkflowClient)World.Client;

    public async Task InitializeAsync() => _world = await DurableWorld.StartAsync(storage.NewHub());

    public async Task DisposeAsync()
    {
        if (_world is not null) await _world.DisposeAsync();
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_activity_that_was_lost_with_its_process_is_repeated()
    {
        await RunAsync((context, input) => context.CallActivityAsync(Do, input, new RetryPolicy { MaxAttempts = 3, FirstInterval = TimeSpan.FromMilliseconds(5) }));
        World.Worker.LoseActivities(2);
        await Client.StartAsync(Echo, Id, "x");
        Assert.Equal("x", await Client.ResultAsync<string>(Id));
        Assert.Equal(["x"], _done);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_activity_that_is_lost_each_time_fails_and_may_be_tried_again_later()
    {
        await RunAsync(async (context, input) =>
        {
            try
            {
                return await context.CallActivityAsync(Do, input, RetryPolicy.None);
            }
            catch (ActivityFailedException failed) when (!failed.Failure.IsPermanent)
            {
                return $"{failed.Failure.Type}: {failed.Message}";
            }
        });
        World.Worker.LoseActivities(1);
        await Client.StartAsync(Echo, Id, "x");
        Assert.Equal("System.IO.IOException: Do: Function 'activity' failed with an unhandled exception.", await Client.ResultAsync<string>(Id));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task An_event_for_an_earlier_life_of_the_id_is_passed_over()
    {
        await RunAsync((context, _) => context.WaitForEventAsync(Word));
        await Client.StartAsync(Echo, Id, "x");
        await RaiseRawAsync(new DurableEvent(Guid.NewGuid(), "1", "Word", "\"late\""));
        await Client.RaiseEventAsync(Id, Word, "1", "in time");
        Assert.Equal("in time", await Client.ResultAsync<string>(Id));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task The_newest_ids_are_remembered_over_generations_and_no_more()
    {
        await RunAsync(async (context, input) =>
        {
            var word = await context.WaitForEventAsync(Word);
            context.SetStatus(input + word);
            if (word != "end") context.ContinueAsNew(input + word);
            return input + word;
        });
        var seen = Enumerable.Range(0, DurablePrimitives.MaxRemembered).Select(i => DurableEvent.Key($"old{i}")).ToArray();
        var start = new DurableStart("Echo", 1, Guid.NewGuid(), DateTimeOffset.UtcNow, "\"\""u8.ToArray()) { Generation = 1, Seen = seen };
        await World.Hub.ScheduleNewOrchestrationInstanceAsync(
            DurableWorkflows.Orchestrator, DurableWorkflows.Text(start), new Microsoft.DurableTask.StartOrchestrationOptions(Id.ToString()));
        await World.Hub.WaitForInstanceStartAsync(Id.ToString()); // so long a start shows itself only then
        await Client.RaiseEventAsync(Id, Word, "old0", "not again,");
        await Client.RaiseEventAsync(Id, Word, "new", "new,");
        await Client.ShowsAsync(Id, "new,");
        await Client.RaiseEventAsync(Id, Word, "old1", "not again,");
        await Client.RaiseEventAsync(Id, Word, "new", "not again,");
        await Client.RaiseEventAsync(Id, Word, "old0", "forgotten,");
        await Client.RaiseEventAsync(Id, Word, "last", "end");
        Assert.Equal("new,forgotten,end", await Client.ResultAsync<string>(Id));
        var found = await World.Hub.GetInstanceAsync(Id.ToString(), getInputsAndOutputs: true);
        Assert.Equal(DurablePrimitives.MaxRemembered, WorkflowJson.Read<DurableStart>(found!.ReadInputAs<string>()!).Seen.Count);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_status_of_the_greatest_size_in_any_script_is_shown_as_it_was_set()
    {
        var status = new string('ж', (WorkflowJson.MaxStatusBytes - 40) / 2) + "\"<&>\"";
        await RunAsync(async (context, _) =>
        {
            context.SetStatus(status);
            return await context.WaitForEventAsync(Word);
        });
        await Client.StartAsync(Echo, Id, "x");
        await Client.ShowsAsync(Id, status);
        await Client.RaiseEventAsync(Id, Word, "1", "end");
        await Client.ResultAsync<string>(Id);
    }

    [NeedsTheory(Needs.Azurite)]
    [InlineData('"')]
    [InlineData('x')]
    [InlineData('ж')]
    [InlineData('力')]
    public async Task Values_of_the_greatest_size_pass_through_every_envelope_also_before_a_worker_runs(char letter)
    {
        // As JSON, none has more than the bound, and none much less.
        var value = new string(letter, (WorkflowJson.MaxBytes - 2) / (letter == '"' ? 6 : System.Text.Encoding.UTF8.GetByteCount([letter])));
        Func<WorkflowContext, string, Task<string>> workflow = async (context, input) =>
        {
            var answer = await context.CallActivityAsync(Do, input);
            var word = await context.WaitForEventAsync(Word);
            return answer == value && word == value ? word : "not the same";
        };
        await RunAsync(workflow);
        await World.StopAsync();
        Assert.True(await Client.StartAsync(Echo, Id, value));
        Assert.False(await Client.StartAsync(Echo, Id, "another"));
        Assert.True(await Client.RaiseEventAsync(Id, Word, "1", value));
        Assert.Equal(WorkflowJson.Write("", value), (await Client.GetStatusAsync(Id))!.Input);
        await RunAsync(workflow);
        Assert.Equal(value, await Client.ResultAsync<string>(Id));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task A_status_outlives_its_generation()
    {
        await RunAsync(async (context, input) =>
        {
            if (input == "first") context.SetStatus("shown");
            if (input == "first") context.ContinueAsNew("second");
            else await context.WaitForEventAsync(Word);
            return input;
        });
        await Client.StartAsync(Echo, Id, "first");
        while ((await Client.GetStatusAsync(Id))!.Input == "\"first\"") await Task.Delay(50);
        Assert.Equal("\"shown\"", (await Client.GetStatusAsync(Id))!.Status);
    }

    [NeedsFact(Needs.Azurite)]
    public async Task What_was_terminated_by_other_tools_counts_as_cancelled()
    {
        await RunAsync((context, _) => context.WaitForEventAsync(Word));
        await Client.StartAsync(Echo, Id, "x");
        await World.Hub.WaitForInstanceStartAsync(Id.ToString());
        await World.Hub.TerminateInstanceAsync(Id.ToString(), "by hand");
        var end = await Client.EndAsync(Id);
        Assert.Equal(WorkflowState.Cancelled, end.State);
        Assert.Contains("by hand", end.Failure!.Message, StringComparison.Ordinal);
        Assert.False(await Client.RaiseEventAsync(Id, Word, "1", "x"));
        Assert.True(await Client.PurgeAsync(Id));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task What_ended_long_ago_is_purged_and_nothing_else()
    {
        await RunAsync(async (context, input) => input == "wait" ? await context.WaitForEventAsync(Word) : input);
        await Client.StartAsync(Echo, Id, "x");
        await Client.StartAsync(Echo, new InstanceId("running"), "wait");
        await Client.EndAsync(Id);
        Assert.Equal(0, await Client.PurgeOldAsync(DateTimeOffset.UtcNow.AddMinutes(-1), CancellationToken.None));
        Assert.Equal(1, await Client.PurgeOldAsync(DateTimeOffset.UtcNow.AddMinutes(1), CancellationToken.None));
        Assert.Null(await Client.GetStatusAsync(Id));
        Assert.NotNull(await Client.GetStatusAsync(new InstanceId("running")));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Code_that_changed_is_found_out_though_the_workflow_catches_everything()
    {
        await RunAsync(async (context, input) => input + await context.CallActivityAsync(Do, "x") + await context.WaitForEventAsync(Word));
        await Client.StartAsync(Echo, Id, "x");
        while (_done.Count == 0) await Task.Delay(50);
        await RunAsync(async (context, input) =>
        {
            try { await context.CallActivityAsync(new ActivityName<string, string>("Other"), "x"); }
            catch (Exception) { context.SetStatus("caught"); }
            return input + await context.WaitForEventAsync(Word);
        });
        await Client.RaiseEventAsync(Id, Word, "1", "x");
        var end = await Client.EndAsync(Id);
        Assert.Equal((WorkflowState.Failed, typeof(NonDeterministicWorkflowException).FullName, null), (end.State, end.Failure!.Type, end.Status));
    }

    private Task RunAsync(Func<WorkflowContext, string, Task<string>> workflow) => World.RunAsync(new WorkflowRegistry().Add(Echo, workflow).Add(Do, (_, input, _) =>
    {
        _done.Add(input);
        return Task.FromResult(input);
    }));

    private Task RaiseRawAsync(DurableEvent raised) => World.Hub.RaiseEventAsync(Id.ToString(), DurableWorkflows.Event, DurableWorkflows.Text(raised));
}
