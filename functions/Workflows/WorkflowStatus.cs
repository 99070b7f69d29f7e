namespace Holdfast.Functions.Workflows;

/// <summary>Where an instance is in its life. The last three are final.</summary>
public enum WorkflowState
{
    /// <summary>It runs or waits.</summary>
    Running,

    /// <summary>It returned a result.</summary>
    Completed,

    /// <summary>An exception ended it.</summary>
    Failed,

    /// <summary>It ended because someone asked for it.</summary>
    Cancelled,
}

/// <summary>What is known of an instance from outside.</summary>
public sealed record WorkflowStatus
{
    /// <summary>The instance.</summary>
    public required InstanceId InstanceId { get; init; }

    /// <summary>The workflow's registered name.</summary>
    public required string Workflow { get; init; }

    /// <summary>The version of its code.</summary>
    public required int Version { get; init; }

    /// <summary>Where it is.</summary>
    public required WorkflowState State { get; init; }

    /// <summary>When it was started.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>When something last happened to it; the end, once it has ended.</summary>
    public required DateTimeOffset UpdatedAt { get; init; }

    /// <summary>JSON of the input (after <see cref="WorkflowContext.ContinueAsNew"/>: the newest).</summary>
    public required string Input { get; init; }

    /// <summary>JSON of what the workflow last gave to <see cref="WorkflowContext.SetStatus"/>; or null.</summary>
    public string? Status { get; init; }

    /// <summary>JSON of the result when completed; else null.</summary>
    public string? Output { get; init; }

    /// <summary>Why it failed or was cancelled; else null.</summary>
    public ActivityFailure? Failure { get; init; }

    /// <summary>Whether it has ended.</summary>
    public bool IsFinished => State != WorkflowState.Running;
}
