using System.Collections.Concurrent;
using System.Globalization;
using System.Runtime.CompilerServices;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Repository;

/// <summary>The store contract in memory: the reference that the conformance suite holds the Azure driver against.</summary>
public sealed class MemoryObjectStore : IObjectStore
{
    private readonly TimeProvider? _times;

    public MemoryObjectStore(TimeProvider? times = null) => _times = times;

    private readonly ConcurrentDictionary<string, (byte[] Bytes, BlobProperties Properties)> _blobs = new(StringComparer.Ordinal);
    private long _version;

    public string DisplayName => "memory";

    public async Task<CreateOutcome> CreateAsync(string name, BlobContent content, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        var bytes = new byte[content.Length];
        await using (var stream = content.Open()) await stream.ReadExactlyAsync(bytes, cancellationToken);
        return _blobs.TryAdd(name, (bytes, NextProperties(bytes.Length))) ? CreateOutcome.Created : CreateOutcome.Exists;
    }

    public Task<BlobBytes?> ReadAsync(string name, long offset, int length, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, AzureBlobStore.MaxReadBytes);
        cancellationToken.ThrowIfCancellationRequested();
        if (!_blobs.TryGetValue(name, out var blob)) return Task.FromResult<BlobBytes?>(null);
        var from = (int)Math.Min(offset, blob.Bytes.Length);
        var count = Math.Min(length, blob.Bytes.Length - from);
        return Task.FromResult<BlobBytes?>(new BlobBytes(blob.Bytes.AsMemory(from, count).ToArray(), blob.Properties));
    }

    public Task<BlobProperties?> GetPropertiesAsync(string name, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        cancellationToken.ThrowIfCancellationRequested();
        return Task.FromResult(_blobs.TryGetValue(name, out var blob) ? blob.Properties : null);
    }

    public async IAsyncEnumerable<BlobEntry> ListAsync(string prefix, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var name in _blobs.Keys.Where(name => name.StartsWith(prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            cancellationToken.ThrowIfCancellationRequested();
            if (_blobs.TryGetValue(name, out var blob)) yield return new BlobEntry(name, blob.Properties);
        }
    }

    public Task<bool> DeleteAsync(string name, string etag, CancellationToken cancellationToken)
    {
        BlobNames.Validate(name);
        cancellationToken.ThrowIfCancellationRequested();
        if (!_blobs.TryGetValue(name, out var blob)) return Task.FromResult(true);
        return Task.FromResult(blob.Properties.ETag == etag && _blobs.TryRemove(new(name, blob)));
    }

    /// <summary>Puts any bytes under any name, as an attacker or a broken service would.</summary>
    public void Overwrite(string name, byte[] bytes) => _blobs[name] = (bytes, NextProperties(bytes.Length));

    /// <summary>Removes a blob without asking.</summary>
    public void Lose(string name) => _blobs.TryRemove(name, out _);

    /// <summary>The bytes of a blob.</summary>
    public byte[] Bytes(string name) => _blobs[name].Bytes;

    /// <summary>All names.</summary>
    public IEnumerable<string> Names => _blobs.Keys.Order(StringComparer.Ordinal);

    private BlobProperties NextProperties(long length) =>
        new(length, string.Create(CultureInfo.InvariantCulture, $"\"{Interlocked.Increment(ref _version):X}\""), _times?.GetUtcNow() ?? DateTimeOffset.UnixEpoch);
}
