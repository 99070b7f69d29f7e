using Azure.Data.Tables;
using Holdfast.Core;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>What something between us and the table says is never taken for what the table says.</summary>
[Collection(AzuriteCollection.Name)]
public class AzureTablesJournalFaultTests(SharedAzurite azurite)
{
    [NeedsTheory(Needs.Azurite)]
    [InlineData(404, "")]
    [InlineData(404, "TableNotFound")]
    [InlineData(409, "")]
    [InlineData(409, "EntityAlreadyExists")]
    [InlineData(412, "UpdateConditionNotSatisfied")]
    [InlineData(200, "a page")]
    public async Task Is_neither_an_absent_row_nor_a_condition_that_does_not_hold(int status, string code)
    {
        await using var proxy = new FaultProxy(azurite.Server.TableEndpoint, azurite.Server.CreateHandler());
        var journal = new AzureTablesJournal(new TableClient(proxy.Endpoint, $"t{Guid.NewGuid():N}", new TableSharedKeyCredential(azurite.Server.AccountName, azurite.Server.AccountKey)));
        await journal.CreateIfMissingAsync(default);
        Assert.NotNull(await journal.WriteAsync("p", [new JournalWrite.Insert("row", new JournalValues { ["Value"] = "1" })], default));
        proxy.Add(_ => status == 200 ? new Fault.Answer(200, Body: $"<html>{code}</html>", ContentType: "text/html") : new Fault.Answer(status,
            Body: code.Length == 0 ? "" : "{\"odata.error\":{\"code\":\"" + code + "\",\"message\":{\"lang\":\"en-us\",\"value\":\"Made up.\"}}}", ContentType: "application/json"));

        await Assert.ThrowsAsync<StoreException>(() => journal.ReadAsync("p", "row", default));
        await Assert.ThrowsAsync<StoreException>(() => journal.ReadRangeAsync("p", "", default).ToListAsync().AsTask());
        await Assert.ThrowsAsync<StoreException>(() => journal.WriteAsync("p", [new JournalWrite.Insert("other", new JournalValues { ["Value"] = "2" })], default));

        proxy.Clear();
        Assert.Equal("row", Assert.Single(await journal.ReadRangeAsync("p", "", default).ToListAsync()).Key);
        Assert.Null(await journal.ReadAsync("p", "other", default));
        Assert.Null(await journal.WriteAsync("p", [new JournalWrite.Insert("row", new JournalValues { ["Value"] = "3" })], default));
    }
}
