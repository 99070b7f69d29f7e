using System.Globalization;
using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Holdfast.Core.Repository;

/// <summary>How the store answered an attempt that it should refuse.</summary>
/// <param name="Allowed">It did what was asked, or would have.</param>
/// <param name="Answer">Status and error code, for people.</param>
/// <param name="StoreTime">The store's clock, when it said.</param>
public sealed record ProbeAnswer(bool Allowed, string Answer, DateTimeOffset? StoreTime);

/// <summary>
/// Tries what a database host must not be able to do (I2). Nothing else in Holdfast overwrites or deletes without a version: these calls exist to be
/// refused, and are made so that nothing is lost when they are not.
/// </summary>
public sealed class RightsProbe
{
    private readonly BlobServices _services;
    private readonly StoreCalls _calls;

    internal RightsProbe(BlobServices services, StoreCalls calls) => (_services, _calls) = (services, calls);

    /// <summary>Puts a blob of the data container again, with the bytes that it has, and without the condition that forbids overwriting.</summary>
    /// <exception cref="StoreException">Neither done nor refused.</exception>
    public Task<ProbeAnswer> OverwriteAsync(string name, ReadOnlyMemory<byte> sameBytes, CancellationToken cancellationToken) =>
        AttemptAsync("overwrite", _services.Names.Data, name, async token =>
        {
            using var body = BlobContent.From(sameBytes).Open();
            return (await Blob(_services.Names.Data, name).UploadAsync(body, new BlobUploadOptions(), token).ConfigureAwait(false)).GetRawResponse();
        }, cancellationToken);

    /// <summary>Deletes a blob of the data container. When that is allowed, it is gone: give it one that nobody needs.</summary>
    /// <exception cref="StoreException">Neither done nor refused.</exception>
    public Task<ProbeAnswer> DeleteAsync(string name, CancellationToken cancellationToken) =>
        AttemptAsync("delete", _services.Names.Data, name, token => Blob(_services.Names.Data, name).DeleteAsync(DeleteSnapshotsOption.None, null, token), cancellationToken);

    /// <summary>
    /// Whether blobs could be put into the log's container. The put names a version that no blob has, so it is refused in any case (a foreign blob would
    /// spoil the log's listing): for want of rights with 401 or 403, before the store looks at the condition; else with 412.
    /// </summary>
    /// <exception cref="StoreException">Some other answer.</exception>
    public async Task<ProbeAnswer> WriteLogAsync(string name, CancellationToken cancellationToken)
    {
        var never = new BlobUploadOptions { Conditions = new BlobRequestConditions { IfMatch = new ETag("\"0x0000000000000000\"") } };
        var answer = await AttemptAsync("write", _services.Names.Log, name, async token =>
        {
            using var body = new MemoryStream();
            return (await Blob(_services.Names.Log, name).UploadAsync(body, never, token).ConfigureAwait(false)).GetRawResponse();
        }, cancellationToken).ConfigureAwait(false);
        return answer with { Allowed = answer.Allowed || answer.Answer.StartsWith("HTTP 412", StringComparison.Ordinal) };
    }

    private BlockBlobClient Blob(string container, string name)
    {
        BlobNames.Validate(name);
        return _services.Container(container).GetBlockBlobClient(name);
    }

    private Task<ProbeAnswer> AttemptAsync(string verb, string container, string name, Func<CancellationToken, Task<Response>> attempt, CancellationToken cancellationToken)
    {
        var display = _services.Container(container).Uri.GetLeftPart(UriPartial.Path);
        return _calls.RunAsync(new StoreCall($"see whether the store lets this host {verb}", display, name), async token =>
        {
            try
            {
                var done = await attempt(token).ConfigureAwait(false);
                return new ProbeAnswer(true, string.Create(CultureInfo.InvariantCulture, $"HTTP {done.Status}"), done.Headers.Date);
            }
            catch (RequestFailedException e) when (e.Status is 401 or 403 or 409 or 412)
            {
                return new ProbeAnswer(false, string.Create(CultureInfo.InvariantCulture, $"HTTP {e.Status} {e.ErrorCode}").TrimEnd(), e.GetRawResponse()?.Headers.Date);
            }
        }, cancellationToken);
    }
}
