namespace Holdfast.Functions.Workflows;

/// <summary>
/// What an engine provides to one run of a workflow: the few primitives on which <see cref="WorkflowContext"/> builds everything else, so that retries,
/// cancellation and bounds mean the same on every engine. All calls come from the workflow's own (single) thread of control, and all tasks complete on it.
/// Values are JSON, already bounded.
/// </summary>
public interface IWorkflowPrimitives
{
    /// <summary>The instance.</summary>
    InstanceId InstanceId { get; }

    /// <summary>The version of the workflow's code under which the instance was started.</summary>
    int Version { get; }

    /// <summary>The time of the last thing that happened to the instance: the same in every replay, never going backwards.</summary>
    DateTimeOffset CurrentTime { get; }

    /// <summary>Whether the code runs over what happened already.</summary>
    bool IsReplaying { get; }

    /// <summary>A new identifier, the same in every replay.</summary>
    Guid NewGuid();

    /// <summary>Runs an activity once (again only if its result was not kept).</summary>
    /// <exception cref="ActivityFailedException">It threw.</exception>
    Task<string> CallActivityAsync(string name, string input);

    /// <summary>Completes at the time, or is cancelled. A workflow cancels what it no longer needs: Durable Functions ends an instance only after its last timer and activity.</summary>
    Task CreateTimerAsync(DateTimeOffset due, CancellationToken cancellationToken);

    /// <summary>
    /// The payload of the next event of the name, in the order of arrival, each event once, also one that came before the wait. A cancelled wait takes none.
    /// </summary>
    Task<string> WaitForEventAsync(string name, CancellationToken cancellationToken);

    /// <summary>Makes the progress visible to clients.</summary>
    void SetStatus(string? status);

    /// <summary>When the workflow's function returns: start it anew with this input and an empty history; events not yet waited for are kept.</summary>
    void ContinueAsNew(string input);
}
