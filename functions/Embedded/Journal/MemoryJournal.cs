using System.Runtime.CompilerServices;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>A journal that lives as long as the process: for tests. It keeps the contract exactly, limits and ETags included.</summary>
public sealed class MemoryJournal : IJournal
{
    private readonly SortedDictionary<(string Partition, string Key), JournalRow> _rows = new(Comparer<(string Partition, string Key)>.Create((left, right) =>
        string.CompareOrdinal(left.Partition, right.Partition) is var order and not 0 ? order : string.CompareOrdinal(left.Key, right.Key)));

    private long _writes;

    /// <inheritdoc/>
    public Task CreateIfMissingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    /// <inheritdoc/>
    public Task<JournalRow?> ReadAsync(string partition, string key, CancellationToken cancellationToken)
    {
        lock (_rows) return Task.FromResult(_rows.GetValueOrDefault((partition, key)));
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<JournalRow> ReadRangeAsync(string partition, string prefix, CancellationToken cancellationToken) =>
        RowsAsync(row => row.Partition == partition && row.Key.StartsWith(prefix, StringComparison.Ordinal), cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<JournalRow> ReadEverywhereAsync(string key, CancellationToken cancellationToken) => RowsAsync(row => row.Key == key, cancellationToken);

    /// <inheritdoc/>
    public Task<string?> WriteAsync(string partition, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken)
    {
        JournalLimits.Check(partition, writes);
        lock (_rows)
        {
            if (!writes.All(write => Holds(partition, write))) return Task.FromResult<string?>(null);
            foreach (var write in writes) Apply(partition, write);
            return Task.FromResult<string?>(_rows.GetValueOrDefault((partition, writes[0].Key))?.ETag ?? "deleted");
        }
    }

    private bool Holds(string partition, JournalWrite write)
    {
        var row = _rows.GetValueOrDefault((partition, write.Key));
        return write switch
        {
            JournalWrite.Insert => row is null,
            JournalWrite.Replace replace => row?.ETag == replace.ETag,
            JournalWrite.Delete => row is not null,
            _ => true,
        };
    }

    private void Apply(string partition, JournalWrite write)
    {
        if (write.Values is null) _rows.Remove((partition, write.Key));
        else _rows[(partition, write.Key)] = new JournalRow(partition, write.Key, $"{++_writes}", new JournalValues(write.Values));
    }

    private async IAsyncEnumerable<JournalRow> RowsAsync(Func<JournalRow, bool> isMeant, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        JournalRow[] rows;
        lock (_rows) rows = [.. _rows.Values.Where(isMeant)];
        foreach (var row in rows)
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return row;
        }

        await Task.CompletedTask;
    }
}
