using System.Net;
using System.Runtime.CompilerServices;
using System.Text.Json;
using Azure;
using Azure.Data.Tables;
using Azure.Data.Tables.Models;
using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>The journal in one table of Azure Storage, or of Azurite. A transaction is an entity group transaction.</summary>
public sealed class AzureTablesJournal(TableClient table) : IJournal
{
    /// <inheritdoc/>
    public async Task CreateIfMissingAsync(CancellationToken cancellationToken)
    {
        try
        {
            await table.CreateIfNotExistsAsync(cancellationToken);
        }
        catch (RequestFailedException error) when (error.Status == (int)HttpStatusCode.Forbidden)
        {
            // A SAS for the table may not make it; init did. Whether it is there, a read tells.
            await ReadAsync("none", "none", cancellationToken);
        }
        catch (Exception error) when (IsStoreFailure(error, cancellationToken))
        {
            throw Failed("creating the table", error);
        }
    }

    /// <inheritdoc/>
    public async Task<JournalRow?> ReadAsync(string partition, string key, CancellationToken cancellationToken)
    {
        try
        {
            return Row(await table.GetEntityAsync<TableEntity>(partition, key, cancellationToken: cancellationToken));
        }
        catch (RequestFailedException error) when (error.Status == (int)HttpStatusCode.NotFound && error.ErrorCode == TableErrorCode.ResourceNotFound)
        {
            return null; // any other 404 is a proxy's, or says that the table is missing: it does not say that the row is
        }
        catch (Exception error) when (IsStoreFailure(error, cancellationToken))
        {
            throw Failed($"reading row {key} of {partition}", error);
        }
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<JournalRow> ReadRangeAsync(string partition, string prefix, CancellationToken cancellationToken)
    {
        // Keys are ASCII; '~' is the last printable character of it, and no key has one.
        var until = prefix + "~";
        return QueryAsync(TableClient.CreateQueryFilter($"PartitionKey eq {partition} and RowKey ge {prefix} and RowKey lt {until}"), cancellationToken);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<JournalRow> ReadEverywhereAsync(string key, CancellationToken cancellationToken) =>
        QueryAsync(TableClient.CreateQueryFilter($"RowKey eq {key}"), cancellationToken);

    /// <inheritdoc/>
    public async Task<string?> WriteAsync(string partition, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken)
    {
        JournalLimits.Check(partition, writes);
        try
        {
            var answer = await table.SubmitTransactionAsync(writes.Select(write => Action(partition, write)), cancellationToken);
            return answer.Value[0].Headers.ETag?.ToString() ?? "deleted";
        }
        catch (TableTransactionFailedException error) when (IsConditionOfARow(error))
        {
            return null;
        }
        catch (Exception error) when (IsStoreFailure(error, cancellationToken))
        {
            throw Failed($"writing {writes.Count} rows of {partition}", error);
        }
    }

    private static TableTransactionAction Action(string partition, JournalWrite write) => write switch
    {
        JournalWrite.Insert => new(TableTransactionActionType.Add, Entity(partition, write)),
        JournalWrite.Replace replace => new(TableTransactionActionType.UpdateReplace, Entity(partition, write), new ETag(replace.ETag)),
        JournalWrite.Put => new(TableTransactionActionType.UpsertReplace, Entity(partition, write)),
        _ => new(TableTransactionActionType.Delete, new TableEntity(partition, write.Key), ETag.All),
    };

    private static TableEntity Entity(string partition, JournalWrite write)
    {
        var entity = new TableEntity(partition, write.Key);
        foreach (var (name, value) in write.Values!) entity[name] = value;
        return entity;
    }

    private static JournalRow Row(TableEntity entity) => new(entity.PartitionKey, entity.RowKey, entity.ETag.ToString(),
        new JournalValues(entity.Where(value => value.Value is not null && value.Key is not ("PartitionKey" or "RowKey" or "Timestamp" or "odata.etag"))!));

    // Only an answer about a row of the transaction: the same status of the request as a whole may be anybody's.
    private static bool IsConditionOfARow(TableTransactionFailedException error) =>
        error.Status is (int)HttpStatusCode.PreconditionFailed
        || error.Status is (int)HttpStatusCode.Conflict && error.ErrorCode == TableErrorCode.EntityAlreadyExists
        || error.Status is (int)HttpStatusCode.NotFound && error.ErrorCode != TableErrorCode.TableNotFound;

    // A task that was cancelled though nobody asked for it is the client's time limit; what is no JSON is not the store's.
    private static bool IsStoreFailure(Exception error, CancellationToken cancellationToken) =>
        error is RequestFailedException or AggregateException or IOException or JsonException || error is OperationCanceledException && !cancellationToken.IsCancellationRequested;

    private async IAsyncEnumerable<JournalRow> QueryAsync(string filter, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await using var entities = table.QueryAsync<TableEntity>(filter, cancellationToken: cancellationToken).GetAsyncEnumerator(cancellationToken);
        while (true)
        {
            try
            {
                if (!await entities.MoveNextAsync()) yield break;
            }
            catch (Exception error) when (IsStoreFailure(error, cancellationToken))
            {
                throw Failed("reading rows", error);
            }

            yield return Row(entities.Current);
        }
    }

    private StoreException Failed(string what, Exception error) => new(
        $"{what} in table {table.Name}: {error.Message.Split('\n')[0].Trim()}", "The workflow journal must be reachable; see the account's table service.", error);
}
