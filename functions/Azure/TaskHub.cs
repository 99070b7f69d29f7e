using Holdfast.Functions.Hosting;
using Holdfast.Functions.Workflows;
using Microsoft.DurableTask.Client;

namespace Holdfast.Functions.Azure;

/// <summary>The task hub. Only a function's binding has a client of it, and all are of the same one.</summary>
public sealed class TaskHub(IServiceProvider services, TimeProvider clock)
{
    private volatile DurableTaskClient? _client;

    /// <summary>A function has one: what it does with the clusters may use it.</summary>
    public ServedClusters Show(DurableTaskClient client)
    {
        _client = client;
        return services.GetRequiredService<ServedClusters>();
    }

    /// <summary>The engine of a cluster's workflows. Whatever instance is left by its process, the hub gives to another one itself.</summary>
    public WorkflowEngine EngineOf(WorkflowRegistry workflows) => new(new LateWorkflowClient(() => new DurableWorkflowClient(_client ?? throw new InvalidOperationException("no function with a client of the task hub has run in this process"), workflows, clock)), _ => { });
}
