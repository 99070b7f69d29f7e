using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Activities;

/// <summary>Begins backups, tells how far they are, ends them: what the HTTP interface and the schedules have in common.</summary>
/// <param name="services">The cluster.</param>
/// <param name="workflows">The engine.</param>
/// <param name="board">What hosts last said.</param>
/// <param name="takeOver">Makes this process's engine go on with an instance that another one left.</param>
/// <param name="readBoard">Brings the board up to date where another process takes reports in; null: it always is.</param>
public sealed class BackupDesk(
    ClusterServices services, IWorkflowClient workflows, HostBoard board, Action<InstanceId> takeOver, Func<CancellationToken, Task>? readBoard = null)
{
    /// <summary>How long a person's request is held while no primary is heard yet: an agent of the default speaks within it.</summary>
    private static readonly TimeSpan PrimaryPatience = TimeSpan.FromSeconds(35);

    private static readonly TimeSpan BetweenLooks = TimeSpan.FromSeconds(1);

    /// <summary>
    /// A workflow in which nothing happened for so long has lost its engine, though that may still be heard: its timers are shorter and its activities end before.
    /// </summary>
    private static readonly TimeSpan Stuck = TimeSpan.FromMinutes(15);

    private volatile bool _owesWorkflow;

    /// <summary>Whether a backup may have been begun that has no workflow yet, because the store failed in between: <see cref="ResumeAsync"/> starts it.</summary>
    public bool OwesWorkflow => _owesWorkflow;

    /// <summary>Told when one was begun: its host's reports are near.</summary>
    public event Action? Begun;

    /// <summary>
    /// As <see cref="StartAsync"/>, for somebody who waits for the answer: after a start of the control plane the hosts' heartbeats are waited for.
    /// </summary>
    /// <exception cref="RefusedException">Another is being made, there is no such host, or this type cannot be made yet.</exception>
    public async Task<BackupDocument> AskAsync(BackupRequest request, CancellationToken cancellationToken)
    {
        var until = services.Clock.GetUtcNow() + PrimaryPatience;
        while (true)
        {
            try
            {
                return await StartAsync(request, cancellationToken);
            }
            catch (PrimaryUnknownException) when (services.Clock.GetUtcNow() < until)
            {
                await Task.Delay(BetweenLooks, services.Clock, cancellationToken);
            }
        }
    }

    /// <summary>Logs the intent and starts the workflow. When the intent is logged and the journal fails, the backup is begun all the same: its workflow follows.</summary>
    /// <exception cref="PrimaryUnknownException">It is not known yet which host is to make it.</exception>
    /// <exception cref="RefusedException">Another is being made, there is no such host, or this type cannot be made yet.</exception>
    public async Task<BackupDocument> StartAsync(BackupRequest request, CancellationToken cancellationToken)
    {
        BackupIntended? intended = null;
        string? warning = null;
        var isLogged = false;
        if (readBoard is not null && request.Host is null) await readBoard(cancellationToken);
        try
        {
            var view = await services.Decisions.AppendAsync(Decide, cancellationToken);
            isLogged = true;
            // A crash here leaves an intent without a workflow: ResumeAsync starts it.
            await StartWorkflowAsync(intended!.Label, cancellationToken);
            Begun?.Invoke();
            var begun = await DescribeAsync(view.State, intended.Label, cancellationToken)
                ?? throw new RefusedException($"backup {intended.Label} is not in the log that said so");
            return begun with { Warning = warning };
        }
        catch (Exception failure) when (failure is StoreException or not HoldfastException)
        {
            _owesWorkflow = true;
            if (!isLogged || failure is not StoreException) throw; // not known to be logged, or nobody waits for the answer
            return new BackupDocument(intended!.Label, intended.Label.Type, BackupPhase.Waiting, intended.System) { Warning = warning };
        }

        LogEvent Decide(ClusterState state)
        {
            (intended, warning) = BackupDecision.Decide(state, request, board.Words());
            return intended;
        }
    }

    /// <summary>
    /// Brings log and engine together: a backup that the log says is being made has a workflow, or gets one (its start was lost, or the journal was); one whose
    /// workflow is over is logged as failed.
    /// </summary>
    public async Task ResumeAsync(CancellationToken cancellationToken)
    {
        _owesWorkflow = false;
        try
        {
            await ResumeRunningAsync((await services.Decisions.ReadAsync(cancellationToken)).State, cancellationToken);
        }
        catch
        {
            _owesWorkflow = true;
            throw;
        }
    }

    private async Task ResumeRunningAsync(ClusterState state, CancellationToken cancellationToken)
    {
        foreach (var running in state.Running)
        {
            if (await StartWorkflowAsync(running.Label, cancellationToken)) continue;
            if (await workflows.GetStatusAsync(BackupNames.Instance(services.Cluster, running.Label), cancellationToken) is not { } status) continue;
            if (status.IsFinished)
                await FailAsync(running.Label, $"its workflow ended without a word: {status.Failure?.Message ?? status.State.ToString()}", cancellationToken);
            else if (services.Clock.GetUtcNow() - status.UpdatedAt > Stuck)
                takeOver(status.InstanceId);
        }
    }

    /// <summary>Logs a failure, unless the backup has ended; false when it was committed.</summary>
    public async Task<bool> FailAsync(BackupName label, string reason, CancellationToken cancellationToken)
    {
        var view = await services.Decisions.AppendAsync(
            state => state.Running.Exists(backup => backup.Label == label) ? new BackupFailed(label, LogEvent.ReasonOf(reason)) : null, cancellationToken);
        return view.State.FindBackup(label) is null;
    }

    /// <summary>What is known of a backup; null when there is none.</summary>
    /// <param name="label">Which.</param>
    /// <param name="wait">The answer is held back for so long while nothing changes and the backup has not ended.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<BackupDocument?> FindAsync(BackupName label, TimeSpan wait, CancellationToken cancellationToken)
    {
        if (wait > TimeSpan.Zero && await workflows.GetStatusAsync(BackupNames.Instance(services.Cluster, label), cancellationToken) is { IsFinished: false } known)
        {
            using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            await Task.WhenAny(workflows.WaitForChangeAsync(known.InstanceId, known, over.Token), board.NextChange, Task.Delay(wait, services.Clock, over.Token));
            await over.CancelAsync();
            cancellationToken.ThrowIfCancellationRequested();
        }
        var view = await services.Decisions.ReadAsync(cancellationToken);
        var document = await DescribeAsync(view.State, label, cancellationToken);
        if (document is null || view.State.FindBackup(label) is not { } committed) return document;
        return await AddRemarksAsync(document, committed, cancellationToken);
    }

    /// <summary>All that the log knows: committed, running, lately failed.</summary>
    public async Task<BackupList> ListAsync(CancellationToken cancellationToken)
    {
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        var labels = state.Backups.Select(backup => backup.Label).Concat(state.Running.Select(backup => backup.Label)).Concat(state.FailedBackups.Select(backup => backup.Label));
        var documents = new List<BackupDocument>();
        foreach (var label in labels.Order())
            if (await DescribeAsync(state, label, cancellationToken) is { } document) documents.Add(document);
        return new BackupList(documents);
    }

    /// <summary>Asks a running backup to end; null when there is none of that label.</summary>
    /// <exception cref="RefusedException">It has ended.</exception>
    public async Task<BackupDocument?> CancelAsync(BackupName label, string reason, CancellationToken cancellationToken)
    {
        if (await FindAsync(label, TimeSpan.Zero, cancellationToken) is not { } document) return null;
        if (document.Phase is BackupPhase.Committed or BackupPhase.Failed)
            throw new RefusedException($"backup {label} has ended: it is {document.Phase.ToString().ToLowerInvariant()}");
        await StartWorkflowAsync(label, cancellationToken);
        await workflows.CancelAsync(BackupNames.Instance(services.Cluster, label), LogEvent.ReasonOf(reason), cancellationToken);
        return await FindAsync(label, TimeSpan.Zero, cancellationToken);
    }

    // Words are a help: a manifest that cannot be read is told where it is needed, not here.
    private async Task<BackupDocument> AddRemarksAsync(BackupDocument document, LoggedBackup backup, CancellationToken cancellationToken)
    {
        try
        {
            var reader = new ManifestReader(services.Catalog, services.Index, [services.Signing.PublicKey], _ => { });
            var remarks = BackupRemarks.Of((await reader.ReadRootAsync(backup, cancellationToken)).Backup);
            return document with { Warnings = remarks.Warnings, Excluded = remarks.Excluded };
        }
        catch (Exception e) when (e is HoldfastException && !cancellationToken.IsCancellationRequested)
        {
            return document;
        }
    }

    private Task<bool> StartWorkflowAsync(BackupName label, CancellationToken cancellationToken) =>
        workflows.StartAsync(BackupNames.Workflow, BackupNames.Instance(services.Cluster, label), new BackupInput(label.ToString()), cancellationToken);

    private async Task<BackupDocument?> DescribeAsync(ClusterState state, BackupName label, CancellationToken cancellationToken)
    {
        string? Name(Core.Sealing.KeyThumbprint host) => state.FindHost(host)?.Name;
        if (state.FindBackup(label) is { } done)
            return new BackupDocument(label, label.Type, BackupPhase.Committed, done.System) { Host = Name(done.Host), Attempt = done.Attempt, Result = BackupResult.Of(done.Facts), Started = label.Time };
        if (state.FailedBackups.Find(backup => backup.Label == label) is { } failed)
            return new BackupDocument(label, label.Type, BackupPhase.Failed, failed.System) { Error = failed.Reason, Started = label.Time, Ended = failed.Time.ToDateTimeOffset() };
        if (state.Running.Find(backup => backup.Label == label) is not { } running) return null;
        var status = await workflows.GetStatusAsync(BackupNames.Instance(services.Cluster, label), cancellationToken) is { Status: { } json } ? WorkflowJson.Read<BackupStatus>(json) : new BackupStatus(BackupPhase.Waiting);
        return new BackupDocument(label, label.Type, status.Phase, running.System)
        {
            Host = Name(running.Host), Started = running.Time.ToDateTimeOffset(), Attempt = status.Attempt, Waiting = status.Waiting, Progress = board.ProgressOf(status.Job),
        };
    }
}
