using Azure.Data.Tables;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Workflows;

namespace Holdfast.Tests.Functions.Embedded.Journal;

[Collection(AzuriteCollection.Name)]
public class AzureTablesJournalTests(SharedAzurite azurite)
{
    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(JournalContract.Facts), MemberType = typeof(JournalContract))]
    public Task Keeps_the_contract(string fact) => JournalContract.Check(fact, azurite.NewJournal());

    [NeedsTheory(Needs.Azurite)]
    [MemberData(nameof(WorkflowContract.Facts), MemberType = typeof(WorkflowContract))]
    public async Task Carries_workflows(string fact)
    {
        await using var world = new JournaledWorld(azurite.NewJournal());
        await WorkflowContract.Check(fact, world);
    }
}

internal static class AzuriteJournals
{
    /// <summary>A journal in a table that nobody else uses.</summary>
    public static AzureTablesJournal NewJournal(this SharedAzurite azurite)
    {
        var server = azurite.Server;
        var options = new TableClientOptions { Transport = server.CreateTransport() };
        return new AzureTablesJournal(new TableClient(server.TableEndpoint, $"t{Guid.NewGuid():N}", new TableSharedKeyCredential(server.AccountName, server.AccountKey), options));
    }
}
