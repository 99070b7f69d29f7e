using System.Text;
using System.Text.Json;
using Holdfast.Functions.Workflows;
using Microsoft.DurableTask;

namespace Holdfast.Functions.Azure;

/// <summary>
/// One generation of an instance on Durable Functions. Events are handed out here, not by Durable: its waits take turns from the last to the first, a cancelled
/// one swallows what comes next, and an event raised twice is two. So one wait of ours is always open, and takes all events in the order of their arrival.
/// </summary>
internal sealed class DurablePrimitives : IWorkflowPrimitives
{
    /// <summary>How many ids of events an instance that continues as new remembers at most: one raised again after so many others is taken for another.</summary>
    public const int MaxRemembered = 1000;

    private static readonly TaskName ActivityFunction = new(DurableWorkflows.Activity);

    private readonly TaskOrchestrationContext _context;
    private readonly DurableStart _start;
    private readonly DurableSignals _signals;
    private readonly Dictionary<string, LinkedList<TaskCompletionSource<string>>> _waits = new(StringComparer.OrdinalIgnoreCase);
    private readonly LinkedList<DurableEvent> _kept;
    private readonly HashSet<string> _seen;
    private readonly List<string> _seenInOrder;
    private readonly TaskCompletionSource _broken = new();
    private DateTimeOffset _now;
    private string? _status;
    private string? _next;

    /// <summary>Of the generation that <paramref name="start"/> began; from now on it takes events.</summary>
    public DurablePrimitives(TaskOrchestrationContext context, DurableStart start, DurableSignals signals)
    {
        (_context, _start, _signals) = (context, start, signals);
        _kept = new LinkedList<DurableEvent>(start.Kept);
        _seenInOrder = [.. start.Seen];
        _seen = [.. start.Seen];
        if (start.Status is not null) SetStatus(start.Status);
        Broken = Task.WhenAny(_broken.Task, TakeEventsAsync()).Unwrap();
    }

    /// <inheritdoc/>
    public InstanceId InstanceId => new(_context.InstanceId);

    /// <inheritdoc/>
    public int Version => _start.Version;

    /// <inheritdoc/>
    /// <remarks>Durable's time is that of the machine on which a turn began, and the next turn may be another's.</remarks>
    public DateTimeOffset CurrentTime
    {
        get
        {
            var turn = new DateTimeOffset(DateTime.SpecifyKind(_context.CurrentUtcDateTime, DateTimeKind.Utc));
            return _now = turn > _now ? turn : _now;
        }
    }

    /// <inheritdoc/>
    public bool IsReplaying => _context.IsReplaying;

    /// <summary>Fails when the workflow must not go on; never completes otherwise.</summary>
    public Task Broken { get; }

    /// <summary>What the next generation starts with; null when there is to be none.</summary>
    public DurableStart? Next => _next is null ? null : _start with
    {
        Input = Encoding.UTF8.GetBytes(_next),
        Generation = _start.Generation + 1,
        Status = _status,
        Seen = [.. _seenInOrder.TakeLast(MaxRemembered)],
        Kept = [.. _kept],
    };

    /// <inheritdoc/>
    public Guid NewGuid() => _context.NewGuid();

    /// <inheritdoc/>
    public async Task<string> CallActivityAsync(string name, string input)
    {
        DurableReturn end;
        try
        {
            var call = DurableWorkflows.Text(new DurableCall(_context.InstanceId, name, input));
            end = WorkflowJson.Read<DurableReturn>(await _context.CallActivityAsync<string>(ActivityFunction, call));
        }
        catch (TaskFailedException lost)
        {
            // Not the activity's own failure, that would be its result, but Durable's word for a process that died, was stopped or took too long.
            var (type, reason) = (lost.FailureDetails.ErrorType, lost.FailureDetails.ErrorMessage);
            if (!IsReplaying) _signals.ActivityLost(InstanceId, name, type, reason);
            throw new ActivityFailedException(name, ActivityFailure.Of(new InvalidOperationException(reason)) with { Type = type, IsPermanent = false });
        }

        if (end.Activity != name)
        {
            // Nothing that the code does from here on counts.
            _broken.TrySetException(new NonDeterministicWorkflowException($"{_start.Workflow} {InstanceId}: the history has a result of {end.Activity}, but the code now calls {name}"));
            await new TaskCompletionSource().Task;
        }

        return end.Failure is { } failure ? throw new ActivityFailedException(name, failure) : end.Output!;
    }

    /// <inheritdoc/>
    public async Task CreateTimerAsync(DateTimeOffset due, CancellationToken cancellationToken)
    {
        // Durable divides long ones. A queue of Azure Storage holds back for whole seconds, rounded down: what it lets go too early is held back for one more.
        await _context.CreateTimer(due.UtcDateTime, cancellationToken);
        while (CurrentTime < due) await _context.CreateTimer(due.UtcDateTime.AddSeconds(1), cancellationToken);
    }

    /// <inheritdoc/>
    public Task<string> WaitForEventAsync(string name, CancellationToken cancellationToken)
    {
        if (cancellationToken.IsCancellationRequested) return Task.FromCanceled<string>(cancellationToken);
        for (var kept = _kept.First; kept is not null; kept = kept.Next)
        {
            if (!kept.Value.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) continue;
            _kept.Remove(kept);
            return Task.FromResult(kept.Value.Payload);
        }

        if (!_waits.TryGetValue(name, out var waits)) _waits.Add(name, waits = []);
        var arrival = new TaskCompletionSource<string>();
        var wait = waits.AddLast(arrival);
        cancellationToken.UnsafeRegister(_ =>
        {
            if (arrival.Task.IsCompleted) return;
            waits.Remove(wait);
            arrival.TrySetCanceled(cancellationToken);
        }, null);
        return arrival.Task;
    }

    /// <inheritdoc/>
    public void SetStatus(string? status)
    {
        // As JSON, not as a text within JSON: Durable has room for 16 KiB of UTF-16.
        _status = status;
        _context.SetCustomStatus(status is null ? null : WorkflowJson.Read<JsonElement>(status));
    }

    /// <inheritdoc/>
    public void ContinueAsNew(string input) => _next = input;

    // What comes after the workflow's function has returned is carried over to the next generation by Durable itself.
    private async Task TakeEventsAsync()
    {
        while (true)
        {
            var raised = WorkflowJson.Read<DurableEvent>(await _context.WaitForExternalEvent<string>(DurableWorkflows.Event));
            var key = DurableEvent.Key(raised.Id);
            if (raised.Incarnation != _start.Incarnation || !_seen.Add(key)) continue;
            _seenInOrder.Add(key);
            if (!_waits.TryGetValue(raised.Name, out var waits) || waits.First is not { } wait)
            {
                _kept.AddLast(raised);
                continue;
            }

            waits.RemoveFirst();
            wait.Value.SetResult(raised.Payload);
        }
    }
}
