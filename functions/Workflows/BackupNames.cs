using Holdfast.Core.Repository;

namespace Holdfast.Functions.Workflows;

/// <summary>A backup that is intended: what its workflow is started with.</summary>
/// <param name="Label">Its label.</param>
public sealed record BackupInput(string Label);

/// <summary>How a backup ended.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Attempt">The attempt that made it.</param>
public sealed record BackupOutcome(string Label, int Attempt);

/// <summary>What a backup's workflow shows to clients.</summary>
/// <param name="Phase">How far it is.</param>
/// <param name="Attempt">Which attempt.</param>
/// <param name="Job">Its job.</param>
/// <param name="Waiting">Why it is not further.</param>
public sealed record BackupStatus(Core.Api.BackupPhase Phase, int Attempt = 0, string? Job = null, string? Waiting = null);

/// <summary>What a host said of a job: that it is alive, or that it has ended it.</summary>
/// <param name="Job">The job.</param>
/// <param name="Ended">Whether it has ended.</param>
/// <param name="Succeeded">And how.</param>
/// <param name="MayRetry">Whether another attempt may do better.</param>
/// <param name="Error">Why it failed.</param>
/// <param name="Retry">When another attempt may do better, where the host said so.</param>
public sealed record JobNews(
    string Job, bool Ended = false, bool Succeeded = false, bool MayRetry = false, string? Error = null, AttemptRetry Retry = AttemptRetry.NotSaid);

/// <summary>The names of the backup workflow, kept in journals.</summary>
public static class BackupNames
{
    /// <summary>The workflow.</summary>
    public static WorkflowName<BackupInput, BackupOutcome> Workflow { get; } = new("backup");

    /// <summary>News of its job; the event's id is the report's name.</summary>
    public static EventName<JobNews> News { get; } = new("backup.job");

    /// <summary>The instance that makes a backup: the label says which occurrence.</summary>
    public static InstanceId Instance(string cluster, BackupName label) => InstanceId.Of(cluster, $"backup-{label}");

    /// <summary>The job of an attempt.</summary>
    public static string Job(InstanceId instance, int attempt) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{instance}/{attempt}");

    /// <summary>The instance that a job belongs to; null when it is none of ours.</summary>
    public static InstanceId? InstanceOf(string job) =>
        job.IndexOf('/') is > 0 and var slash && InstanceId.IsValid(job[..slash]) ? new InstanceId(job[..slash]) : null;
}
