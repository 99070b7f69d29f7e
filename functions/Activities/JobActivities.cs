using System.Globalization;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Functions.Workflows;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Chooses the number of a backup's next attempt, which is the prefix of what the host stores: above the last attempt's, and above every one that stored anything, also
/// when the journal that knew was lost.
/// </summary>
/// <param name="services">The cluster.</param>
public sealed class ChooseAttempt(ClusterServices services) : IActivity<NextAttempt, AttemptReference>
{
    /// <inheritdoc/>
    public async Task<AttemptReference> RunAsync(ActivityContext context, NextAttempt input, CancellationToken cancellationToken)
    {
        var (running, _) = RunningBackups.Find((await services.Decisions.ReadAsync(cancellationToken)).State, input.Label);
        var (prefix, last) = ($"{running.System}/backup/{running.Label}/", input.After);
        await foreach (var blob in services.Data.ListAsync(prefix, cancellationToken))
            if (int.TryParse(blob.Name[prefix.Length..].Split('/')[0], NumberStyles.None, CultureInfo.InvariantCulture, out var attempt)) last = Math.Max(last, attempt);
        return new AttemptReference(input.Label, last + 1);
    }
}

/// <summary>Sends the job of an attempt. A repeated run may send it twice, under the same id: the host does it once.</summary>
/// <param name="services">The cluster.</param>
public sealed class SendJob(ClusterServices services) : IActivity<AttemptReference, JobTicket>
{
    /// <inheritdoc/>
    public async Task<JobTicket> RunAsync(ActivityContext context, AttemptReference input, CancellationToken cancellationToken)
    {
        var (_, host) = RunningBackups.Find((await services.Decisions.ReadAsync(cancellationToken)).State, input.Label);
        var job = new Wire.Job
        {
            Id = BackupNames.Job(context.InstanceId, input.Attempt),
            Time = PostgresTime.From(services.Clock.GetUtcNow()).Microseconds,
            Backup = new Wire.BackupJob { Label = input.Label, Attempt = (uint)input.Attempt, FastCheckpoint = true },
        };
        await new JobSender(services.Work, services.Signing).SendAsync(host, job, null, cancellationToken);
        return new JobTicket(job.Id, input.Attempt);
    }
}

/// <summary>Tells the host to end a job. It may be told twice; a job that has ended is ended.</summary>
/// <param name="services">The cluster.</param>
public sealed class CancelJob(ClusterServices services) : IActivity<JobCancellation, bool>
{
    /// <inheritdoc/>
    public async Task<bool> RunAsync(ActivityContext context, JobCancellation input, CancellationToken cancellationToken)
    {
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        // A backup that has ended, or a host that was revoked since: there is nobody to tell.
        if (RunningBackups.TryFind(state, input.Label) is not var (_, host) || host.Revoked is not null) return false;
        var job = new Wire.Job
        {
            Id = input.Job + "/cancel",
            Time = PostgresTime.From(services.Clock.GetUtcNow()).Microseconds,
            Cancel = new Wire.CancelJob { Job = input.Job, Reason = input.Reason },
        };
        await new JobSender(services.Work, services.Signing).SendAsync(host, job, null, cancellationToken);
        return true;
    }
}

/// <summary>Takes in all reports that are there, of whatever job; what they tell a workflow comes to it as events.</summary>
/// <param name="reports">Takes them in.</param>
public sealed class ReadReports(ReportIntake reports) : IActivity<JobTicket, bool>
{
    /// <inheritdoc/>
    public async Task<bool> RunAsync(ActivityContext context, JobTicket input, CancellationToken cancellationToken)
    {
        await reports.SweepAsync(cancellationToken);
        return true;
    }
}

/// <summary>Backups that the log says are being made.</summary>
internal static class RunningBackups
{
    /// <summary>The backup and its host.</summary>
    /// <exception cref="RefusedException">It is not being made any more, or its host was revoked.</exception>
    public static (RunningBackup Backup, RegisteredHost Host) Find(ClusterState state, string label)
    {
        if (TryFind(state, label) is not var (backup, host)) throw new RefusedException($"backup {label} is not being made any more: the log says that it has ended");
        return host.Revoked is null ? (backup, host) : throw new RefusedException($"host {host.Name}, which makes backup {label}, was revoked", "let another host make a backup");
    }

    /// <summary>As <see cref="Find"/>; null when it is not being made.</summary>
    public static (RunningBackup Backup, RegisteredHost Host)? TryFind(ClusterState state, string label)
    {
        var backup = state.Running.Find(one => one.Label == BackupName.Parse(label));
        return backup is not null && state.FindHost(backup.Host) is { } host ? (backup, host) : null;
    }
}
