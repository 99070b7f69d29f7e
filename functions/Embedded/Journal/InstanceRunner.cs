using System.Collections.Concurrent;
using System.Threading.Channels;
using Holdfast.Core;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// Works on one instance that this engine owns: gathers what happened (ends of activities, due timers, events), lets the workflow's code go on, writes the
/// step, and only then begins what the code asked for. One loop, so nothing here is ever concurrent but the mailbox.
/// </summary>
internal sealed partial class InstanceRunner : IDisposable
{
    // What one turn takes at most, so that a step stays within a transaction as a rule.
    private const int MaxEndsInTurn = 32;
    private const int MaxEventsInTurn = 32;

    private readonly EngineParts _parts;
    private readonly InstanceJournal _journal;
    private readonly InstanceTimers _timers;
    private readonly ConcurrentQueue<(int Generation, ActivityEnd End)> _ends = new();
    private readonly Channel<bool> _wake = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
    private readonly CancellationTokenSource _abandoned = new();
    private readonly HashSet<int> _begun = [];
    private readonly TaskCompletionSource _over = new();
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private IReadOnlyList<HistoryRow>? _freshHistory;
    private WorkflowRun? _run;
    private bool _wasLoaded;
    private bool _isParked;
    private bool _leftEvents;
    private volatile bool _hasNews = true;
    private volatile bool _isDraining;
    private long _lastProgress;
    private int _rests;

    /// <summary>For an instance that is in the journal.</summary>
    public InstanceRunner(InstanceId instanceId, EngineParts parts)
    {
        (InstanceId, _parts) = (instanceId, parts);
        _journal = new InstanceJournal(parts.Journal, instanceId, parts.Engine, parts.Patience);
        _timers = new InstanceTimers(parts.Time);
    }

    /// <summary>For an instance that this engine has just created.</summary>
    public InstanceRunner(InstanceHead created, EngineParts parts) : this(created.Status.InstanceId, parts)
    {
        _journal.Adopt(created);
        _freshHistory = [StartedRow(created)];
    }

    /// <summary>The instance.</summary>
    public InstanceId InstanceId { get; }

    /// <summary>Completes when the loop has ended, however it did.</summary>
    public Task Completion => _over.Task;

    /// <summary>Whether the loop ended because the instance is another engine's.</summary>
    public bool WasLost { get; private set; }

    /// <summary>Whether the loop ended by a defect: what the store said, and nobody foresaw, may be one.</summary>
    public bool WasBroken { get; private set; }

    /// <summary>Completes at the next step.</summary>
    public Task Changed => Volatile.Read(ref _changed).Task;

    /// <summary>The head as this engine last wrote it; null before it was loaded.</summary>
    public InstanceHead? Known => _journal.Known;

    /// <summary>How often the loop has come to rest, with its alarm set: for tests with a clock in hand.</summary>
    public int Rests => Volatile.Read(ref _rests);

    /// <summary>Begins to work.</summary>
    public void Start(CancellationToken killed) => Task.Run(() => RunAsync(killed), CancellationToken.None);

    /// <summary>There may be new events in the inbox.</summary>
    public void Nudge()
    {
        _hasNews = true;
        Wake();
    }

    /// <summary>Keep what activities returned, begin nothing, and end the loop.</summary>
    public void Drain()
    {
        _isDraining = true;
        Wake();
    }

    /// <summary>Frees what the runner holds.</summary>
    public void Dispose() => _abandoned.Dispose();

    private void Wake() => _wake.Writer.TryWrite(true);

    private async Task RunAsync(CancellationToken killed)
    {
        try
        {
            while (await LookAsync(killed))
            {
                if (!_isDraining) await SleepAsync(killed);
                else if (_run is null || _ends.IsEmpty) break; // what returned during the last look is kept, too
            }
        }
        catch (OwnershipLostException lost)
        {
            WasLost = true;
            _parts.Signals.InstanceLost(InstanceId, lost);
            await _parts.Patience.TryAsync(() => TouchAsync(killed), killed); // what this engine accepted for the instance, the owner does not know
        }
        catch (OperationCanceledException) when (killed.IsCancellationRequested)
        {
        }
        catch (Exception error)
        {
            WasBroken = true;
            _parts.Signals.InstanceBroken(InstanceId, error);
        }
        finally
        {
            await _abandoned.CancelAsync();
            Pulse();
            _over.SetResult();
        }
    }

    private async Task<bool> TouchAsync(CancellationToken killed)
    {
        await _parts.Index.TouchAsync(InstanceId, killed);
        return true;
    }

    private async Task SleepAsync(CancellationToken killed)
    {
        var look = _timers.NextLook();
        if (_run is not null && (look is null || look > _parts.Options.EvictAfter)) look = _parts.Options.EvictAfter;
        await using var alarm = look is { } pause ? _parts.Time.CreateTimer(_ => Wake(), null, pause, Timeout.InfiniteTimeSpan) : null;
        Interlocked.Increment(ref _rests);
        await _wake.Reader.ReadAsync(killed);
    }

    /// <summary>Does whatever there is to do. False: the instance has ended, or is gone.</summary>
    private async Task<bool> LookAsync(CancellationToken killed)
    {
        while (!_isParked)
        {
            if (_run is null)
            {
                if (_isDraining || !NeedsRun()) return true;
                if (!await LoadAsync(killed)) return false;
                continue;
            }

            var turn = await TurnAsync(killed);
            if (turn.Count == 0 && _run.Outcome is null)
            {
                EvictWhenIdle();
                return true;
            }

            if (!await SettleAsync(turn, killed)) return false;
        }

        return await LookForCancelAsync(killed);
    }

    private bool NeedsRun() => !_wasLoaded || _freshHistory is not null || _hasNews || _timers.Due().Count > 0;

    private void EvictWhenIdle()
    {
        if (_run!.Activities.Count > 0 || _parts.Time.GetElapsedTime(_lastProgress) < _parts.Options.EvictAfter) return;
        _run = null;
        _begun.Clear();
        _parts.Signals.InstanceEvicted(InstanceId);
    }

    private void Pulse() => Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
}
