using System.Runtime.CompilerServices;
using Holdfast.Core;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

// What clients ask for.
public sealed partial class JournaledEngine
{
    private static readonly TimeSpan ForeignPoll = TimeSpan.FromSeconds(1);
    private long _lastOrder;

    /// <inheritdoc/>
    public async Task<bool> StartAsync<TInput, TResult>(
        WorkflowName<TInput, TResult> workflow, InstanceId instanceId, TInput input, CancellationToken cancellationToken = default)
    {
        var registered = _parts.Registry.Workflow(workflow.Value);
        var json = WorkflowJson.Write($"the input of {workflow.Value}", input);
        if (await InstanceJournal.ReadHeadAsync(_parts.Journal, instanceId, cancellationToken) is { } found) return IsThereAlready(found, registered);

        await _parts.Index.AddAsync(instanceId, cancellationToken);
        var now = _parts.Time.GetUtcNow();
        var created = await InstanceJournal.CreateAsync(_parts.Journal, new InstanceHead
        {
            ETag = "",
            Incarnation = Guid.NewGuid(),
            Epoch = 1,
            Owner = _parts.Engine,
            Step = 0,
            Generation = 0,
            Next = 1,
            Status = new WorkflowStatus
            {
                InstanceId = instanceId,
                Workflow = registered.Name,
                Version = registered.Version,
                State = WorkflowState.Running,
                CreatedAt = now,
                UpdatedAt = now,
                Input = json,
            },
        }, cancellationToken);
        if (created is null) return await StartAsync(workflow, instanceId, input, cancellationToken); // someone was faster
        Attach(new InstanceRunner(created, _parts));
        return true;
    }

    /// <inheritdoc/>
    public Task<bool> RaiseEventAsync<TPayload>(
        InstanceId instanceId, EventName<TPayload> name, string eventId, TPayload payload, CancellationToken cancellationToken = default)
    {
        WorkflowEvents.Check(name.Value, eventId);
        return DeliverAsync(instanceId, name.Value, eventId, WorkflowJson.Write($"event {name.Value}", payload), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<bool> CancelAsync(InstanceId instanceId, string reason, CancellationToken cancellationToken = default) => DeliverAsync(
        instanceId, WorkflowContext.CancelEvent, WorkflowEvents.CancelId, WorkflowEvents.CancelPayload(reason), cancellationToken);

    /// <inheritdoc/>
    public async Task<WorkflowStatus?> GetStatusAsync(InstanceId instanceId, CancellationToken cancellationToken = default) =>
        (await InstanceJournal.ReadHeadAsync(_parts.Journal, instanceId, cancellationToken))?.Status;

    /// <inheritdoc/>
    public async Task<WorkflowStatus> WaitForChangeAsync(InstanceId instanceId, WorkflowStatus? known, CancellationToken cancellationToken)
    {
        while (true)
        {
            var changed = Find(instanceId) is { Completion.IsCompleted: false } runner ? Task.WhenAny(runner.Changed, runner.Completion) : null; // before the look: no step falls between
            var status = await GetStatusAsync(instanceId, cancellationToken) ?? throw new RefusedException($"there is no workflow instance {instanceId}");
            if (status.IsFinished || status != known) return status;
            await (changed?.WaitAsync(cancellationToken) ?? Task.Delay(ForeignPoll, _parts.Time, cancellationToken));
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<WorkflowStatus> ListAsync(WorkflowState? state = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        if (state == WorkflowState.Running)
        {
            await foreach (var entry in _parts.Index.ReadRunningAsync(cancellationToken))
                if (await GetStatusAsync(entry.InstanceId, cancellationToken) is { IsFinished: false } status) yield return status;
            yield break;
        }

        await foreach (var row in _parts.Journal.ReadEverywhereAsync(InstanceHead.Key, cancellationToken))
            if (InstanceHead.Of(row).Status is var status && (state is null || status.State == state)) yield return status;
    }

    /// <inheritdoc/>
    public async Task<bool> PurgeAsync(InstanceId instanceId, CancellationToken cancellationToken = default)
    {
        if (await InstanceJournal.ReadHeadAsync(_parts.Journal, instanceId, cancellationToken) is not { } head) return false;
        if (!head.Status.IsFinished) throw new RefusedException($"workflow instance {instanceId} has not finished", "Cancel it, and purge it when it has ended.");

        // The head goes last: until then the purge can be repeated, and nobody starts an instance of this id among the remains.
        var partition = instanceId.ToString();
        await _parts.Index.RemoveAsync(instanceId, cancellationToken);
        await InstanceJournal.DeleteAsync(_parts.Journal, partition, "", key => key != InstanceHead.Key, cancellationToken);
        await InstanceJournal.DeleteAsync(_parts.Journal, partition, InstanceHead.Key, _ => true, cancellationToken);
        await _parts.Index.ForgetAsync(head.Status, cancellationToken);
        _parts.Signals.InstancePurged(instanceId, head.Status.UpdatedAt);
        return true;
    }

    private async Task<bool> DeliverAsync(InstanceId instanceId, string name, string eventId, string payload, CancellationToken cancellationToken)
    {
        // What this engine works on need not be read first.
        if (Find(instanceId)?.Known is not { Status.IsFinished: false } head)
            head = await InstanceJournal.ReadHeadAsync(_parts.Journal, instanceId, cancellationToken);
        if (head is not { Status.IsFinished: false }) return false;

        // A conflict means that the event is there already: raised before, or by a call whose answer was lost.
        await _parts.Journal.WriteAsync(instanceId.ToString(), InboxEvent.Rows(head.Incarnation, NextOrder(), eventId, name, payload), cancellationToken);
        if (Find(instanceId) is { } runner) runner.Nudge();
        else if (head.Owner == _parts.Engine) Attach(new InstanceRunner(instanceId, _parts));
        else await _parts.Index.TouchAsync(instanceId, cancellationToken);
        return true;
    }

    private bool IsThereAlready(InstanceHead found, RegisteredWorkflow asked)
    {
        if (!found.Status.Workflow.Equals(asked.Name, StringComparison.OrdinalIgnoreCase))
            throw new RefusedException($"workflow instance {found.Status.InstanceId} is one of {found.Status.Workflow}, not of {asked.Name}", "Choose another id.");
        if (!found.Status.IsFinished && found.Owner == _parts.Engine) Attach(new InstanceRunner(found.Status.InstanceId, _parts)); // its start was told to nobody
        return false;
    }

    // Grows with each event of this process, whatever the clock does.
    private long NextOrder()
    {
        while (true)
        {
            var last = Interlocked.Read(ref _lastOrder);
            var next = Math.Max(last + 1, _parts.Time.GetUtcNow().UtcTicks);
            if (Interlocked.CompareExchange(ref _lastOrder, next, last) == last) return next;
        }
    }
}
