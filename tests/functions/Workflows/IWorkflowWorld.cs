using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>An engine with an empty store, as the conformance suite sees it: what it is, the suite does not know.</summary>
public interface IWorkflowWorld : IAsyncDisposable
{
    /// <summary>How to talk to the engine that runs now.</summary>
    IWorkflowClient Client { get; }

    /// <summary>Runs a program: the first time, or after whatever ran before was killed without warning.</summary>
    Task RunAsync(WorkflowRegistry program);

    /// <summary>Stops the engine as an operator would.</summary>
    Task StopAsync();
}
