namespace Holdfast.Functions.Workflows;

/// <summary>
/// An orchestration. It is run again from its start after each interruption and fed what happened before, so it must be <b>deterministic</b>: time, identifiers
/// and side effects come from the context only (no clock, no <see cref="Guid.NewGuid"/>, no I/O, no <see cref="Task.Delay(int)"/>, no <see cref="Task.Run(Action)"/>,
/// no <c>ConfigureAwait(false)</c>, no mutable statics), and nothing is awaited but tasks of the context and combinations of them
/// (<see cref="Task.WhenAll(Task[])"/>, <see cref="Task.WhenAny(Task[])"/>).
/// </summary>
public interface IWorkflow<TInput, TResult>
{
    /// <summary>The orchestration. An exception that escapes ends the instance as failed; <see cref="WorkflowCancelledException"/> as cancelled.</summary>
    Task<TResult> RunAsync(WorkflowContext context, TInput input);
}
