using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Functions.Workflows;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>The journaled engine over some journal.</summary>
internal sealed class JournaledWorld(IJournal journal, TimeProvider? time = null, JournaledEngineOptions? options = null) : IWorkflowWorld
{
    private JournaledEngine? _engine;

    public JournaledEngine Engine => _engine ?? throw new InvalidOperationException("No program runs");

    public IWorkflowClient Client => Engine;

    public async Task RunAsync(WorkflowRegistry program)
    {
        if (_engine is not null) await _engine.DisposeAsync();
        _engine = new JournaledEngine(journal, program, time ?? TimeProvider.System, NullLogger<JournaledEngine>.Instance, options);
        await _engine.StartAsync(CancellationToken.None);
    }

    public Task StopAsync() => Engine.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        if (_engine is not null) await _engine.DisposeAsync();
    }
}
