using System.Globalization;
using System.Runtime.CompilerServices;
using Azure;
using Azure.Storage;
using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Holdfast.Core.Repository;

/// <summary>
/// A container in Azure Blob Storage. Made by <see cref="BlobServices"/>, whose clients neither retry nor log by themselves: repetition is
/// <see cref="StoreCalls"/>' alone.
/// </summary>
public sealed class AzureBlobStore : IObjectStore
{
    /// <summary>Most bytes that one Put Blob takes (5000 MiB; learn.microsoft.com/rest/api/storageservices/put-blob, version 2019-12-12 and later).</summary>
    public const long MaxBlobBytes = 5000L << 20;

    /// <summary>Most bytes that one read asks for.</summary>
    public const int MaxReadBytes = 64 << 20;

    /// <summary>Most names that one page of a listing carries (learn.microsoft.com/rest/api/storageservices/list-blobs, maxresults).</summary>
    private const int ListPageSize = 5000;

    private static readonly StorageTransferOptions OnePut =
        new() { InitialTransferSize = MaxBlobBytes, MaximumTransferSize = MaxBlobBytes, MaximumConcurrency = 1 };

    private readonly BlobContainerClient _container;
    private readonly StoreCalls _calls;

    internal AzureBlobStore(BlobContainerClient container, StoreCalls calls)
    {
        _container = container;
        _calls = calls;
        DisplayName = container.Uri.GetLeftPart(UriPartial.Path);
    }

    /// <inheritdoc/>
    public string DisplayName { get; }

