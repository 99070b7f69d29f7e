using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>An engine with an empty store, as the conformance suite sees it: what it is, the suite does not know.</summary>
public interface IWorkflowWorld : IAsyncDisposable
{
    /// <summary>How to talk to the engine that runs now.</summary>
    IWorkflowClient Client { get; }

    /// <summary>
    /// Whether an instance, or a generation of it, ends only when its last activity has, though its code waits for none of them: so Durable Task does. The suite
    /// then checks that the code went on at once, and lets the activity go before it waits for the end.
    /// </summary>
    bool EndsAfterItsActivities => false;

    /// <summary>Runs a program: the first time, or after whatever ran before was killed without warning.</summary>
    Task RunAsync(WorkflowRegistry program);

    /// <summary>Stops the engine as an operator would.</summary>
    Task StopAsync();
}
