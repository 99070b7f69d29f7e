namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// A table of rows in partitions, as far as the engine needs one: rows ordered by key (ordinal, as Azure Tables sorts), and transactions over one partition.
/// </summary>
/// <remarks>
/// The contract of every write: it takes effect as a whole or not at all; when it returns an ETag it is durable; when it throws, it may or may not have taken
/// effect (the engine reads back), and it may be repeated. What exceeds <see cref="JournalLimits"/> is refused before anything is sent.
/// </remarks>
public interface IJournal
{
    /// <summary>Makes the table if it is not there.</summary>
    Task CreateIfMissingAsync(CancellationToken cancellationToken);

    /// <summary>One row, or null when there is none.</summary>
    Task<JournalRow?> ReadAsync(string partition, string key, CancellationToken cancellationToken);

    /// <summary>The rows of a partition whose key starts with <paramref name="prefix"/>, in the order of their keys.</summary>
    IAsyncEnumerable<JournalRow> ReadRangeAsync(string partition, string prefix, CancellationToken cancellationToken);

    /// <summary>The rows of that key in all partitions: a scan of the whole table.</summary>
    IAsyncEnumerable<JournalRow> ReadEverywhereAsync(string key, CancellationToken cancellationToken);

    /// <summary>
    /// One transaction. The ETag of the first row written; null when the condition of any write does not hold: then nothing was written.
    /// </summary>
    /// <exception cref="Core.StoreException">The store refused or could not be reached: whether it took effect is unknown.</exception>
    /// <exception cref="JournalLimitException">It exceeds a bound; nothing was sent.</exception>
    Task<string?> WriteAsync(string partition, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken);
}

/// <summary>A row that was read.</summary>
public sealed record JournalRow(string Partition, string Key, string ETag, JournalValues Values);

/// <summary>One write of a transaction, with its condition.</summary>
/// <param name="Key">The row.</param>
/// <param name="Values">What it holds afterwards; null for a deletion.</param>
public abstract record JournalWrite(string Key, JournalValues? Values)
{
    /// <summary>The row must not exist.</summary>
    public sealed record Insert(string Key, JournalValues Values) : JournalWrite(Key, Values);

    /// <summary>The row must be the one that was read.</summary>
    public sealed record Replace(string Key, JournalValues Values, string ETag) : JournalWrite(Key, Values);

    /// <summary>Whether the row exists or not.</summary>
    public sealed record Put(string Key, JournalValues Values) : JournalWrite(Key, Values);

    /// <summary>The row must exist, whatever it holds.</summary>
    public sealed record Delete(string Key) : JournalWrite(Key, null);
}
