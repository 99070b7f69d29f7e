using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Azure;

/// <summary>What workflows on Durable Functions tell the outside: log lines under the event ids of the embedded engine's.</summary>
internal sealed partial class DurableSignals(ILogger logger)
{
    /// <summary>The category of the workflows' log.</summary>
    public const string Category = "Holdfast.Workflows";

    /// <summary>Logs an end.</summary>
    public void InstanceFinished(InstanceId instance, string workflow, DurableEnd end)
    {
        if (end.State == WorkflowState.Failed) InstanceFailed(instance, workflow, end.Failure?.Type, end.Failure?.Message);
        else InstanceEnded(instance, workflow, end.State);
    }

    [LoggerMessage(110, LogLevel.Information, "{Instance} of {Workflow} started")]
    public partial void InstanceStarted(InstanceId instance, string workflow);

    [LoggerMessage(112, LogLevel.Information, "{Instance} of {Workflow} ended: {State}")]
    private partial void InstanceEnded(InstanceId instance, string workflow, WorkflowState state);

    [LoggerMessage(113, LogLevel.Error, "{Instance} of {Workflow} failed: {Type}: {Reason}")]
    private partial void InstanceFailed(InstanceId instance, string workflow, string? type, string? reason);

    [LoggerMessage(120, LogLevel.Warning, "An activity of {Instance} failed: {Name}")]
    public partial void ActivityFailed(string instance, string name, Exception error);

    [LoggerMessage(121, LogLevel.Warning, "An activity of {Instance} gave no result: {Name}: {Type}: {Reason}")]
    public partial void ActivityLost(InstanceId instance, string name, string type, string reason);
}
