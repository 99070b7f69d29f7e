using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Durable;

/// <summary>The suite over Durable Task's Azure Storage backend, the one under Durable Functions, in Azurite.</summary>
[Collection(AzureStorageHub.Collection)]
public class AzureStorageHubTests(AzureStorageHub storage)
{
    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(WorkflowContract.Facts), MemberType = typeof(WorkflowContract))]
    public async Task Carries_workflows(string fact)
    {
        await using var world = await DurableWorld.StartAsync(storage.NewHub());
        await WorkflowContract.Check(fact, world);
    }
}
