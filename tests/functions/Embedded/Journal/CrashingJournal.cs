using Holdfast.Core;
using Holdfast.Functions.Embedded.Journal;

namespace Holdfast.Tests.Functions.Embedded.Journal;

/// <summary>What becomes of the write at which the process dies.</summary>
public enum Crash
{
    /// <summary>It never reached the store.</summary>
    Before,

    /// <summary>It took effect; the answer reached nobody.</summary>
    After,
}

/// <summary>
/// A process that dies at its n-th write: from then on nothing it does reaches the store. With <see cref="Heals"/> only that one call fails: an answer
/// that got lost, or a store that was away for a moment.
/// </summary>
internal sealed class CrashingJournal(IJournal inner, int crashAt, Crash crash) : IJournal
{
    private int _writes;
    private volatile bool _isDead;

    /// <summary>How many writes were begun.</summary>
    public int Writes => Volatile.Read(ref _writes);

    /// <summary>The process lives on.</summary>
    public bool Heals { get; init; }

    /// <summary>Whether the process has died.</summary>
    public bool IsDead => _isDead;

    /// <summary>Completes at the crash, when it is known what the store holds.</summary>
    public TaskCompletionSource Crashed { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Task CreateIfMissingAsync(CancellationToken cancellationToken) => inner.CreateIfMissingAsync(cancellationToken);

    public Task<JournalRow?> ReadAsync(string partition, string key, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        return inner.ReadAsync(partition, key, cancellationToken);
    }

    public IAsyncEnumerable<JournalRow> ReadRangeAsync(string partition, string prefix, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        return inner.ReadRangeAsync(partition, prefix, cancellationToken);
    }

    public IAsyncEnumerable<JournalRow> ReadEverywhereAsync(string key, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        return inner.ReadEverywhereAsync(key, cancellationToken);
    }

    public async Task<string?> WriteAsync(string partition, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken)
    {
        ThrowIfDead();
        if (Interlocked.Increment(ref _writes) != crashAt) return await inner.WriteAsync(partition, writes, cancellationToken);
        _isDead = !Heals;
        if (crash == Crash.After) await inner.WriteAsync(partition, writes, CancellationToken.None);
        Crashed.TrySetResult();
        throw new StoreException("the process died here");
    }

    private void ThrowIfDead()
    {
        if (_isDead) throw new StoreException("the process is dead");
    }
}
