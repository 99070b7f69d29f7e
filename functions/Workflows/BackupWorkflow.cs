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
/// <param name="silence">Null: <see cref="Silence"/>.</param>
public sealed class BackupWorkflow(AttemptPauses? pauses = null, TimeSpan? silence = null) : IWorkflow<BackupInput, BackupOutcome>
{
    /// <summary>What new instances get. Those of version 1, which an earlier control plane began, go on as they began: three attempts without a pause.</summary>
    public const int Version = 2;

    private const int AttemptsOfVersion1 = 3;

    /// <summary>
    /// A host that says nothing for so long, beyond the time that it waits for its store itself, has lost the attempt. It reports every half minute also when
    /// nothing gets on; 5 minutes outlasts its restart.
    /// </summary>
    public static readonly TimeSpan Silence = TimeSpan.FromMinutes(5);

    /// <summary>How long a host that did not say so waits for its store: its <c>backup-store-timeout</c>, when nobody set another.</summary>
    public static readonly TimeSpan UsualStoreTimeout = TimeSpan.FromMinutes(10);

    /// <summary>What a host can say of it at most: the option's bound.</summary>
    public static readonly TimeSpan LongestStoreTimeout = TimeSpan.FromDays(1);

    /// <summary>Reports that were read when silence was judged arrive as events: a queue of Durable Functions is looked at every 30 seconds.</summary>
    public static readonly TimeSpan Delivery = TimeSpan.FromMinutes(1);

    /// <summary>News, and looks at the archive, in one history, each some four rows: then the workflow continues as new.</summary>
    public const int WaitsInHistory = 100;

    /// <summary>How long a host that was told to stop may take to say so.</summary>
    public static readonly TimeSpan StopPatience = TimeSpan.FromMinutes(1);

    /// <summary>How long the archive may stand still before the backup is given up. An hour: outages of the store end before; then an alarm is due in any case.</summary>
    public static readonly TimeSpan ArchivePatience = TimeSpan.FromHours(1);

