namespace Holdfast.Core.Repository;

/// <summary>
/// One container of a blob service, as little of it as Holdfast needs. These comments are the contract; one conformance suite holds every
/// implementation to it.
/// <list type="bullet">
/// <item>Names are relative to the container and compared by ordinal bytes. What <see cref="BlobNames.IsValid"/> refuses is an
/// <see cref="ArgumentException"/>: URLs or Azure would turn it into another name.</item>
/// <item>Absence is a value (null, or <see cref="CreateOutcome"/>), only ever returned because the store said so for that name. A missing
/// container is not an absent blob. All other trouble is a <see cref="StoreException"/> after retries (invariant I7).</item>
/// <item>Every call may be repeated. Retries, their deadline and their jitter are inside the implementation; callers do not retry.</item>
/// </list>
/// </summary>
public interface IObjectStore
{
    /// <summary>What messages call this container: never with credentials.</summary>
    string DisplayName { get; }

    /// <summary>
    /// Creates a blob by one atomic Put Blob with If-None-Match: *, whole or not at all; never staged blocks, never an overwrite (I1).
    /// <see cref="CreateOutcome.Exists"/> means only that the name is taken, maybe by an earlier attempt of this very call whose answer was
    /// lost, maybe that the store refuses to overwrite (409, 412, or 403 while the name exists): the caller reads what is there and decides (I3).
    /// </summary>
    /// <param name="name">The blob's name.</param>
    /// <param name="content">Opened anew for each attempt.</param>
    /// <param name="cancellationToken">Cancels; the blob may then exist or not.</param>
    /// <exception cref="StoreException">Refused, or unreachable until the deadline: the blob may exist or not.</exception>
    Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken);

    /// <summary>
    /// Reads <paramref name="length"/> bytes from <paramref name="offset"/>, fewer where the blob ends; null when the blob is absent.
    /// A body cut short on the way is retried, never returned as if it were the end. The read is of one version: <see cref="BlobBytes.ETag"/>.
    /// <see cref="BlobBytes.Properties"/> have the length of the whole blob; <see cref="WholeBlobs.ReadWholeAsync"/> builds on that.
    /// </summary>
    /// <param name="name">The blob's name.</param>
    /// <param name="offset">First byte, from 0. At or beyond the end: zero bytes, with the properties.</param>
    /// <param name="length">1 to 64 MiB.</param>
    /// <param name="cancellationToken">Cancels.</param>
    Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken);

    /// <summary>Length, ETag and time of a blob; null when absent.</summary>
    Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken);

    /// <summary>All blobs whose name starts with <paramref name="prefix"/>, in ordinal order of their names, page by page.</summary>
    IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken);

    /// <summary>Deletes the version with that ETag. True when this call or an earlier one deleted it; false when another version is there.</summary>
    Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken);
}

/// <summary>What became of <see cref="IObjectStore.CreateAsync"/>.</summary>
public enum CreateOutcome
{
    /// <summary>This call created the blob and the store acknowledged it.</summary>
    Created,

    /// <summary>The name is taken; by whom is for the caller to read.</summary>
    Exists,
}

/// <summary>A body that can be sent again: <see cref="Open"/> gives a new seekable stream of <see cref="Length"/> bytes at each call.</summary>
public sealed record BlobContent(long Length, Func<Stream> Open)
{
    /// <summary>The content of a buffer, which must not change until the call is over.</summary>
    public static BlobContent From(ReadOnlyMemory<byte> bytes) =>
        new(bytes.Length, () => System.Runtime.InteropServices.MemoryMarshal.TryGetArray(bytes, out var segment)
            ? new MemoryStream(segment.Array!, segment.Offset, segment.Count, writable: false)
            : new MemoryStream(bytes.ToArray(), writable: false));
}

/// <summary>Properties of one version of a blob.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="ETag">Opaque version, quoted as the service gives it.</param>
/// <param name="LastModified">The store's clock.</param>
public sealed record BlobProperties(long Length, string ETag, DateTimeOffset LastModified);

/// <summary>Some bytes of one version of a blob.</summary>
/// <param name="Bytes">The bytes of the range asked for.</param>
/// <param name="Properties">Of the whole blob.</param>
public sealed record BlobBytes(ReadOnlyMemory<byte> Bytes, BlobProperties Properties)
{
    /// <summary>The version read.</summary>
    public string ETag => Properties.ETag;
}

/// <summary>One row of a listing.</summary>
/// <param name="Name">The blob's name.</param>
/// <param name="Properties">Its properties.</param>
public sealed record BlobEntry(string Name, BlobProperties Properties);
