namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// The single thread of control of a workflow: whatever its awaits continue with is run here, in the order in which it was posted, by whoever runs a turn.
/// A continuation that comes from elsewhere shows that the workflow awaited something that is not its context's; it is never run.
/// </summary>
internal sealed class WorkflowThread : SynchronizationContext
{
    private readonly Queue<(SendOrPostCallback Callback, object? State)> _posted = new();
    private volatile int _threadId;

    /// <summary>Whether something from outside wanted to continue the workflow.</summary>
    public bool WasIntruded { get; private set; }

    /// <summary>Whether the caller is the workflow's own code.</summary>
    public bool IsCurrent => _threadId == Environment.CurrentManagedThreadId;

    /// <summary>Like <see cref="IsCurrent"/>; what is refused is remembered.</summary>
    public bool Admits()
    {
        if (!IsCurrent) WasIntruded = true;
        return IsCurrent;
    }

    /// <summary>Runs <paramref name="work"/> and all that follows from it.</summary>
    public void Run(Action work)
    {
        var outer = Current;
        SetSynchronizationContext(this);
        _threadId = Environment.CurrentManagedThreadId;
        try
        {
            work();
            while (_posted.TryDequeue(out var posted)) posted.Callback(posted.State);
        }
        finally
        {
            _threadId = 0;
            SetSynchronizationContext(outer);
        }
    }

    /// <inheritdoc/>
    public override void Post(SendOrPostCallback d, object? state)
    {
        if (Admits()) _posted.Enqueue((d, state));
    }

    /// <inheritdoc/>
    public override void Send(SendOrPostCallback d, object? state) => throw new NotSupportedException("A workflow has one thread of control");

    /// <inheritdoc/>
    public override SynchronizationContext CreateCopy() => this;
}
