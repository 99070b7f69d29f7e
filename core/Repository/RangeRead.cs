using Azure;
using Azure.Storage.Blobs.Models;
using Azure.Storage.Blobs.Specialized;

namespace Holdfast.Core.Repository;

/// <summary>How one ranged GET ended, where it did not fail.</summary>
internal enum RangeAnswer
{
    /// <summary>The bytes are in <see cref="RangeRead.Result"/>.</summary>
    Bytes,

    /// <summary>HTTP 404, and not for the container.</summary>
    NotFound,

    /// <summary>HTTP 416: no byte of the range exists.</summary>
    BeyondEnd,
}

/// <summary>
/// One range of one version of a blob, read into one buffer of exactly its size. Attempts go on where the one before broke off, pinned to the version
/// (If-Match) whose bytes are already there.
/// </summary>
internal sealed class RangeRead(BlobBaseClient blob, long offset, int length)
{
    private byte[]? _buffer;
    private int _filled;
    private BlobProperties? _properties;

    /// <summary>After <see cref="RangeAnswer.Bytes"/>.</summary>
    public BlobBytes Result => new(_buffer, _properties!);

    /// <summary>After <see cref="RangeAnswer.NotFound"/>: the store's error code, if it gave one.</summary>
    public string? NotFoundCode { get; private set; }

    public async Task<RangeAnswer> AttemptAsync(CancellationToken token)
    {
        var from = offset + _filled;
        try
        {
            var options = new BlobDownloadOptions
            {
                Range = new HttpRange(from, offset + (_buffer?.Length ?? length) - from),
                Conditions = _properties is null ? null : new BlobRequestConditions { IfMatch = new ETag(_properties.ETag) },
            };
            using var answer = (await blob.DownloadStreamingAsync(options, token).ConfigureAwait(false)).Value;
            if (!TryPrepare(answer.Details, from)) return RangeAnswer.BeyondEnd;
            await FillAsync(answer.Content, token).ConfigureAwait(false);
            return RangeAnswer.Bytes;
        }
        catch (RequestFailedException e) when (e.Status == 404 && e.ErrorCode != AzureBlobStore.ContainerNotFound)
        {
            NotFoundCode = e.ErrorCode;
            return RangeAnswer.NotFound;
        }
        catch (RequestFailedException e) when (e.Status == 416 && _properties is null)
        {
            return RangeAnswer.BeyondEnd;
        }
        catch (RequestFailedException e) when (e.Status is 412 or 416 && _properties is not null)
        {
            (_buffer, _filled, _properties) = (null, 0, null);
            throw new BodyCutException("another version took the place of the one that was being read");
        }
    }

    /// <summary>
    /// Takes length and version from the headers; refuses an answer that is not for the range asked for. False when the blob ends before the range:
    /// Azurite answers 206 for "bytes 10-9/10" where Azure answers 416.
    /// </summary>
    private bool TryPrepare(BlobDownloadDetails details, long from)
    {
        var (first, last, total) = ContentRange(details);
        if (_properties is null && total <= offset) return false;
        if (details.ETag == default || first != from || last < first || last >= total)
            throw new BodyCutException($"an answer for bytes {first} to {last} of {total} where those from {from} were asked for");
        var expected = checked((int)Math.Min(length, total - offset));
        if (last != offset + expected - 1)
            throw new BodyCutException($"an answer that ends at byte {last} of {total} where {expected} bytes from {offset} were asked for");
        _buffer ??= GC.AllocateUninitializedArray<byte>(expected);
        if (_buffer.Length != expected) throw new BodyCutException("the blob's length changed while it was being read");
        _properties ??= new BlobProperties(total, details.ETag.ToString("H"), details.LastModified);
        return true;
    }

    private async Task FillAsync(Stream body, CancellationToken token)
    {
        while (_filled < _buffer!.Length)
        {
            var got = await body.ReadAsync(_buffer.AsMemory(_filled), token).ConfigureAwait(false);
            if (got == 0) throw new BodyCutException($"the answer's body ended {_buffer.Length - _filled} bytes early");
            _filled += got;
        }
    }

    /// <summary>First and last byte and the blob's length, from <c>bytes a-b/n</c>; without that header (200) the body is the whole blob.</summary>
    private static (long First, long Last, long Total) ContentRange(BlobDownloadDetails details)
    {
        if (details.ContentRange is not { } text) return (0, details.ContentLength - 1, details.ContentLength);
        var span = text.AsSpan();
        int space = span.IndexOf(' '), dash = span.IndexOf('-'), slash = span.IndexOf('/');
        return space > 0 && dash > space && slash > dash
            && long.TryParse(span[(space + 1)..dash], out var first)
            && long.TryParse(span[(dash + 1)..slash], out var last)
            && long.TryParse(span[(slash + 1)..], out var total)
            ? (first, last, total)
            : throw new BodyCutException($"a Content-Range of \"{text}\"");
    }
}
