using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>
/// The agent's life: looks for jobs, does them one at a time, and tells the control plane that the host is well. It ends only when it is told to; a store or
/// a server that is away is waited for.
/// </summary>
/// <param name="context">The run.</param>
/// <param name="mail">Jobs and reports, with a short deadline.</param>
/// <param name="data">Where backups go, with a long one.</param>
/// <param name="identity">This host.</param>
/// <param name="poll">How long to wait between looks.</param>
internal sealed class ResidentAgent(CommandContext context, Host.Repository mail, Host.Repository data, HostIdentity identity, PollInterval poll) : IDisposable
{
    // A control plane that was down, and came back, deletes old jobs: what comes later has a higher number.
    private static readonly TimeSpan LookBeyondGap = TimeSpan.FromMinutes(5);
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(10);

    private readonly JobReceiver _jobs = new(mail.Work, identity.Signing.PublicKey.Thumbprint, new AgreementKey(identity.Agreement), [mail.ControlPlaneKey]);
    private readonly ReportChannel _reports = new(context, mail, identity);
    private readonly Reachability _store = new(context.Log, "the store");
    private readonly JobCursor _cursor = new(mail.State);

    /// <summary>Lives until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        using var ended = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var heartbeats = new Heartbeats(context, _reports, _store, mail.State).RunAsync(ended.Token);
        try
        {
            context.Log.Info($"the agent of cluster {mail.Cluster} is up, key {identity.Signing.PublicKey.Thumbprint.Short}; job {_cursor.Next} is next");
            await ReportCutOffAsync(stop).ConfigureAwait(false);
            await ServeAsync(stop).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
        }
        finally
        {
            await ended.CancelAsync().ConfigureAwait(false);
            await heartbeats.ConfigureAwait(false);
        }
        context.Log.Info("the agent was told to stop, and does");
    }

    /// <inheritdoc/>
    public void Dispose() => _reports.Dispose();

    private async Task ServeAsync(CancellationToken stop)
    {
        for (var looked = context.Clock.GetTimestamp(); !stop.IsCancellationRequested;)
        {
            var received = await TryAsync(() => _jobs.ReadAsync(_cursor.Next, stop), stop).ConfigureAwait(false);
            if (received is not null)
            {
                await HandleAsync(received, stop).ConfigureAwait(false);
                poll.Reset();
                continue;
            }
            if (context.Clock.GetElapsedTime(looked) > LookBeyondGap)
            {
                looked = context.Clock.GetTimestamp();
                if (await TryAsync(async () => await _jobs.FindAsync(_cursor.Next, stop).ConfigureAwait(false) is { } n ? new FoundJob(n) : null, stop).ConfigureAwait(false) is { } found && found.Number > _cursor.Next)
                {
                    context.Log.Warn($"jobs {_cursor.Next} to {found.Number - 1} were deleted before this agent fetched them; job {found.Number} is next");
                    _cursor.SkipTo(found.Number);
                    continue;
                }
            }
            await Task.Delay(poll.Next(), context.Clock, stop).ConfigureAwait(false);
        }
    }

    private async Task HandleAsync(ReceivedJob received, CancellationToken stop)
    {
        if (received.Job is not { } job)
        {
            context.Log.Warn($"blob {received.Junk!.Blob} is junk and was left alone: {received.Junk.Reason}");
            _cursor.Finish();
            return;
        }
        switch (job.BodyCase)
        {
            case Wire.Job.BodyOneofCase.Backup:
                await BackUpAsync(job, stop).ConfigureAwait(false);
                return;
            case Wire.Job.BodyOneofCase.Cancel:
                // It came too late, or was acted upon while its job ran.
                context.Log.Debug($"job {job.Cancel.Job} is to be cancelled, and does not run");
                _cursor.Finish();
                return;
            default:
                var unknown = $"job {received.Number} is of a kind that this agent (version {Version.AgentVersion.Text}) does not know";
                var refusal = JobEnd.Refusal(unknown, "install the control plane's version on this host; this one's: holdfast version");
                await EndAsync(job.Id, refusal, stop).ConfigureAwait(false);
                return;
        }
    }

    private async Task BackUpAsync(Wire.Job job, CancellationToken stop)
    {
        if (BackupJob.Read(job.Backup, out var fault) is not { } request)
        {
            await EndAsync(job.Id, JobEnd.Refusal(fault!, "the control plane and this agent must be of the same version"), stop).ConfigureAwait(false);
            return;
        }
        var started = new StartedJob(job.Id, $"{request.Label}/{request.Attempt}");
        if (_cursor.WasLast(started))
        {
            context.Log.Info($"backup {started.Attempt} was asked for twice; it is done");
            _cursor.Finish();
            return;
        }
        _cursor.Start(started);
        await EndAsync(job.Id, await RunAsync(job.Id, request, stop).ConfigureAwait(false), stop).ConfigureAwait(false);
        BackupJob.GiveMemoryBack();
    }

    private async Task<JobEnd> RunAsync(string id, BackupOrder request, CancellationToken stop)
    {
        using var cancel = CancellationTokenSource.CreateLinkedTokenSource(stop);
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        string? reason = null;
        var listening = ListenForCancelAsync(id, why =>
        {
            reason = why;
            cancel.Cancel();
        }, over.Token);
        try
        {
            return await new BackupJob(context, data, identity, _reports).RunAsync(id, request, cancel.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return reason is null
                ? new JobEnd(false, $"the agent was stopped while it made backup {request.Label}, attempt {request.Attempt}", AttemptRetry.AtOnce)
                : new JobEnd(false, $"cancelled: {reason}", AttemptRetry.Never);
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await listening.ConfigureAwait(false);
        }
    }

    // Reads ahead of the job that runs. What is not for it is read again when it is over.
    private async Task ListenForCancelAsync(string id, Action<string> cancel, CancellationToken over)
    {
        try
        {
            for (var number = _cursor.Next + 1; !over.IsCancellationRequested;)
            {
                if (await TryAsync(() => _jobs.ReadAsync(number, over), over).ConfigureAwait(false) is not { } received)
                {
                    await Task.Delay(poll.Shortest, context.Clock, over).ConfigureAwait(false);
                    continue;
                }
                number++;
                if (received.Job?.Cancel is not { } wanted || wanted.Job != id) continue;
                context.Log.Info($"job {id} is cancelled: {wanted.Reason}");
                cancel(wanted.Reason);
                return;
            }
        }
        catch (OperationCanceledException) when (over.IsCancellationRequested)
        {
        }
    }

    // On start: a job that was begun was cut off. Unless what is stored last is there: then only the report is missing.
    private async Task ReportCutOffAsync(CancellationToken stop)
    {
        if (_cursor.Started is not { } job) return;
        bool? complete = null;
        while (complete is null)
        {
            var answer = await TryAsync(async () => new Answer(await IsCompleteAsync(job, stop).ConfigureAwait(false)), stop).ConfigureAwait(false);
            if (answer is null) await Task.Delay(poll.Next(), context.Clock, stop).ConfigureAwait(false);
            complete = answer?.Yes;
        }
        context.Log.Warn(complete.Value ? $"the agent ended before it could report that backup {job.Attempt} is stored; it is" : $"the agent ended while it made backup {job.Attempt}: that attempt failed");
        var cutOff = new JobEnd(false, $"the agent ended while it made backup {job.Attempt} (a crash, or its machine's)", AttemptRetry.AtOnce);
        await EndAsync(job.Id, complete.Value ? JobEnd.Success : cutOff, stop).ConfigureAwait(false);
    }

    private async Task<bool> IsCompleteAsync(StartedJob job, CancellationToken cancellationToken)
    {
        var view = await mail.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        if (view.State.FindHost(identity.Signing.PublicKey.Thumbprint)?.System is not { } system) return false;
        return await mail.Data.GetPropertiesAsync(BackupAttempt.Parse(system, job.Attempt).Files, cancellationToken).ConfigureAwait(false) is not null;
    }

    // The job is done only when its end is told: until then the cursor holds it, so that a new life of the agent tells it.
    private async Task EndAsync(string id, JobEnd end, CancellationToken stop)
    {
        using var words = new CancellationTokenSource();
        using var limit = stop.Register(() => words.CancelAfter(LastWords));
        while (await TryAsync(async () =>
        {
            await _reports.SendAsync(end.ToReport(id), words.Token).ConfigureAwait(false);
            return new Answer(true);
        }, words.Token).ConfigureAwait(false) is null)
            await Task.Delay(poll.Next(), context.Clock, words.Token).ConfigureAwait(false);
        _cursor.Finish();
    }

    private async Task<T?> TryAsync<T>(Func<Task<T?>> call, CancellationToken cancellationToken) where T : class
    {
        try
        {
            var answer = await call().ConfigureAwait(false);
            _store.Answered();
            return answer;
        }
        catch (StoreException e) when (!cancellationToken.IsCancellationRequested)
        {
            _store.Failed(e);
            return null;
        }
    }

    private sealed record Answer(bool Yes);

    private sealed record FoundJob(long Number);
}
