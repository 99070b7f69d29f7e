using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Workflows;

/// <summary>A backup that is intended: what its workflow is started with, and what it carries over when it continues as new.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Copying">A host copies; null: none does yet, or it has ended.</param>
/// <param name="Archiving">The copy is made, and its WAL is waited for; null: not yet.</param>
public sealed record BackupInput(string Label, CopyWait? Copying = null, ArchiveWait? Archiving = null);

/// <summary>A copy that is waited for.</summary>
/// <param name="Ticket">Its job.</param>
/// <param name="Tries">Which try this is, from 1.</param>
/// <param name="Before">How the attempt before it failed; null: it is the first.</param>
/// <param name="Heard">When its host was last heard.</param>
/// <param name="StoreTimeoutSeconds">How long the host waits for its store; 0: it did not say.</param>
public sealed record CopyWait(JobTicket Ticket, int Tries, string? Before, DateTimeOffset Heard, int StoreTimeoutSeconds = 0);

/// <summary>The WAL that makes an attempt consistent, which is waited for.</summary>
/// <param name="Attempt">The attempt.</param>
/// <param name="Proven">Segments that are proven, from the first on.</param>
/// <param name="Moved">When the last of them was.</param>
/// <param name="Pause">The next pause between looks, if nothing comes.</param>
public sealed record ArchiveWait(AttemptReference Attempt, long Proven, DateTimeOffset Moved, TimeSpan Pause);

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
/// <param name="StoreTimeoutSeconds">How long the host waits for its store, during which it can say nothing; 0: it did not say.</param>
public sealed record JobNews(
    string Job, bool Ended = false, bool Succeeded = false, bool MayRetry = false, string? Error = null, AttemptRetry Retry = AttemptRetry.NotSaid,
    int StoreTimeoutSeconds = 0);

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
