using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>Runs activities, a bounded number at once. After <see cref="StopAsync"/> none begins; those that run are told to return.</summary>
internal sealed class ActivityPool(WorkflowRegistry registry, EngineSignals signals, int maxConcurrent) : IDisposable
{
    private readonly SemaphoreSlim _places = new(maxConcurrent);
    private readonly CancellationTokenSource _stopping = new();
    private readonly HashSet<Task> _tasks = [];

    /// <summary>
    /// Runs one in the background, and reports its end; not when it was interrupted by the stop, or because the instance was <paramref name="abandoned"/>: then
    /// whoever owns it next runs it again.
    /// </summary>
    public void Start(InstanceId instanceId, PendingActivity activity, Action<ActivityEnd> report, CancellationToken abandoned)
    {
        var task = Task.Run(async () =>
        {
            using var interrupted = CancellationTokenSource.CreateLinkedTokenSource(_stopping.Token, abandoned);
            if (await RunAsync(instanceId, activity, interrupted.Token) is { } end) report(end);
        }, CancellationToken.None);
        lock (_tasks) _tasks.Add(task);
        task.ContinueWith(Forget, CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    /// <summary>Begins no more, tells those that run to return, and waits for them.</summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        await _stopping.CancelAsync();
        Task[] running;
        lock (_tasks) running = [.. _tasks];
        await Task.WhenAll(running).WaitAsync(cancellationToken);
    }

    /// <summary>Tells all to return, and does not wait.</summary>
    public void Dispose() => _stopping.Cancel();

    private async Task<ActivityEnd?> RunAsync(InstanceId instanceId, PendingActivity activity, CancellationToken interrupted)
    {
        try
        {
            await _places.WaitAsync(interrupted);
        }
        catch (OperationCanceledException)
        {
            return null;
        }

        using var span = signals.ActivityBegins(instanceId, activity);
        try
        {
            return new ActivityEnd(activity.Call, await registry.Activity(activity.Name).RunAsync(instanceId, activity.Input, interrupted), null);
        }
        catch (OperationCanceledException) when (interrupted.IsCancellationRequested)
        {
            return null;
        }
        catch (Exception error)
        {
            // Whatever it is, the workflow decides what to do about it.
            signals.ActivityFailed(instanceId, activity, error);
            return new ActivityEnd(activity.Call, null, ActivityFailure.Of(error));
        }
        finally
        {
            _places.Release();
        }
    }

    private void Forget(Task task)
    {
        lock (_tasks) _tasks.Remove(task);
    }
}

/// <summary>How an activity ended: with an output, or with a failure.</summary>
internal sealed record ActivityEnd(int Call, string? Output, ActivityFailure? Failure);
