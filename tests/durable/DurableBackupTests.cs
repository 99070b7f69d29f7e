using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Durable;

/// <summary>The backup workflow on Durable Task.</summary>
[Collection(AzureStorageHub.Collection)]
public sealed class DurableBackupTests(AzureStorageHub storage) : BackupWorkflowScenarios
{
    protected override async Task<IWorkflowWorld> OpenAsync() => await DurableWorld.StartAsync(storage.NewHub());
}
