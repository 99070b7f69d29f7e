using DurableTask.Core;
using DurableTask.Core.Exceptions;
using DurableTask.Core.History;
using DurableTask.Core.Middleware;
using Google.Protobuf;
using Holdfast.Functions.Azure;
using Holdfast.Functions.Workflows;
using Microsoft.DurableTask;
using Microsoft.DurableTask.Testing.Sidecar.Grpc;
using Microsoft.DurableTask.Worker.Grpc;
using Microsoft.DurableTask.Worker.Shims;
using Microsoft.Extensions.Logging.Abstractions;
using Proto = Microsoft.DurableTask.Protobuf;

namespace Holdfast.Tests.Durable;

/// <summary>
/// A process that works on a task hub: Durable Task's own dispatchers, which hand each turn and each activity over as the extension of Durable Functions hands
/// them to an isolated worker: the history as a message, run by the worker's own runner, the actions as a message back. Here the runner is called in this process, or somebody else is asked.
/// </summary>
internal sealed class DurableWorker : IAsyncDisposable
{
    private readonly TaskHubWorker _worker;
    private readonly Func<string, Task<string>> _turn;
    private readonly Func<string, string?, Task<string?>> _activity;
    private readonly CancellationTokenSource _ending = new();
    private readonly TaskCompletionSource _killed = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _isStopping;
    private int _toLose;

    private DurableWorker(IOrchestrationService service, Func<string, Task<string>> turn, Func<string, string?, Task<string?>> activity)
    {
        (_turn, _activity) = (turn, activity);
        _worker = new TaskHubWorker(service, NullLoggerFactory.Instance) { ErrorPropagationMode = ErrorPropagationMode.UseFailureDetails };
        _worker.AddOrchestrationDispatcherMiddleware((context, _) => TurnAsync(context));
        _worker.AddActivityDispatcherMiddleware((context, _) => RunActivityAsync(context));
    }

    /// <summary>Starts one that runs the program itself.</summary>
    public static Task<DurableWorker> StartAsync(IOrchestrationService service, WorkflowRegistry program)
    {
        DurableWorker? worker = null;
        worker = new DurableWorker(service, state => Task.FromResult(GrpcOrchestrationRunner.LoadAndRun<string, string>(state, (orchestration, _) => DurableWorkflows.RunAsync(orchestration, program))), RunAsync);
        return worker.StartAsync();

        async Task<string?> RunAsync(string name, string? input)
        {
            var activity = DurableTaskShimFactory.Default.CreateActivity<string, string>(
                name, async (_, text) => await DurableWorkflows.RunActivityAsync(text!, program, NullLogger.Instance, worker!._ending.Token));
            return await activity.RunAsync(new TaskContext(new OrchestrationInstance()), input);
        }
    }

    /// <summary>Starts one that asks somebody else.</summary>
    /// <param name="service">The task hub.</param>
    /// <param name="turn">Answers the state of an orchestration, Base64, with what it wants done.</param>
    /// <param name="activity">Answers an activity's name and input with its output, both JSON.</param>
    public static Task<DurableWorker> StartAsync(IOrchestrationService service, Func<string, Task<string>> turn, Func<string, string?, Task<string?>> activity) =>
        new DurableWorker(service, turn, activity).StartAsync();

    private async Task<DurableWorker> StartAsync()
    {
        await _worker.StartAsync();
        return this;
    }

    /// <summary>From now on so many activities are lost with the process that ran them: Durable Functions fails them in words of its own.</summary>
    public void LoseActivities(int count) => Volatile.Write(ref _toLose, count);

    /// <summary>Stops in order: nothing new is begun, and what runs is told to end and waited for.</summary>
    public async Task StopAsync()
    {
        _isStopping = true;
        var stopped = _worker.StopAsync(isForced: false);
        await _ending.CancelAsync();
        await stopped;
    }

    /// <summary>Dies: whatever runs has no result.</summary>
    public async ValueTask DisposeAsync()
    {
        _isStopping = true;
        _killed.TrySetResult();
        await _ending.CancelAsync();
        await _worker.StopAsync(isForced: true);
    }

    private async Task TurnAsync(DispatchMiddlewareContext context)
    {
        var state = context.GetProperty<OrchestrationRuntimeState>();
        var request = new Proto.OrchestratorRequest
        {
            InstanceId = state.OrchestrationInstance!.InstanceId,
            ExecutionId = state.OrchestrationInstance.ExecutionId,
            PastEvents = { state.PastEvents.Select(ProtobufUtils.ToHistoryEventProto) },
            NewEvents = { state.NewEvents.Select(ProtobufUtils.ToHistoryEventProto) },
        };
        string answer;
        try { answer = await _turn(Convert.ToBase64String(request.ToByteArray())); }
        catch (Exception e) when (e is InvalidOperationException or IOException or TimeoutException) { throw new SessionAbortedException(e.Message); }
        if (_killed.Task.IsCompleted) throw new SessionAbortedException("killed");
        var response = Proto.OrchestratorResponse.Parser.ParseFrom(Convert.FromBase64String(answer));
        context.SetProperty(new OrchestratorExecutionResult { Actions = [.. response.Actions.Select(ProtobufUtils.ToOrchestratorAction)], CustomStatus = response.CustomStatus });
    }

    private async Task RunActivityAsync(DispatchMiddlewareContext context)
    {
        if (_isStopping) throw new SessionAbortedException("stopping");
        var scheduled = context.GetProperty<TaskScheduledEvent>();
        HistoryEvent response;
        try
        {
            if (Interlocked.Decrement(ref _toLose) >= 0) throw new IOException("Function 'activity' failed with an unhandled exception.");
            var run = Task.Run(() => _activity(scheduled.Name!, scheduled.Input));
            if (await Task.WhenAny(run, _killed.Task) != run) throw new SessionAbortedException("killed");
            response = new TaskCompletedEvent(-1, scheduled.EventId, await run);
        }
        catch (OperationCanceledException) when (_ending.IsCancellationRequested)
        {
            throw new SessionAbortedException("stopped"); // as the extension does while its host stops
        }
        catch (Exception error) when (error is not SessionAbortedException)
        {
            response = new TaskFailedEvent(-1, scheduled.EventId, error.Message, null, new FailureDetails(error));
        }

        context.SetProperty(new ActivityExecutionResult { ResponseEvent = response });
    }
}
