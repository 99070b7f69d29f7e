using Holdfast.Core;
using Holdfast.Functions.Signals;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

// The turns: load, gather, settle.
internal sealed partial class InstanceRunner
{
    /// <summary>Becomes the owner and runs the code over the history. False: the instance has ended, or is gone.</summary>
    private async Task<bool> LoadAsync(CancellationToken killed)
    {
        await _parts.Loads.WaitAsync(killed);
        try
        {
            var history = _freshHistory;
            _freshHistory = null;
            if (history is null)
            {
                if (!await _journal.AcquireAsync(killed)) return false;
                if (_journal.Head.Status.IsFinished) return await EndAsync(killed);
                history = await _parts.Patience.TryAsync(() => _journal.ReadHistoryAsync(killed), killed);
            }

            return await BeginAsync(history, killed);
        }
        catch (HoldfastException error) when (error is ConfigurationException or DamagedException)
        {
            (_isParked, _hasNews) = (true, true);
            _parts.Signals.InstanceParked(InstanceId, error);
            Wake();
            return true;
        }
        finally
        {
            _parts.Loads.Release();
        }
    }

    private async Task<bool> BeginAsync(IReadOnlyList<HistoryRow> history, CancellationToken killed)
    {
        var status = _journal.Head.Status;
        var run = new WorkflowRun(_journal.Head, _parts.Registry.Workflow(status.Workflow).RunAsync);
        if (history.Count == 1 && _journal.Head.Generation == 0) _parts.Signals.InstanceStarted(InstanceId, status.Workflow);
        else if (history.Count > 1) _parts.Signals.InstanceResumed(InstanceId, status.Workflow, history.Count);
        try
        {
            run.Replay(history);
        }
        catch (NonDeterministicWorkflowException error)
        {
            run.Fail(error);
        }

        (_run, _wasLoaded, _hasNews) = (run, true, true);
        _begun.Clear();
        return await SettleAsync([.. run.TakeActions().Select(action => new StepItem(action))], killed);
    }

    /// <summary>Feeds the code with what happened since the last turn.</summary>
    private async Task<List<StepItem>> TurnAsync(CancellationToken killed)
    {
        var items = new List<StepItem>();
        for (var taken = 0; taken < MaxEndsInTurn && _ends.TryDequeue(out var end); taken++)
            if (end.Generation == _journal.Head.Generation) Feed(items, EndRow(end.End));
        if (_isDraining) return items;
        foreach (var call in _timers.Due())
            if (_run!.Timers.TryGetValue(call, out var timer)) Feed(items, new HistoryRow { Kind = HistoryKind.TimerFired, At = Later(Now(), timer.Due), Call = call });
        if (_hasNews) await _parts.Patience.TryAsync(() => FeedEventsAsync(items, killed), killed);
        return items;
    }

    // An event that nobody waits for yet stays in the inbox, and with it all later ones of its name.
    private async Task<bool> FeedEventsAsync(List<StepItem> items, CancellationToken killed)
    {
        _hasNews = false;
        var taken = items.Where(item => item.TakenEvent is not null).Select(item => item.TakenEvent).ToHashSet(); // by a try that the store cut off
        var left = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        try
        {
            await foreach (var waiting in _journal.ReadInboxAsync(killed))
            {
                if (taken.Contains(waiting.Key)) continue;
                if (taken.Count >= MaxEventsInTurn)
                {
                    _hasNews = true;
                    break;
                }

                if (left.Contains(waiting.Name) || !_run!.Awaits(waiting.Name)) left.Add(waiting.Name);
                else if (Feed(items, new HistoryRow { Kind = HistoryKind.EventReceived, At = Now(), Name = waiting.Name, Payload = waiting.Payload }, waiting.Key))
                    taken.Add(waiting.Key);
            }
        }
        catch
        {
            _hasNews = true;
            throw;
        }

        _leftEvents = left.Count > 0;
        return true;
    }

    private bool Feed(List<StepItem> items, HistoryRow row, string? takenEvent = null)
    {
        if (!_run!.Apply(row)) return false;
        items.Add(new StepItem(row, takenEvent));
        items.AddRange(_run.TakeActions().Select(action => new StepItem(action)));
        return true;
    }

