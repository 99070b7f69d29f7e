using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// One generation of an instance in memory: the workflow's code, run from its start over the history and then fed with what happens. Whatever the code does is
/// numbered and must agree with the history row for row; no clock, no I/O, no thread of its own.
/// </summary>
internal sealed class WorkflowRun : IWorkflowPrimitives
{
    private readonly WorkflowThread _thread = new();
    private readonly InstanceHead _head;
    private readonly Func<WorkflowContext, string, Task<string>> _code;
    private readonly Dictionary<int, PendingActivity> _activities = [];
    private readonly Dictionary<int, PendingTimer> _timers = [];
    private readonly Dictionary<string, LinkedList<TaskCompletionSource<string>>> _waits = new(StringComparer.OrdinalIgnoreCase);
    private readonly Queue<HistoryRow> _actions = new();
    private Task<string>? _task;
    private string? _continueWith;
    private int _calls;
    private int _guids;

    /// <summary>Prepares a run of the generation that <paramref name="head"/> names.</summary>
    public WorkflowRun(InstanceHead head, Func<WorkflowContext, string, Task<string>> code)
    {
        (_head, _code) = (head, code);
        CurrentTime = DateTimeOffset.MinValue;
        Status = head.Generation == 0 ? null : head.Status.Status; // what an older generation showed stays until this one says otherwise
    }

    /// <inheritdoc/>
    public InstanceId InstanceId => _head.Status.InstanceId;

    /// <inheritdoc/>
    public int Version => _head.Status.Version;

    /// <inheritdoc/>
    public DateTimeOffset CurrentTime { get; private set; }

    /// <inheritdoc/>
    public bool IsReplaying { get; private set; }

    /// <summary>JSON of the status.</summary>
    public string? Status { get; private set; }

    /// <summary>How the run ended; null while it goes on.</summary>
    public RunOutcome? Outcome { get; private set; }

    /// <summary>The activities whose result is awaited, by call.</summary>
    public IReadOnlyDictionary<int, PendingActivity> Activities => _activities;

    /// <summary>The timers that have neither fired nor been cancelled, by call.</summary>
    public IReadOnlyDictionary<int, PendingTimer> Timers => _timers;

    /// <summary>Whether the workflow waits for an event of that name.</summary>
    public bool Awaits(string eventName) => Outcome is null && _waits.TryGetValue(eventName, out var waits) && waits.Count > 0;

    /// <summary>Runs the code over the history. Afterwards <see cref="TakeActions"/> gives what the history lacks because of a crash.</summary>
    /// <exception cref="NonDeterministicWorkflowException">The code does not do what the history says.</exception>
    public void Replay(IReadOnlyList<HistoryRow> history)
    {
        IsReplaying = history.Count > 1; // the first row is written before the code has run at all, every other one after it did
        for (var number = 0; number < history.Count; number++)
        {
            var row = history[number];
            if (row.IsAction) Agree(number, row, _actions.TryDequeue(out var action) ? action : null);
            else if (_actions.TryPeek(out var surplus)) throw Differs(number, Described(row), Described(surplus));
            else if (!Apply(row)) throw Differs(number, Described(row), "nothing that waits for it");
        }

        IsReplaying = false;
    }

    /// <summary>
    /// Tells the code what happened and lets it go on as far as it can. False: it does not concern the run (any more), and is not to be kept.
    /// </summary>
    public bool Apply(HistoryRow row)
    {
        if (Outcome is not null || !Concerns(row)) return false;
        CurrentTime = row.At > CurrentTime ? row.At : CurrentTime;
        try
        {
            _thread.Run(() => Deliver(row));
        }
        catch (Exception error) // of an async void: the awaits of tasks keep theirs
        {
            Outcome = new RunOutcome.Failed(error);
        }

        Outcome ??= Judge();
        return true;
    }

    /// <summary>Ends the run from outside.</summary>
    public void Fail(Exception error)
    {
        Outcome = new RunOutcome.Failed(error);
        _actions.Clear();
    }

    /// <summary>What the code did since the last call.</summary>
    public IReadOnlyList<HistoryRow> TakeActions()
    {
        var actions = _actions.ToArray();
        _actions.Clear();
        return actions;
    }

    /// <inheritdoc/>
    public Guid NewGuid()
    {
        CheckThread();
        var seed = string.Create(CultureInfo.InvariantCulture, $"{_head.Incarnation:N}/{_head.Generation}/{++_guids}");
        var hash = SHA256.HashData(Encoding.ASCII.GetBytes(seed)).AsSpan(0, 16);
        hash[6] = (byte)(hash[6] & 0x0F | 0x80); // RFC 9562: version 8, made as we like
        hash[8] = (byte)(hash[8] & 0x3F | 0x80);
        return new Guid(hash, bigEndian: true);
    }

    /// <inheritdoc/>
    public Task<string> CallActivityAsync(string name, string input)
    {
        CheckThread();
        var activity = new PendingActivity(++_calls, name, input);
        _activities.Add(activity.Call, activity);
        _actions.Enqueue(new HistoryRow { Kind = HistoryKind.ActivityCalled, At = CurrentTime, Call = activity.Call, Name = name });
        return activity.Result.Task;
    }

