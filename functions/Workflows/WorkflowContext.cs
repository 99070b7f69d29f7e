using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Workflows;

/// <summary>
/// What a workflow may do. Every wait here races the request to cancel and throws <see cref="WorkflowCancelledException"/> when that came first;
/// <see cref="Shielded"/> is the same context without the race, for clean-up. An activity that nobody waits for any more may still run to its
/// end; on Durable Functions the instance ends only after it.
/// </summary>
public sealed class WorkflowContext
{
    /// <summary>The event by which engines deliver <see cref="IWorkflowClient.CancelAsync"/>; its payload is the reason.</summary>
    public const string CancelEvent = "holdfast.cancel";

    private readonly IWorkflowPrimitives _primitives;
    private readonly Task<string> _cancelled;
    private readonly bool _isShielded;

    /// <summary>Puts the rules that all engines share over the primitives of one.</summary>
    public WorkflowContext(IWorkflowPrimitives primitives)
    {
        _primitives = primitives;
        _cancelled = primitives.WaitForEventAsync(CancelEvent, CancellationToken.None);
        Shielded = new WorkflowContext(this);
    }

    private WorkflowContext(WorkflowContext open)
    {
        _primitives = open._primitives;
        _cancelled = open._cancelled;
        _isShielded = true;
        Shielded = this;
    }

    /// <summary>The same context, whose waits do not end when the workflow is cancelled: for clean-up, and for what must not be left half done.</summary>
    public WorkflowContext Shielded { get; }

    /// <summary>The instance.</summary>
    public InstanceId InstanceId => _primitives.InstanceId;

    /// <summary>The version of the workflow's code under which this instance was started; a change of the code asks for it.</summary>
    public int Version => _primitives.Version;

    /// <summary>The time of the last thing that happened to the instance: the same in every replay, never going backwards.</summary>
    public DateTimeOffset CurrentTime => _primitives.CurrentTime;

    /// <summary>Whether the code runs over what happened already: then nothing is to be logged.</summary>
    public bool IsReplaying => _primitives.IsReplaying;

    /// <summary>Whether someone asked for the end.</summary>
    public bool IsCancellationRequested => _cancelled.IsCompleted;

    /// <summary>A new identifier, the same in every replay.</summary>
    public Guid NewGuid() => _primitives.NewGuid();

    /// <summary>Runs an activity, repeated as <paramref name="retry"/> says (<see cref="RetryPolicy.Default"/> when null).</summary>
    /// <exception cref="ActivityFailedException">It failed for good.</exception>
    /// <exception cref="PayloadTooLargeException">The input is.</exception>
    public async Task<TOutput> CallActivityAsync<TInput, TOutput>(ActivityName<TInput, TOutput> activity, TInput input, RetryPolicy? retry = null)
    {
        var json = WorkflowJson.Write($"the input of {activity.Value}", input);
        for (var failures = 1; ; failures++)
        {
            TimeSpan pause;
            try
            {
                ThrowIfCancelled();
                return WorkflowJson.Read<TOutput>(await RaceAsync(_primitives.CallActivityAsync(activity.Value, json)));
            }
            catch (ActivityFailedException failed) when (!failed.Failure.IsPermanent && (retry ?? RetryPolicy.Default).PauseAfter(failures) is { } next)
            {
                pause = next;
            }

            await CreateTimerAsync(pause);
        }
    }

    /// <summary>Completes after <paramref name="delay"/>, also when that is after a restart.</summary>
    public Task CreateTimerAsync(TimeSpan delay, CancellationToken cancellationToken = default) => CreateTimerAsync(CurrentTime + delay, cancellationToken);

    /// <summary>Completes at <paramref name="due"/>, also when that is after a restart; at once when it has passed.</summary>
    /// <exception cref="OperationCanceledException">By the token.</exception>
    public async Task CreateTimerAsync(DateTimeOffset due, CancellationToken cancellationToken = default)
    {
        ThrowIfCancelled();
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        await RaceAsync(_primitives.CreateTimerAsync(due, abandoned.Token), abandoned);
    }

    /// <summary>The payload of the next event of that name, also of one that came before; each event is given once, in the order of arrival.</summary>
    /// <exception cref="OperationCanceledException">By the token; the event then stays for the next wait.</exception>
    public async Task<TPayload> WaitForEventAsync<TPayload>(EventName<TPayload> name, CancellationToken cancellationToken = default)
    {
        ThrowIfCancelled();
        using var abandoned = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var arrival = _primitives.WaitForEventAsync(name.Value, abandoned.Token);
        await RaceAsync(arrival, abandoned);
        return WorkflowJson.Read<TPayload>(await arrival);
    }

    /// <summary>The next event of that name, or null when none came within <paramref name="limit"/>.</summary>
    public async Task<ReceivedEvent<TPayload>?> WaitForEventAsync<TPayload>(EventName<TPayload> name, TimeSpan limit)
    {
        using var abandoned = new CancellationTokenSource();
        var arrival = WaitForEventAsync(name, abandoned.Token);
        if (await CompletesWithinAsync(arrival, limit)) return new ReceivedEvent<TPayload>(await arrival);
        abandoned.Cancel();
        return null;
    }

    /// <summary>
    /// Whether <paramref name="work"/>, a task of this context, completed (in whatever way: await it) within <paramref name="limit"/>. The timer is cancelled
    /// after use; work that is late goes on, and its outcome may be lost.
    /// </summary>
    public async Task<bool> CompletesWithinAsync(Task work, TimeSpan limit)
    {
        using var used = new CancellationTokenSource();
        var timer = CreateTimerAsync(limit, used.Token);
        var isInTime = await Task.WhenAny(work, timer) == work;
        used.Cancel();
        ThrowIfCancelled();
        return isInTime;
    }

    /// <summary>Shows progress to clients (<see cref="WorkflowStatus.Status"/>); at most 8 KiB of JSON.</summary>
    /// <exception cref="PayloadTooLargeException">It is more.</exception>
    public void SetStatus<TStatus>(TStatus status) => _primitives.SetStatus(WorkflowJson.Write("the status", status, WorkflowJson.MaxStatusBytes));

    /// <summary>
    /// When the workflow's function returns (whatever it returns): start it anew with this input and an empty history; events not yet waited for are kept.
    /// </summary>
    /// <exception cref="WorkflowCancelledException">Someone asked for the end, and this context is not shielded.</exception>
    public void ContinueAsNew<TInput>(TInput input)
    {
        ThrowIfCancelled();
        _primitives.ContinueAsNew(WorkflowJson.Write("the input", input));
    }

    /// <summary>Throws when someone asked for the end, and this context is not shielded.</summary>
    public void ThrowIfCancelled()
    {
        if (!_isShielded && _cancelled.IsCompletedSuccessfully) throw new WorkflowCancelledException(WorkflowJson.Read<string>(_cancelled.Result));
    }

    private async Task<string> RaceAsync(Task<string> work)
    {
        await RaceAsync(work, null);
        return await work;
    }

    private async Task RaceAsync(Task work, CancellationTokenSource? abandoned)
    {
        if (!_isShielded && await Task.WhenAny(work, _cancelled) != work)
        {
            abandoned?.Cancel();
            ThrowIfCancelled();
        }

        await work;
    }
}
