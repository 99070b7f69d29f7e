namespace Holdfast.Functions.Workflows;

/// <summary>
/// How the rest of the control plane talks to workflows, whatever the engine. When a call returns, its effect is durable. A call that throws may have taken
/// effect: repeat it, all of them are idempotent.
/// </summary>
public interface IWorkflowClient
{
    /// <summary>
    /// Starts a workflow. True: this call did. False: an instance of this id runs, or ran and has not been purged; nothing happens, whatever its input.
    /// </summary>
    /// <exception cref="Core.ConfigurationException">No workflow of that name is registered.</exception>
    /// <exception cref="Core.RefusedException">The instance is one of another workflow.</exception>
    /// <exception cref="PayloadTooLargeException">The input is.</exception>
    Task<bool> StartAsync<TInput, TResult>(
        WorkflowName<TInput, TResult> workflow, InstanceId instanceId, TInput input, CancellationToken cancellationToken = default);

    /// <summary>
    /// Hands an event to an instance, which gets it once however often it is raised under the same <paramref name="eventId"/> (1 to 200 letters, digits and
    /// . : _ -); also before it waits for it. False: there is no such instance, or it has finished; the event goes nowhere.
    /// </summary>
    /// <exception cref="PayloadTooLargeException">The payload is.</exception>
    Task<bool> RaiseEventAsync<TPayload>(
        InstanceId instanceId, EventName<TPayload> name, string eventId, TPayload payload, CancellationToken cancellationToken = default);

    /// <summary>
    /// Asks a workflow to end: its next wait throws <see cref="WorkflowCancelledException"/>. It ends when it has cleaned up; nobody terminates it. False: there
    /// is no such instance, or it has finished.
    /// </summary>
    Task<bool> CancelAsync(InstanceId instanceId, string reason, CancellationToken cancellationToken = default);

    /// <summary>What is known of an instance; null when there is none.</summary>
    Task<WorkflowStatus?> GetStatusAsync(InstanceId instanceId, CancellationToken cancellationToken = default);

    /// <summary>The status of an instance as soon as it differs from <paramref name="known"/> (null: none yet) or the instance has finished.</summary>
    /// <exception cref="Core.RefusedException">There is no such instance.</exception>
    Task<WorkflowStatus> WaitForChangeAsync(InstanceId instanceId, WorkflowStatus? known, CancellationToken cancellationToken);

    /// <summary>All instances, in no particular order; only those of <paramref name="state"/> when given.</summary>
    IAsyncEnumerable<WorkflowStatus> ListAsync(WorkflowState? state = null, CancellationToken cancellationToken = default);

    /// <summary>Forgets a finished instance. False: there is none. What nobody purges, engines purge 30 days after its end.</summary>
    /// <exception cref="Core.RefusedException">It has not finished.</exception>
    Task<bool> PurgeAsync(InstanceId instanceId, CancellationToken cancellationToken = default);
}