    /// <inheritdoc/>
    public async Task<BackupOutcome> RunAsync(WorkflowContext context, BackupInput input)
    {
        try
        {
            if (input.Archiving is not { } archiving)
            {
                if (await CopyAsync(context, input) is not { } copied) return ContinuedAsNew(input);
                archiving = new ArchiveWait(copied, 0, context.CurrentTime, ArchivePauses.First);
            }
            if (!await AwaitArchiveAsync(context, input, archiving)) return ContinuedAsNew(input);
            var attempt = archiving.Attempt;
            context.SetStatus(new BackupStatus(BackupPhase.Finishing, attempt.Attempt));
            var manifest = await context.CallActivityAsync(BackupActivities.BuildManifest, attempt, Outage(context));
            await context.Shielded.CallActivityAsync(BackupActivities.Commit, manifest, Outage(context));
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

    /// <summary>Nobody sees it: the engine starts the workflow anew.</summary>
    private static BackupOutcome ContinuedAsNew(BackupInput input) => new(input.Label, 0);

    /// <summary>What an outage of the store or of the control plane must not cost: an hour, as the archive may stand still, with a look each half minute.</summary>
    public static RetryPolicy OutageRetries { get; } =
        new() { MaxAttempts = 125, FirstInterval = TimeSpan.FromSeconds(2), MaxInterval = TimeSpan.FromSeconds(30) };

    private static RetryPolicy? Outage(WorkflowContext context) => context.Version == 1 ? null : OutageRetries;

    /// <summary>The end must be logged: for three days, as long as a weekend's outage, it is tried again and again.</summary>
    private static RetryPolicy Patient { get; } = new() { MaxAttempts = 900, FirstInterval = TimeSpan.FromSeconds(2) };

    /// <summary>The attempt that made the copy; null: the workflow continues as new.</summary>
    private async Task<AttemptReference?> CopyAsync(WorkflowContext context, BackupInput input)
    {
        var copy = input.Copying ?? await BeginAsync(context, input.Label, 1, 0, null);
        while (true)
        {
            context.SetStatus(new BackupStatus(BackupPhase.Copying, copy.Ticket.Attempt, copy.Ticket.Job, copy.Before));
            if (await AwaitEndAsync(context, input, copy) is not { } end) return null;
            var attempt = copy.Ticket.Attempt;
            if (end.Succeeded) return new AttemptReference(input.Label, attempt);
            var before = $"attempt {attempt} failed: {end.Error}";
            await PauseAsync(context, end, copy.Tries, attempt, before);
            copy = await BeginAsync(context, input.Label, copy.Tries + 1, attempt, before);
        }
    }

    private static async Task<CopyWait> BeginAsync(WorkflowContext context, string label, int tries, int after, string? before)
    {
        context.SetStatus(new BackupStatus(BackupPhase.Waiting, after, null, before));
        var next = await context.CallActivityAsync(BackupActivities.ChooseAttempt, new NextAttempt(label, after), Outage(context));
        var ticket = await SendAsync(context, next);
        return new CopyWait(ticket, tries, before, context.CurrentTime);
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
            return await context.Shielded.CallActivityAsync(BackupActivities.SendJob, attempt, Outage(context));
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

    /// <summary>How the job ended, or that it was given up; null: the workflow continues as new.</summary>
    private async Task<JobNews?> AwaitEndAsync(WorkflowContext context, BackupInput input, CopyWait copy)
    {
        var job = copy.Ticket.Job;
        try
        {
            for (var heard = 0; await NextNewsAsync(context, copy) is { } news; heard++)
            {
                if (news.Job == job && news.Ended) return news;
                // News of an attempt that was given up is passed over.
                if (news.Job == job) copy = copy with { Heard = context.CurrentTime, StoreTimeoutSeconds = news.StoreTimeoutSeconds };
                if (heard + 1 < WaitsInHistory || context.Version == 1) continue;
                context.ContinueAsNew(input with { Copying = copy });
                return null;
            }
        }
        catch (WorkflowCancelledException cancelled)
        {
            await context.Shielded.CallActivityAsync(BackupActivities.CancelJob, new JobCancellation(input.Label, job, cancelled.Reason), Outage(context));
            // Whether it stopped, or was ready a moment before: it is not wanted any more.
            await AwaitStopAsync(context.Shielded, job);
            throw;
        }

        var silent = $"the host said nothing for {SilenceOf(context, copy).TotalMinutes:0} minutes";
        await context.CallActivityAsync(BackupActivities.CancelJob, new JobCancellation(input.Label, job, silent), Outage(context));
        return new JobNews(job, Ended: true, MayRetry: true, Error: silent, Retry: AttemptRetry.AtOnce);
    }

    /// <summary>
    /// The next news; null when the host is silent. That is judged only when the reports that are there were read: after an outage of the control plane the
    /// timer is overdue before the first of them is taken in.
    /// </summary>
    private async Task<JobNews?> NextNewsAsync(WorkflowContext context, CopyWait copy)
    {
        var left = copy.Heard + SilenceOf(context, copy) - context.CurrentTime;
        if (left > TimeSpan.Zero && await context.WaitForEventAsync(BackupNames.News, left) is { Payload: { } news }) return news;
        if (context.Version == 1) return null;
        await context.CallActivityAsync(BackupActivities.ReadReports, copy.Ticket, Patient);
        return (await context.WaitForEventAsync(BackupNames.News, Delivery))?.Payload;
    }

    /// <summary>While its store is away, a host can say nothing, and goes on waiting: that costs no attempt.</summary>
    private TimeSpan SilenceOf(WorkflowContext context, CopyWait copy)
    {
        if (context.Version == 1) return Silence;
        var told = copy.StoreTimeoutSeconds > 0 ? TimeSpan.FromSeconds(copy.StoreTimeoutSeconds) : UsualStoreTimeout;
        return (silence ?? Silence) + (told < LongestStoreTimeout ? told : LongestStoreTimeout);
    }

    private static async Task AwaitStopAsync(WorkflowContext context, string job)
    {
        var heard = context.CurrentTime;
        while (heard + StopPatience - context.CurrentTime is var left && left > TimeSpan.Zero)
        {
            if (await context.WaitForEventAsync(BackupNames.News, left) is not { Payload: { } news }) return;
            if (news.Job != job) continue;
            if (news.Ended) return;
            heard = context.CurrentTime;
        }
    }

    /// <summary>Whether the archive is whole; false: the workflow continues as new.</summary>
    private static async Task<bool> AwaitArchiveAsync(WorkflowContext context, BackupInput input, ArchiveWait wait)
    {
        for (var looks = 0; ; looks++)
        {
            if (looks == WaitsInHistory && context.Version > 1)
            {
                context.ContinueAsNew(new BackupInput(input.Label, Archiving: wait));
                return false;
            }
            var (label, attempt) = wait.Attempt;
            var answer = await context.CallActivityAsync(BackupActivities.CheckArchive, new ArchiveQuestion(label, attempt, wait.Proven), Outage(context));
            if (answer.IsWhole) return true;
            context.SetStatus(new BackupStatus(BackupPhase.Archiving, attempt, null, answer.Waiting));
            var hasMoved = answer.Proven > wait.Proven;
            if (hasMoved) wait = wait with { Proven = answer.Proven, Moved = context.CurrentTime };
            if (context.CurrentTime - wait.Moved > ArchivePatience)
                throw new BackupAttemptsFailedException($"the archive has stood still for {ArchivePatience.TotalMinutes:0} minutes: {answer.Waiting}");
            var pause = context.Version > 1 ? ArchivePauses.Before(answer, hasMoved, wait.Pause) : ArchivePauses.OfVersion1(hasMoved, wait.Pause);
            if (pause > TimeSpan.Zero) await context.CreateTimerAsync(pause);
            wait = wait with { Pause = ArchivePauses.Longer(pause) };
        }
    }

    private static string ReasonOf(Exception failure) => failure is WorkflowCancelledException cancelled
        ? BackupFailed.ReasonOfCancelled(cancelled.Reason)
        : BackupFailed.ReasonOfFailed(failure.Message);
}

/// <summary>No attempt made the backup.</summary>
public sealed class BackupAttemptsFailedException(string message) : HoldfastException(message, null);
