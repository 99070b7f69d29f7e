using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Holdfast.Core;
using Holdfast.Functions.Workflows;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Client;

namespace Holdfast.Functions.Azure;

/// <summary>Talks to the workflows of a task hub.</summary>
public sealed class DurableWorkflowClient(DurableTaskClient hub, WorkflowRegistry registry, TimeProvider time) : IWorkflowClient
{
    // A look is a row of a table: often while something is about to change, seldom when it takes its time.
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100), LongestPause = TimeSpan.FromSeconds(2);

    private static readonly OrchestrationRuntimeStatus[] Unfinished =
        [OrchestrationRuntimeStatus.Pending, OrchestrationRuntimeStatus.Running, OrchestrationRuntimeStatus.Suspended];

    private static readonly OrchestrationRuntimeStatus[] Finished =
        [OrchestrationRuntimeStatus.Completed, OrchestrationRuntimeStatus.Failed, OrchestrationRuntimeStatus.Terminated];

    /// <inheritdoc/>
    public async Task<bool> StartAsync<TInput, TResult>(
        WorkflowName<TInput, TResult> workflow, InstanceId instanceId, TInput input, CancellationToken cancellationToken = default)
    {
        var registered = registry.Workflow(workflow.Value);
        var json = WorkflowJson.Write($"the input of {workflow.Value}", input);
        if (await FindAsync(instanceId, cancellationToken) is { } found) return IsThereAlready(found, registered);

        var start = new DurableStart(registered.Name, registered.Version, Guid.NewGuid(), time.GetUtcNow(), Encoding.UTF8.GetBytes(json));
        var options = new StartOrchestrationOptions(instanceId.ToString()).WithDedupeStatuses([.. Unfinished, .. Finished]);
        try
        {
            await hub.ScheduleNewOrchestrationInstanceAsync(DurableWorkflows.Orchestrator, DurableWorkflows.Text(start), options, cancellationToken);
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // It was there already, or the answer was lost.
            if (await FindAsync(instanceId, cancellationToken) is null) throw;
        }

        // Of several that start it at once the backend takes one, and tells each that it was it.
        var taken = await FindAsync(instanceId, cancellationToken) ?? throw new StoreException($"workflow instance {instanceId} was started and is not there");
        return taken.Start.Incarnation == start.Incarnation || IsThereAlready(taken, registered);
    }

    /// <inheritdoc/>
    public Task<bool> RaiseEventAsync<TPayload>(
        InstanceId instanceId, EventName<TPayload> name, string eventId, TPayload payload, CancellationToken cancellationToken = default)
    {
        WorkflowEvents.Check(name.Value, eventId);
        return RaiseAsync(instanceId, name.Value, eventId, WorkflowJson.Write($"event {name.Value}", payload), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> CancelAsync(InstanceId instanceId, string reason, CancellationToken cancellationToken = default) =>
        RaiseAsync(instanceId, WorkflowContext.CancelEvent, WorkflowEvents.CancelId, WorkflowEvents.CancelPayload(reason), cancellationToken);

    /// <inheritdoc/>
    public async Task<WorkflowStatus?> GetStatusAsync(InstanceId instanceId, CancellationToken cancellationToken = default) =>
        (await FindAsync(instanceId, cancellationToken))?.Status;

    /// <inheritdoc/>
    public async Task<WorkflowStatus> WaitForChangeAsync(InstanceId instanceId, WorkflowStatus? known, CancellationToken cancellationToken)
    {
        for (var pause = FirstPause; ; pause = pause * 2 < LongestPause ? pause * 2 : LongestPause)
        {
            var status = await GetStatusAsync(instanceId, cancellationToken) ?? throw new RefusedException($"there is no workflow instance {instanceId}");
            if (status.IsFinished || status != known) return status;
            await Task.Delay(pause, time, cancellationToken);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<WorkflowStatus> ListAsync(WorkflowState? state = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        OrchestrationRuntimeStatus[]? statuses = state switch { null => null, WorkflowState.Running => Unfinished, _ => Finished };
        await foreach (var found in hub.GetAllInstancesAsync(new OrchestrationQuery(Statuses: statuses, FetchInputsAndOutputs: true)).WithCancellation(cancellationToken))
            if (new FoundInstance(found).Status is var status && (state is null || status.State == state)) yield return status;
    }

    /// <inheritdoc/>
    public async Task<bool> PurgeAsync(InstanceId instanceId, CancellationToken cancellationToken = default)
    {
        if (await FindAsync(instanceId, cancellationToken) is not { } found) return false;
        if (!found.Status.IsFinished) throw new RefusedException($"workflow instance {instanceId} has not finished", "Cancel it, and purge it when it has ended.");
        return (await hub.PurgeInstanceAsync(instanceId.ToString(), cancellation: cancellationToken)).PurgedInstanceCount > 0;
    }

    /// <summary>Purges what ended before <paramref name="endedBefore"/>; a timer does so once a day with 30 days ago. Returns how many there were.</summary>
    public async Task<int> PurgeOldAsync(DateTimeOffset endedBefore, CancellationToken cancellationToken)
    {
        var count = 0;
        var old = new OrchestrationQuery(CreatedTo: endedBefore, Statuses: Finished);
        await foreach (var instance in hub.GetAllInstancesAsync(old).WithCancellation(cancellationToken))
            if (instance.LastUpdatedAt < endedBefore) count += (await hub.PurgeInstanceAsync(instance.InstanceId, cancellation: cancellationToken)).PurgedInstanceCount;
        return count;
    }

    private async Task<FoundInstance?> FindAsync(InstanceId instanceId, CancellationToken cancellationToken) =>
        await hub.GetInstanceAsync(instanceId.ToString(), getInputsAndOutputs: true, cancellationToken) is { } found ? new FoundInstance(found) : null;

    private async Task<bool> RaiseAsync(InstanceId instanceId, string name, string eventId, string payload, CancellationToken cancellationToken)
    {
        if (await FindAsync(instanceId, cancellationToken) is not { Status.IsFinished: false } found) return false;
        var raised = new DurableEvent(found.Start.Incarnation, eventId, name, payload);
        try
        {
            await hub.RaiseEventAsync(instanceId.ToString(), DurableWorkflows.Event, DurableWorkflows.Text(raised), cancellationToken);
            return true;
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            // Durable refuses what comes for an instance that has ended since we looked.
            if (await FindAsync(instanceId, cancellationToken) is not { Status.IsFinished: false }) return false;
            throw;
        }
    }

    private static bool IsThereAlready(FoundInstance found, RegisteredWorkflow asked) => found.Start.Workflow.Equals(asked.Name, StringComparison.OrdinalIgnoreCase)
        ? false : throw new RefusedException($"workflow instance {found.Status.InstanceId} is one of {found.Start.Workflow}, not of {asked.Name}", "Choose another id.");

    /// <summary>An instance as the task hub shows it.</summary>
    private sealed class FoundInstance(OrchestrationMetadata found)
    {
        public DurableStart Start { get; } = WorkflowJson.Read<DurableStart>(found.ReadInputAs<string>()!);

        public WorkflowStatus Status
        {
            get
            {
                var end = End();
                return new WorkflowStatus
                {
                    InstanceId = new InstanceId(found.InstanceId),
                    Workflow = Start.Workflow,
                    Version = Start.Version,
                    State = end?.State ?? WorkflowState.Running,
                    CreatedAt = Start.CreatedAt,
                    UpdatedAt = found.LastUpdatedAt > Start.CreatedAt ? found.LastUpdatedAt : Start.CreatedAt,
                    Input = Start.InputJson,
                    Status = found.SerializedCustomStatus is null or "null" ? Start.Status : WorkflowJson.Write("a status", WorkflowJson.Read<JsonElement>(found.SerializedCustomStatus)),
                    Output = end?.Output,
                    Failure = end?.Failure,
                };
            }
        }

        private DurableEnd? End() => found.RuntimeStatus switch
        {
            OrchestrationRuntimeStatus.Completed => WorkflowJson.Read<DurableEnd>(found.ReadOutputAs<string>()!),
            OrchestrationRuntimeStatus.Failed => new DurableEnd(WorkflowState.Failed, null, Durables("DurableTask")),
            OrchestrationRuntimeStatus.Terminated => new DurableEnd(WorkflowState.Cancelled, null, Durables("terminated")),
            _ => null,
        };

        // The workflow's own failure is an output. This is the engine's: code that changed under the instance, or someone who terminated it by Durable's tools.
        private ActivityFailure Durables(string what) => ActivityFailure.Of(new InvalidOperationException(
            found.FailureDetails?.ErrorMessage ?? found.SerializedOutput ?? what)) with
        { Type = found.FailureDetails?.ErrorType ?? what, IsPermanent = true };
    }
}
