using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

/// <summary>Counts calls, and lets a test lose answers.</summary>
internal sealed class HookedStore(IObjectStore inner) : IObjectStore
{
    public int Probes, Reads, Creates;

    /// <summary>Replaces or wraps a create.</summary>
    public Func<string, Func<Task<CreateOutcome>>, Task<CreateOutcome>> OnCreate { get; set; } = (_, create) => create();

    public string DisplayName => inner.DisplayName;

    public Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref Creates);
        return OnCreate(name, () => inner.CreateAsync(name, content, cancellationToken));
    }

    public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref Reads);
        return inner.ReadAsync(name, offset, length, cancellationToken);
    }

    public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken)
    {
        Interlocked.Increment(ref Probes);
        return inner.GetPropertiesAsync(name, cancellationToken);
    }

    public IAsyncEnumerable<BlobEntry> ListAsync(string prefix, CancellationToken cancellationToken) => inner.ListAsync(prefix, cancellationToken);

    public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken) => throw new NotSupportedException("nobody deletes from a log");
}