    /// <inheritdoc/>
    public async Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, MaxBlobBytes);
        var call = Call("create", name, content.Length);
        var refusal = await _calls.RunAsync(call, token => PutAsync(name, content, token), cancellationToken).ConfigureAwait(false);
        if (refusal is null) return CreateOutcome.Created;
        if (refusal is { Status: 409, ErrorCode: "BlobAlreadyExists" }) return CreateOutcome.Exists;
        return await ExistsAfterRefusalAsync(call, refusal, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, MaxReadBytes);
        var read = new RangeRead(_container.GetBlobBaseClient(name), offset, length);
        var answer = await _calls.RunAsync(Call("read", name, length), read.AttemptAsync, cancellationToken).ConfigureAwait(false);
        switch (answer)
        {
            case RangeAnswer.Bytes:
                return read.Result;
            case RangeAnswer.NotFound:
                await ConfirmAbsenceAsync("read", name, read.NotFoundCode, cancellationToken).ConfigureAwait(false);
                return null;
            default: // beyond the end, or the blob is empty: HEAD has the properties that the 416 lacks
                var properties = await GetPropertiesAsync(name, cancellationToken).ConfigureAwait(false);
                if (properties?.Length > offset)
                    throw new StoreException($"could not {Call("read", name)}: the store has no byte at {offset}, yet says the length is {properties.Length}");
                return properties is null ? null : new BlobBytes(default, properties);
        }
    }

    /// <inheritdoc/>
    public async Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        var (properties, missing) = await _calls.RunAsync(Call("examine", name), token => HeadAsync(name, token), cancellationToken).ConfigureAwait(false);
        if (missing is not null) await ConfirmAbsenceAsync("examine", name, missing.ErrorCode, cancellationToken).ConfigureAwait(false);
        return properties;
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? marker = null;
        do
        {
            var from = marker;
            var page = await _calls.RunAsync(Call("list", prefix), token => ListPageAsync(prefix, from, token), cancellationToken).ConfigureAwait(false);
            foreach (var item in page.Values) yield return Entry(item);
            marker = page.ContinuationToken;
        }
        while (!string.IsNullOrEmpty(marker));
    }

    /// <inheritdoc/>
    public async Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        ArgumentException.ThrowIfNullOrEmpty(etag);
        var call = Call("delete", name);
        var refusal = await _calls.RunAsync(call, token => DeleteOnceAsync(name, etag, token), cancellationToken).ConfigureAwait(false);
        if (refusal is null) return true;
        if (refusal.Status == 404)
        {
            await ConfirmAbsenceAsync("delete", name, refusal.ErrorCode, cancellationToken).ConfigureAwait(false);
            return true;
        }
        // 412 says that a condition failed, not which (a lease is one, too): look which version is there.
        var there = await GetPropertiesAsync(name, cancellationToken).ConfigureAwait(false);
        if (there?.ETag == etag) throw Refused(call, refusal, "although the version is the one to delete");
        return there is null;
    }

    private async Task<Refusal?> PutAsync(string name, BlobContent content, CancellationToken token)
    {
        await using var body = content.Open();
        if (body.Length - body.Position != content.Length)
            throw new DamagedException($"could not {Call("create", name)}: its content has {body.Length - body.Position} bytes, expected {content.Length}");
        var options = new BlobUploadOptions { TransferOptions = OnePut, Conditions = new() { IfNoneMatch = ETag.All } };
        try
        {
            var answer = await _container.GetBlockBlobClient(name).UploadAsync(body, options, token).ConfigureAwait(false);
            if (answer.Value.ETag == default) throw new StoreException($"could not {Call("create", name)}: the answer has no ETag, so it is not the store's");
            return null;
        }
        catch (RequestFailedException e) when (e.Status is 403 or 409 or 412)
        {
            return new Refusal(e);
        }
    }

    /// <summary>A refusal may mean that the name is taken (also by our own attempt whose answer was lost), or that we may not write: look.</summary>
    private async Task<CreateOutcome> ExistsAfterRefusalAsync(StoreCall call, Refusal refusal, CancellationToken cancellationToken)
    {
        BlobProperties? there;
        try
        {
            there = await GetPropertiesAsync(call.Name!, cancellationToken).ConfigureAwait(false);
        }
        catch (StoreException e)
        {
            throw Refused(call, refusal, $"and whether the name is taken cannot be told ({e.Message})");
        }
        return there is not null ? CreateOutcome.Exists : throw Refused(call, refusal, "although the name is free");
    }

    private async Task<(BlobProperties? Properties, Refusal? Missing)> HeadAsync(string name, CancellationToken token)
    {
        try
        {
            var head = (await _container.GetBlobBaseClient(name).GetPropertiesAsync(conditions: null, token).ConfigureAwait(false)).Value;
            if (head.ETag == default) throw new BodyCutException("an answer without an ETag, so not the store's");
            return (new BlobProperties(head.ContentLength, head.ETag.ToString("H"), head.LastModified), null);
        }
        catch (RequestFailedException e) when (e.Status == 404 && e.ErrorCode != ContainerNotFound)
        {
            return (null, new Refusal(e));
        }
    }

    private async Task<Page<BlobItem>> ListPageAsync(string prefix, string? marker, CancellationToken token)
    {
        var pages = _container.GetBlobsAsync(new GetBlobsOptions { Prefix = prefix }, token).AsPages(marker, ListPageSize);
        try
        {
            await foreach (var page in pages.WithCancellation(token).ConfigureAwait(false)) return page;
        }
        catch (NullReferenceException) // what the SDK makes of XML that is no listing, such as a captive portal's page
        {
        }
        throw new BodyCutException("an answer that is no listing");
    }

    private async Task<Refusal?> DeleteOnceAsync(string name, string etag, CancellationToken token)
    {
        try
        {
            await _container.GetBlobBaseClient(name)
                .DeleteAsync(DeleteSnapshotsOption.None, new BlobRequestConditions { IfMatch = new ETag(etag) }, token).ConfigureAwait(false);
            return null;
        }
        catch (RequestFailedException e) when (e.Status == 412 || e.Status == 404 && e.ErrorCode != ContainerNotFound)
        {
            return new Refusal(e);
        }
    }

    /// <summary>
    /// Returns if the blob is absent. Only BlobNotFound says so by itself; after any other 404 a listing decides, which must come from the container:
    /// a proxy, a captive portal and a wrong endpoint say 404 as well (I7).
    /// </summary>
    private async Task ConfirmAbsenceAsync(string verb, string name, string? errorCode, CancellationToken cancellationToken)
    {
        if (errorCode == BlobNotFound) return;
        var answer = $"HTTP 404 {errorCode ?? "without an error code"}";
        try
        {
            await foreach (var entry in ListAsync(name, cancellationToken).ConfigureAwait(false))
            {
                if (entry.Name != name) break; // the name itself would come first
                throw new StoreException($"could not {Call(verb, name)}: {answer}, yet a listing shows it", StoreFailure.ProxyHint);
            }
        }
        catch (StoreCallException e)
        {
            throw new StoreCallException($"could not {Call(verb, name)}: {answer} does not say that the blob is absent, and a listing fails ({e.Message})",
                StoreFailure.ProxyHint, 404, errorCode, e.Attempts);
        }
    }

    internal const string BlobNotFound = "BlobNotFound";
    internal const string ContainerNotFound = "ContainerNotFound";

    private static BlobEntry Entry(BlobItem item) => new(item.Name, new BlobProperties(
        item.Properties.ContentLength ?? throw new StoreException($"the listing gives no length for \"{item.Name}\""),
        item.Properties.ETag?.ToString("H") ?? throw new StoreException($"the listing gives no ETag for \"{item.Name}\""),
        item.Properties.LastModified ?? default));

    private StoreCallException Refused(StoreCall call, Refusal refusal, string why) =>
        new($"could not {call}: refused with {refusal.Failure.Text}, {why}",
            _calls.HintFor(call, refusal.Failure), refusal.Status, refusal.ErrorCode, attempts: 1);

    private StoreCall Call(string verb, string? name, long bytes = 0) => new(verb, DisplayName, name, bytes);

    /// <summary>A 4xx that the operation itself has to understand.</summary>
    private sealed class Refusal(RequestFailedException answer)
    {
        public int Status => answer.Status;

        public string? ErrorCode => answer.ErrorCode;

        public StoreFailure Failure => StoreFailure.From(answer, TimeProvider.System)!;
    }
}