    /// <summary>Writes the step; when it is written, begins what it asks for. False: the instance has ended.</summary>
    private async Task<bool> SettleAsync(IReadOnlyList<StepItem> items, CancellationToken killed)
    {
        var run = _run!;
        if (run.Outcome is null && _journal.Head.Next + items.Count > _parts.Options.MaxHistory)
            run.Fail(new RefusedException($"{InstanceId}: the history has {_journal.Head.Next + items.Count} rows, {_parts.Options.MaxHistory} are allowed", "The workflow must continue as new."));
        var status = _journal.Head.Status with { UpdatedAt = Later(Now(), run.CurrentTime), Status = run.Status };
        if (run.Outcome is RunOutcome.ContinuedAsNew again) return await ContinueAsNewAsync(status with { Input = again.Input }, items, killed);

        status = Ended(status, run.Outcome);
        if (items.Count > 0 || status.IsFinished || status.Status != _journal.Head.Status.Status) await _journal.StepAsync(items, status, killed);
        Progressed();
        if (status.IsFinished) return await EndAsync(killed);
        _timers.Follow(run.Timers, run.CurrentTime);
        BeginActivities(run);
        return true;
    }

    private async Task<bool> ContinueAsNewAsync(WorkflowStatus status, IReadOnlyList<StepItem> items, CancellationToken killed)
    {
        await _journal.ContinueAsNewAsync(status, items.Where(item => item.TakenEvent is not null).Select(item => item.TakenEvent!), killed);
        _timers.Clear();
        Progressed();
        await _parts.Patience.TryAsync(() => ForgetOldGenerationsAsync(killed), killed);
        (_run, _freshHistory) = (null, [StartedRow(_journal.Head)]);
        return true;
    }

    private async Task<bool> ForgetOldGenerationsAsync(CancellationToken killed)
    {
        await _journal.ForgetOldGenerationsAsync(killed);
        return true;
    }

    private void BeginActivities(WorkflowRun run)
    {
        if (_isDraining) return;
        var generation = _journal.Head.Generation;
        foreach (var activity in run.Activities.Values.Where(activity => _begun.Add(activity.Call)))
        {
            _parts.Activities.Start(InstanceId, activity, end =>
            {
                _ends.Enqueue((generation, end));
                Wake();
            }, _abandoned.Token);
        }
    }

    private void Progressed()
    {
        _lastProgress = _parts.Time.GetTimestamp();
        if (_leftEvents) _hasNews = true;
        WorkflowMeter.Stepped();
        Pulse();
    }

    /// <summary>Moves the instance in the index.</summary>
    private async Task<bool> EndAsync(CancellationToken killed)
    {
        var status = _journal.Head.Status;
        await _parts.Patience.TryAsync(async () =>
        {
            await _parts.Index.EndAsync(status, killed);
            return true;
        }, killed);
        _parts.Signals.InstanceFinished(status);
        return false;
    }

    /// <summary>An instance that cannot be run can still be cancelled.</summary>
    private async Task<bool> LookForCancelAsync(CancellationToken killed)
    {
        if (!_hasNews || _isDraining) return true;
        _hasNews = false;
        var reason = await _parts.Patience.TryAsync(() => FindCancelAsync(killed), killed);
        if (reason is null) return true;
        var error = new WorkflowCancelledException(WorkflowJson.Read<string>(reason));
        var status = Ended(_journal.Head.Status with { UpdatedAt = Later(Now(), _journal.Head.Status.UpdatedAt) }, new RunOutcome.Cancelled(error));
        await _journal.StepAsync([], status, killed);
        return await EndAsync(killed);
    }

    private async Task<string?> FindCancelAsync(CancellationToken killed)
    {
        await foreach (var waiting in _journal.ReadInboxAsync(killed))
            if (waiting.Name == WorkflowContext.CancelEvent) return waiting.Payload;
        return null;
    }

    private static WorkflowStatus Ended(WorkflowStatus status, RunOutcome? outcome) => outcome switch
    {
        RunOutcome.Completed completed => status with { State = WorkflowState.Completed, Output = completed.Output },
        RunOutcome.Failed failed => status with { State = WorkflowState.Failed, Failure = ActivityFailure.Of(failed.Error) },
        RunOutcome.Cancelled cancelled => status with { State = WorkflowState.Cancelled, Failure = ActivityFailure.Of(cancelled.Error) },
        _ => status,
    };

    private static HistoryRow StartedRow(InstanceHead head) =>
        new() { Kind = HistoryKind.Started, At = head.Status.UpdatedAt, Name = head.Status.Workflow, Payload = head.Status.Input };

    private HistoryRow EndRow(ActivityEnd end) => end.Failure is null
        ? new HistoryRow { Kind = HistoryKind.ActivityCompleted, At = Now(), Call = end.Call, Payload = end.Output }
        : new HistoryRow { Kind = HistoryKind.ActivityFailed, At = Now(), Call = end.Call, Payload = WorkflowJson.Write("a failure", end.Failure, ActivityFailure.MaxBytes) };

    private DateTimeOffset Now() => Later(_parts.Time.GetUtcNow(), _run?.CurrentTime ?? DateTimeOffset.MinValue);

    private static DateTimeOffset Later(DateTimeOffset left, DateTimeOffset right) => left > right ? left : right;
}
