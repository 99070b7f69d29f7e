namespace Holdfast.Functions.Workflows;

/// <summary>A client that is known only when a call comes: Durable Functions hands its own to functions, not to what they are made of.</summary>
/// <param name="client">The client, by the time that it is needed.</param>
public sealed class LateWorkflowClient(Func<IWorkflowClient> client) : IWorkflowClient
{
    /// <inheritdoc/>
    public Task<bool> StartAsync<TInput, TResult>(WorkflowName<TInput, TResult> workflow, InstanceId instanceId, TInput input, CancellationToken cancellationToken = default) =>
        client().StartAsync(workflow, instanceId, input, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> RaiseEventAsync<TPayload>(InstanceId instanceId, EventName<TPayload> name, string eventId, TPayload payload, CancellationToken cancellationToken = default) =>
        client().RaiseEventAsync(instanceId, name, eventId, payload, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> CancelAsync(InstanceId instanceId, string reason, CancellationToken cancellationToken = default) => client().CancelAsync(instanceId, reason, cancellationToken);

    /// <inheritdoc/>
    public Task<WorkflowStatus?> GetStatusAsync(InstanceId instanceId, CancellationToken cancellationToken = default) => client().GetStatusAsync(instanceId, cancellationToken);

    /// <inheritdoc/>
    public Task<WorkflowStatus> WaitForChangeAsync(InstanceId instanceId, WorkflowStatus? known, CancellationToken cancellationToken) =>
        client().WaitForChangeAsync(instanceId, known, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<WorkflowStatus> ListAsync(WorkflowState? state = null, CancellationToken cancellationToken = default) => client().ListAsync(state, cancellationToken);

    /// <inheritdoc/>
    public Task<bool> PurgeAsync(InstanceId instanceId, CancellationToken cancellationToken = default) => client().PurgeAsync(instanceId, cancellationToken);
}
