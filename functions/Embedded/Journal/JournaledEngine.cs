using System.Collections.Concurrent;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// The workflow engine of the embedded control plane. Everything that workflows do is in the journal before it has an effect, so that an engine that was killed
/// at any moment is followed by one that goes on: it takes over all unfinished instances (by an epoch that makes every step of an older engine fail), runs
/// their code over the history, and runs again the activities whose end was not kept. The engine that started last owns the instances, as long as it is heard (<see cref="EngineBeats"/>).
/// </summary>
public sealed partial class JournaledEngine : IWorkflowClient, IAsyncDisposable
{
    private readonly EngineParts _parts;
    private readonly ConcurrentDictionary<InstanceId, InstanceRunner> _runners = new();
    private readonly CancellationTokenSource _killed = new();
    private readonly CancellationTokenSource _stopping = new();
    private readonly InstanceSweep _sweep;
    private Task _sweeping = Task.CompletedTask;
    private volatile bool _isRunning;

    /// <summary>Makes an engine; <see cref="StartAsync(CancellationToken)"/> sets it going.</summary>
    public JournaledEngine(IJournal journal, WorkflowRegistry registry, TimeProvider time, ILogger<JournaledEngine> logger, JournaledEngineOptions? options = null)
    {
        options ??= new JournaledEngineOptions();
        var signals = new EngineSignals(logger);
        _parts = new EngineParts(
            Guid.NewGuid(), journal, new InstanceIndex(journal, time), registry, time, options, signals,
            new ActivityPool(registry, signals, options.MaxConcurrentActivities), new SemaphoreSlim(options.MaxConcurrentLoads),
            new StorePatience(time, (error, pause) => signals.JournalFailed(pause, error)));
        _sweep = new InstanceSweep(_parts, this);
    }

    /// <summary>Makes the table if need be, takes over what is unfinished, and returns; the instances are loaded in the background.</summary>
    /// <exception cref="Core.StoreException">The journal cannot be reached.</exception>
    public async Task StartAsync(CancellationToken cancellationToken)
    {
        await _parts.Journal.CreateIfMissingAsync(cancellationToken);
        _isRunning = true;
        var count = 0;
        await foreach (var entry in _parts.Index.ReadRunningAsync(cancellationToken))
        {
            Attach(new InstanceRunner(entry.InstanceId, _parts));
            count++;
        }

        _parts.Signals.EngineStarted(_parts.Engine, count);
        _sweeping = Task.Run(() => _sweep.RunAsync(_stopping.Token), CancellationToken.None);
    }

    /// <summary>
    /// Stops in order: begins nothing new, tells the activities to return, keeps what they returned, and leaves the rest to the next engine. When
    /// <paramref name="cancellationToken"/> is cancelled it stops at once; nothing is lost by that, some activities only run again.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (!_isRunning) return;
        _isRunning = false;
        await _stopping.CancelAsync();
        try
        {
            await _parts.Activities.StopAsync(cancellationToken);
            foreach (var runner in _runners.Values) runner.Drain();
            await Task.WhenAll([_sweeping, .. _runners.Values.Select(runner => runner.Completion)]).WaitAsync(cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
        }

        _parts.Signals.EngineStopped(_runners.Count);
        await _killed.CancelAsync();
    }

    /// <summary>Ends at once whatever still runs.</summary>
    public async ValueTask DisposeAsync()
    {
        _isRunning = false;
        await _stopping.CancelAsync();
        await _killed.CancelAsync();
        _parts.Activities.Dispose();
        await Task.WhenAll([_sweeping, .. _runners.Values.Select(runner => runner.Completion)]);
    }

    /// <summary>Takes an instance over from an engine that is gone. One that is not loses the instance with its next step, as when this engine had started after it.</summary>
    public void TakeOver(InstanceId instanceId) => Attach(new InstanceRunner(instanceId, _parts));

    /// <summary>Works on an instance unless a runner does so already.</summary>
    internal void Attach(InstanceRunner runner)
    {
        if (!_isRunning || !_runners.TryAdd(runner.InstanceId, runner)) return;
        runner.Completion.ContinueWith(_ => Detach(runner), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        runner.Start(_killed.Token);
    }

    /// <summary>The runner of an instance, if this engine works on it.</summary>
    internal InstanceRunner? Find(InstanceId instanceId) => _runners.GetValueOrDefault(instanceId);

    private void Detach(InstanceRunner runner)
    {
        if (runner.WasBroken) _sweep.TakeAgain(runner.InstanceId);
        if (_isRunning) _runners.TryRemove(KeyValuePair.Create(runner.InstanceId, runner));
        runner.Dispose();
    }
}
