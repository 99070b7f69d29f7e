using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;
using Microsoft.DurableTask;

namespace Holdfast.Functions.Azure;

/// <summary>
/// Workflows and activities on Durable Functions: one orchestrator function and one activity function run all that the registry holds. What they are called
/// in the task hub must not change.
/// </summary>
public static class DurableWorkflows
{
    /// <summary>The name of the orchestrator function.</summary>
    public const string Orchestrator = "workflow";

    /// <summary>The name of the activity function.</summary>
    public const string Activity = "activity";

    /// <summary>The name of the only event: its envelope names what the workflow waits for, so that all events have one order.</summary>
    public const string Event = "event";

    /// <summary>What the orchestrator function does; its result is the function's.</summary>
    public static async Task<string?> RunAsync(TaskOrchestrationContext context, WorkflowRegistry registry)
    {
        var start = WorkflowJson.Read<DurableStart>(context.GetInput<string>()!);
        var signals = new DurableSignals(context.CreateReplaySafeLogger(DurableSignals.Category));
        var primitives = new DurablePrimitives(context, start, signals);
        if (start.Generation == 0) signals.InstanceStarted(primitives.InstanceId, start.Workflow);
        var end = await EndOfAsync(registry, start, primitives);
        if (end.State == WorkflowState.Completed && primitives.Next is { } next)
        {
            context.ContinueAsNew(Text(next), preserveUnprocessedEvents: true);
            return null;
        }

        signals.InstanceFinished(primitives.InstanceId, start.Workflow, end);
        if (!context.IsReplaying) WorkflowMeter.InstanceFinished(start.Workflow, end.State);
        return Text(end);
    }

    /// <summary>What the activity function does with its input; its result is the function's. An activity that fails is a result, too: only an interruption throws.</summary>
    /// <exception cref="OperationCanceledException">By the token.</exception>
    public static async Task<string> RunActivityAsync(string input, WorkflowRegistry registry, ILogger logger, CancellationToken cancellationToken)
    {
        var call = WorkflowJson.Read<DurableCall>(input);
        try
        {
            var output = await registry.Activity(call.Activity).RunAsync(new InstanceId(call.Instance), call.Input, cancellationToken);
            return Text(new DurableReturn(call.Activity, output, null));
        }
        catch (Exception error) when (error is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            new DurableSignals(logger).ActivityFailed(call.Instance, call.Activity, error);
            return Text(new DurableReturn(call.Activity, null, ActivityFailure.Of(error)));
        }
    }

    /// <summary>An envelope as text. Its values are bounded already.</summary>
    internal static string Text<T>(T envelope) => WorkflowJson.Write("an envelope", envelope, int.MaxValue);

    private static async Task<DurableEnd> EndOfAsync(WorkflowRegistry registry, DurableStart start, DurablePrimitives primitives)
    {
        try
        {
            var work = registry.Workflow(start.Workflow).RunAsync(new WorkflowContext(primitives), start.InputJson);
            await await Task.WhenAny(work, primitives.Broken);
            return new DurableEnd(WorkflowState.Completed, await work, null);
        }
        catch (Exception error)
        {
            return new DurableEnd(error is WorkflowCancelledException ? WorkflowState.Cancelled : WorkflowState.Failed, null, ActivityFailure.Of(error));
        }
    }
}
