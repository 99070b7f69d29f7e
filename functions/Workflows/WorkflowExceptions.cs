using Holdfast.Core;

namespace Holdfast.Functions.Workflows;

/// <summary>An activity failed for good: permanently, or as often as its retry policy allows.</summary>
public sealed class ActivityFailedException(string activity, ActivityFailure failure)
    : HoldfastException($"{activity}: {failure.Message}", failure.Hint)
{
    /// <summary>The activity's name.</summary>
    public string Activity { get; } = activity;

    /// <summary>What it threw.</summary>
    public ActivityFailure Failure { get; } = failure;
}

/// <summary>Someone asked for the workflow to end (<see cref="IWorkflowClient.CancelAsync"/>), and it waited.</summary>
public sealed class WorkflowCancelledException(string reason) : HoldfastException($"cancelled: {reason}", null)
{
    /// <summary>Why, as given by whoever asked.</summary>
    public string Reason { get; } = reason;
}

/// <summary>A replay did not do what the history says: the workflow's code changed under a running instance without a new version, or is not deterministic.</summary>
public sealed class NonDeterministicWorkflowException(string message) : HoldfastException(
    message, "Code that running instances replay may only change behind context.Version; let them end under the old program, or cancel them.");

/// <summary>An input, output, event or status is larger than <see cref="WorkflowJson.MaxBytes"/>.</summary>
public sealed class PayloadTooLargeException(string what, int bytes, int limit) : HoldfastException(
    $"{what} is {bytes} bytes of JSON, at most {limit} are allowed", "Pass a reference (the name of a blob, a log number) instead of the value.");
