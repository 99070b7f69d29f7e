using System.Diagnostics;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>What the engine tells the outside: log lines with fixed event ids, and spans named after OpenTelemetry's habits. It exports nothing itself.</summary>
internal sealed partial class EngineSignals(ILogger logger)
{
    private static readonly ActivitySource Source = new(Telemetry.Workflows);

    /// <summary>A span around an activity.</summary>
    public Activity? ActivityBegins(InstanceId instanceId, PendingActivity activity) =>
        Source.StartActivity($"activity {activity.Name}")?.SetTag("holdfast.workflow.instance", instanceId.ToString());

    /// <summary>Counts and logs an end.</summary>
    public void InstanceFinished(WorkflowStatus status)
    {
        WorkflowMeter.InstanceFinished(status.Workflow, status.State);
        if (status.State == WorkflowState.Failed) InstanceFailed(status.InstanceId, status.Workflow, status.Failure?.Type, status.Failure?.Message);
        else InstanceEnded(status.InstanceId, status.Workflow, status.State);
    }

    [LoggerMessage(100, LogLevel.Information, "The workflow engine {Engine} started; it takes over {Count} unfinished instances")]
    public partial void EngineStarted(Guid engine, int count);

    [LoggerMessage(101, LogLevel.Information, "The workflow engine stopped; {Count} instances go on when it starts again")]
    public partial void EngineStopped(int count);

    [LoggerMessage(110, LogLevel.Information, "{Instance} of {Workflow} started")]
    public partial void InstanceStarted(InstanceId instance, string workflow);

    [LoggerMessage(111, LogLevel.Information, "{Instance} of {Workflow} resumed from {Rows} rows of history")]
    public partial void InstanceResumed(InstanceId instance, string workflow, int rows);

    [LoggerMessage(112, LogLevel.Information, "{Instance} of {Workflow} ended: {State}")]
    public partial void InstanceEnded(InstanceId instance, string workflow, WorkflowState state);

    [LoggerMessage(113, LogLevel.Error, "{Instance} of {Workflow} failed: {Type}: {Reason}")]
    public partial void InstanceFailed(InstanceId instance, string workflow, string? type, string? reason);

    [LoggerMessage(114, LogLevel.Error, "{Instance} cannot be run and stays as it is until it is cancelled or another program runs it")]
    public partial void InstanceParked(InstanceId instance, Exception error);

    [LoggerMessage(115, LogLevel.Warning, "{Instance} is no longer this engine's")]
    public partial void InstanceLost(InstanceId instance, Exception error);

    [LoggerMessage(116, LogLevel.Critical, "{Instance} stopped by a defect of the engine")]
    public partial void InstanceBroken(InstanceId instance, Exception error);

    [LoggerMessage(117, LogLevel.Debug, "{Instance} dropped from memory while it waits")]
    public partial void InstanceEvicted(InstanceId instance);

    [LoggerMessage(120, LogLevel.Warning, "An activity of {Instance} failed: {Name}#{Call}")]
    private partial void LogActivityFailed(InstanceId instance, string name, int call, Exception error);

    [LoggerMessage(130, LogLevel.Warning, "The workflow journal does not answer; next try in {Pause}")]
    public partial void JournalFailed(TimeSpan pause, Exception error);

    [LoggerMessage(131, LogLevel.Warning, "Looking through the workflow journal failed; next look in {Pause}")]
    public partial void SweepFailed(TimeSpan pause, Exception error);

    [LoggerMessage(132, LogLevel.Information, "Purged {Instance}, which ended {EndedAt:u}")]
    public partial void InstancePurged(InstanceId instance, DateTimeOffset endedAt);

    /// <summary>Logs an activity's failure.</summary>
    public void ActivityFailed(InstanceId instanceId, PendingActivity activity, Exception error) => LogActivityFailed(instanceId, activity.Name, activity.Call, error);
}
