using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// Makes a backup that the log intends (design §7): a job for the host, some attempts, minutes apart; the wait for the WAL that makes it consistent; the
/// manifest; the commit. Whatever goes wrong, it ends in a log entry: committed or failed, never neither.
/// </summary>
/// <param name="pauses">Between attempts; null: <see cref="AttemptPauses.Default"/>.</param>
public sealed class BackupWorkflow(AttemptPauses? pauses = null) : IWorkflow<BackupInput, BackupOutcome>
{
    /// <summary>What new instances get. Those of version 1, which an earlier control plane began, go on as they began: three attempts without a pause.</summary>
    public const int Version = 2;

    private const int AttemptsOfVersion1 = 3;

    /// <summary>A host that says nothing for so long has lost the attempt. It reports progress every second; 5 minutes outlasts its restart and most outages.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    /// <summary>How long a host that was told to stop may take to say so.</summary>
    public static readonly TimeSpan StopPatience = TimeSpan.FromMinutes(1);

    /// <summary>How long the archive may stand still before the backup is given up. An hour: outages of the store end before; then an alarm is due in any case.</summary>
    public static readonly TimeSpan ArchivePatience = TimeSpan.FromHours(1);

    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(100), LongestPause = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public async Task<BackupOutcome> RunAsync(WorkflowContext context, BackupInput input)
    {
        try
        {
            var attempt = await CopyAsync(context, input);
            await AwaitArchiveAsync(context, attempt);
            context.SetStatus(new BackupStatus(BackupPhase.Finishing, attempt.Attempt));
            var manifest = await context.CallActivityAsync(BackupActivities.BuildManifest, attempt);
            await context.Shielded.CallActivityAsync(BackupActivities.Commit, manifest);
            return new BackupOutcome(input.Label, attempt.Attempt);
        }
        catch (Exception failure) when (failure is HoldfastException and not NonDeterministicWorkflowException)
        {
            // The commit's answer may have been lost: then the log says committed, and so does the result.
            var failed = await context.Shielded.CallActivityAsync(BackupActivities.Fail, new BackupFailure(input.Label, ReasonOf(failure)), Patient);
            if (failed) throw;
            return new BackupOutcome(input.Label, 0);
        }
    }

    /// <summary>The end must be logged: for three days, as long as a weekend's outage, it is tried again and again.</summary>
    private static RetryPolicy Patient { get; } = new() { MaxAttempts = 900, FirstInterval = TimeSpan.FromSeconds(2) };

    private async Task<AttemptReference> CopyAsync(WorkflowContext context, BackupInput input)
    {
        var after = 0;
        string? before = null;
        for (var tries = 1; ; tries++)
        {
            context.SetStatus(new BackupStatus(BackupPhase.Waiting, after, null, before));
            var next = await context.CallActivityAsync(BackupActivities.ChooseAttempt, new NextAttempt(input.Label, after));
            var ticket = await SendAsync(context, next);
            context.SetStatus(new BackupStatus(BackupPhase.Copying, ticket.Attempt, ticket.Job, before));
            var end = await AwaitEndAsync(context, input, ticket);
            if (end.Succeeded) return new AttemptReference(input.Label, ticket.Attempt);
            after = ticket.Attempt;
            before = $"attempt {after} failed: {end.Error}";
            await PauseAsync(context, end, tries, after, before);
        }
    }

    /// <summary>Waits until the next attempt is due.</summary>
    /// <exception cref="BackupAttemptsFailedException">There is none.</exception>
    private async Task PauseAsync(WorkflowContext context, JobNews end, int tries, int attempt, string before)
    {
        var retry = AttemptPauses.RetryOf(end);
        if (retry == AttemptRetry.Never) throw new BackupAttemptsFailedException(end.Error ?? "the host did not say why");
        var pause = context.Version == 1 ? PauseOfVersion1(tries) : (pauses ?? AttemptPauses.Default).After(tries, retry);
        if (pause is not { } wait) throw new BackupAttemptsFailedException($"{tries} attempts failed; the last: {end.Error}");
        if (wait == TimeSpan.Zero) return;
        context.SetStatus(new BackupStatus(BackupPhase.Waiting, attempt, null, $"{before}; the next begins in {wait.TotalMinutes:0.#} minutes"));
        await context.CreateTimerAsync(wait);
    }