    /// <inheritdoc/>
    public Task CreateTimerAsync(DateTimeOffset due, CancellationToken cancellationToken)
    {
        CheckThread();
        var timer = new PendingTimer(++_calls, due);
        _timers.Add(timer.Call, timer);
        _actions.Enqueue(new HistoryRow { Kind = HistoryKind.TimerCreated, At = CurrentTime, Call = timer.Call, Due = due });
        cancellationToken.UnsafeRegister(_ =>
        {
            if (_thread.Admits() && _timers.Remove(timer.Call)) timer.Fired.TrySetCanceled(cancellationToken);
        }, null);
        return timer.Fired.Task;
    }

    /// <inheritdoc/>
    public Task<string> WaitForEventAsync(string name, CancellationToken cancellationToken)
    {
        CheckThread();
        if (!_waits.TryGetValue(name, out var waits)) _waits.Add(name, waits = []);
        var arrival = new TaskCompletionSource<string>();
        var wait = waits.AddLast(arrival);
        cancellationToken.UnsafeRegister(_ =>
        {
            if (!_thread.Admits() || arrival.Task.IsCompleted) return;
            waits.Remove(wait);
            arrival.TrySetCanceled(cancellationToken);
        }, null);
        return arrival.Task;
    }

    /// <inheritdoc/>
    public void SetStatus(string? status)
    {
        CheckThread();
        Status = status;
    }

    /// <inheritdoc/>
    public void ContinueAsNew(string input)
    {
        CheckThread();
        _continueWith = input;
    }

    private bool Concerns(HistoryRow row) => row.Kind switch
    {
        HistoryKind.Started => _task is null,
        HistoryKind.ActivityCompleted or HistoryKind.ActivityFailed => _activities.ContainsKey(row.Call),
        HistoryKind.TimerFired => _timers.ContainsKey(row.Call),
        HistoryKind.EventReceived => Awaits(row.Name!),
        _ => false,
    };

    private void Deliver(HistoryRow row)
    {
        switch (row.Kind)
        {
            case HistoryKind.Started:
                _task = _code(new WorkflowContext(this), row.Payload!);
                break;
            case HistoryKind.ActivityCompleted:
                _activities.Remove(row.Call, out var completed);
                completed!.Result.SetResult(row.Payload!);
                break;
            case HistoryKind.ActivityFailed:
                _activities.Remove(row.Call, out var failed);
                failed!.Result.SetException(new ActivityFailedException(failed.Name, WorkflowJson.Read<ActivityFailure>(row.Payload!)));
                break;
            case HistoryKind.TimerFired:
                _timers.Remove(row.Call, out var timer);
                timer!.Fired.SetResult();
                break;
            default:
                var waits = _waits[row.Name!];
                var arrival = waits.First!.Value;
                waits.RemoveFirst();
                arrival.SetResult(row.Payload!);
                break;
        }
    }

    private RunOutcome? Judge() => _task switch
    {
        _ when _thread.WasIntruded => new RunOutcome.Failed(NotDeterministic("awaited something that does not come from its context")),
        { IsCompletedSuccessfully: true } => _continueWith is { } input ? new RunOutcome.ContinuedAsNew(input) : new RunOutcome.Completed(_task.Result),
        { IsCompleted: true } => Failure(_task),
        _ when _activities.Count + _timers.Count == 0 && !_waits.Any(IsUsersWait) =>
            new RunOutcome.Failed(NotDeterministic("waits for nothing that its context could give it")),
        _ => null,
    };

    private static RunOutcome Failure(Task<string> task) => task.Exception?.InnerException switch
    {
        WorkflowCancelledException cancelled => new RunOutcome.Cancelled(cancelled),
        { } error => new RunOutcome.Failed(error),
        null => new RunOutcome.Failed(new OperationCanceledException("the workflow cancelled itself")),
    };

    private static bool IsUsersWait(KeyValuePair<string, LinkedList<TaskCompletionSource<string>>> waits) =>
        waits.Value.Count > 0 && !waits.Key.Equals(WorkflowContext.CancelEvent, StringComparison.OrdinalIgnoreCase);

    private void Agree(int number, HistoryRow expected, HistoryRow? found)
    {
        if (found is null || (found.Kind, found.Call, found.Name) != (expected.Kind, expected.Call, expected.Name))
            throw Differs(number, Described(expected), found is null ? "nothing" : Described(found));
    }

    private NonDeterministicWorkflowException Differs(int number, string expected, string found) =>
        NotDeterministic($"row {number} of the history (generation {_head.Generation}) says {expected}, but the code now gives {found}");

    private NonDeterministicWorkflowException NotDeterministic(string what) => new($"{_head.Status.Workflow} {InstanceId}: {what}");

    private static string Described(HistoryRow row) => $"{row.Kind} {row.Name}{(row.Call == 0 ? "" : $"#{row.Call}")}";

    private void CheckThread()
    {
        if (!_thread.IsCurrent) throw NotDeterministic("used its context outside of its own thread of control (Task.Run, ConfigureAwait(false), a timer's callback?)");
    }
}

/// <summary>An activity whose result the workflow awaits.</summary>
internal sealed record PendingActivity(int Call, string Name, string Input)
{
    /// <summary>Completes on the workflow's thread of control.</summary>
    public TaskCompletionSource<string> Result { get; } = new();
}

/// <summary>A timer that the workflow awaits.</summary>
internal sealed record PendingTimer(int Call, DateTimeOffset Due)
{
    /// <summary>Completes on the workflow's thread of control.</summary>
    public TaskCompletionSource Fired { get; } = new();
}