    private static TimeSpan? PauseOfVersion1(int tries) => tries < AttemptsOfVersion1 ? TimeSpan.Zero : null;

    // Shielded: a job that is on its way while nobody waits for it could not be called back.
    private static async Task<JobTicket> SendAsync(WorkflowContext context, AttemptReference attempt)
    {
        try
        {
            return await context.Shielded.CallActivityAsync(BackupActivities.SendJob, attempt);
        }
        catch (ActivityFailedException failed)
        {
            // It may be on its way for all that, by a call whose answer was lost: then the host would copy for nobody.
            var job = BackupNames.Job(context.InstanceId, attempt.Attempt);
            try { await context.Shielded.CallActivityAsync(BackupActivities.CancelJob, new JobCancellation(attempt.Label, job, "it could not be sent for certain")); }
            catch (ActivityFailedException) { } // why it was not sent says more, and is logged
            throw new BackupAttemptsFailedException($"job {job} could not be sent: {failed.Message}");
        }
    }

    private static async Task<JobNews> AwaitEndAsync(WorkflowContext context, BackupInput input, JobTicket ticket)
    {
        try
        {
            if (await NextEndAsync(context, ticket, Silence) is { } end) return end;
        }
        catch (WorkflowCancelledException cancelled)
        {
            await context.Shielded.CallActivityAsync(BackupActivities.CancelJob, new JobCancellation(input.Label, ticket.Job, cancelled.Reason));
            // Whether it stopped, or was ready a moment before: it is not wanted any more.
            await NextEndAsync(context.Shielded, ticket, StopPatience);
            throw;
        }

        var silent = $"the host said nothing for {Silence.TotalMinutes:0} minutes";
        await context.CallActivityAsync(BackupActivities.CancelJob, new JobCancellation(input.Label, ticket.Job, silent));
        return new JobNews(ticket.Job, Ended: true, MayRetry: true, Error: silent, Retry: AttemptRetry.AtOnce);
    }

    /// <summary>The end of this job; null when nothing was heard of it for so long. News of an attempt that was given up is passed over.</summary>
    private static async Task<JobNews?> NextEndAsync(WorkflowContext context, JobTicket ticket, TimeSpan silence)
    {
        var heard = context.CurrentTime;
        while (heard + silence - context.CurrentTime is var left && left > TimeSpan.Zero)
        {
            if (await context.WaitForEventAsync(BackupNames.News, left) is not { Payload: { } news }) return null;
            if (news.Job != ticket.Job) continue;
            if (news.Ended) return news;
            heard = context.CurrentTime;
        }
        return null;
    }

    private static async Task AwaitArchiveAsync(WorkflowContext context, AttemptReference attempt)
    {
        var (proven, moved, pause) = (0L, context.CurrentTime, FirstPause);
        while (true)
        {
            var answer = await context.CallActivityAsync(BackupActivities.CheckArchive, new ArchiveQuestion(attempt.Label, attempt.Attempt, proven));
            if (answer.IsWhole) return;
            context.SetStatus(new BackupStatus(BackupPhase.Archiving, attempt.Attempt, null, answer.Waiting));
            if (answer.Proven > proven) (proven, moved, pause) = (answer.Proven, context.CurrentTime, FirstPause);
            if (context.CurrentTime - moved > ArchivePatience)
                throw new BackupAttemptsFailedException($"the archive has stood still for {ArchivePatience.TotalMinutes:0} minutes: {answer.Waiting}");
            await context.CreateTimerAsync(pause);
            pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause;
        }
    }

    private static string ReasonOf(Exception failure) => failure is WorkflowCancelledException cancelled
        ? BackupFailed.ReasonOfCancelled(cancelled.Reason)
        : BackupFailed.ReasonOfFailed(failure.Message);
}

/// <summary>No attempt made the backup.</summary>
public sealed class BackupAttemptsFailedException(string message) : HoldfastException(message, null);
