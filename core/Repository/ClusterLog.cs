using System.Runtime.CompilerServices;
using System.Text.Json;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// Reads and verifies a cluster's log (design §4; <c>docs/format.md</c>). Holds no state: what a caller knows it passes in, as a
/// <see cref="LogView"/> or, when only a head is remembered (a recovery kit), as a <see cref="LogHead"/>. Safe to use from several threads.
/// </summary>
/// <param name="store">The log's container.</param>
/// <param name="pinned">The control plane's keys, from this machine's configuration: never because the log says so.</param>
/// <param name="cluster">The cluster's name from the configuration; null: whichever the log is of.</param>
public sealed partial class ClusterLog(IObjectStore store, IReadOnlyList<VerifyingKey> pinned, string? cluster = null)
{
    private const int ReadAhead = 16;

    /// <summary>Whether there is an entry after <paramref name="head"/>: one probe. What archive-push asks before it counts on its
    /// registration.</summary>
    public Task<bool> HasNewEntriesAsync(LogHead head, CancellationToken cancellationToken) =>
        LogTail.ExistsAsync(store, head.Number + 1, cancellationToken);

    /// <summary>
    /// Reads the state: from the last checkpoint on, verifying signature, chaining and legality of every entry read, and that
    /// <paramref name="lastKnown"/> is still there, unchanged. Between a head older than the checkpoint and the checkpoint nothing is read.
    /// </summary>
    /// <exception cref="RefusedException">There is no log, it went backwards or was replaced, is another cluster's, or a newer
    /// Holdfast's.</exception>
    /// <exception cref="DamagedException">An entry is missing, changed, or not signed by a pinned key.</exception>
    public async Task<LogView> ReadStateAsync(LogHead? lastKnown, CancellationToken cancellationToken)
    {
        var tail = await LogTail.FindAsync(store, lastKnown?.Number ?? -1, cancellationToken).ConfigureAwait(false);
        if (tail < 0) throw NoLog();
        var start = tail - tail % LogEntry.CheckpointInterval;
        if (lastKnown is not null && lastKnown.Number < start) await CheckKnownAsync(lastKnown, cancellationToken).ConfigureAwait(false);
        LogView? view = null;
        await foreach (var entry in ReadEntriesAsync(start, tail, lastKnown, cancellationToken).ConfigureAwait(false))
            view = view is null ? LogView.StartingAt(entry) : view.Follow(entry);
        return Expected(view!);
    }

    /// <summary>
    /// As <see cref="ReadStateAsync"/>, from a view that was read before: only what is new is read, and it must continue that view. When
    /// nothing is
    /// new: one probe, and one read to see that the known head is still there.
    /// </summary>
    public async Task<LogView> AdvanceAsync(LogView known, CancellationToken cancellationToken)
    {
        var tail = await LogTail.FindAsync(store, known.Head.Number, cancellationToken).ConfigureAwait(false);
        if (tail == known.Head.Number)
        {
            if (known.Last is not null) await CheckKnownAsync(known.Head, cancellationToken).ConfigureAwait(false);
            return known;
        }

        var view = known;
        await foreach (var entry in ReadEntriesAsync(known.Head.Number + 1, tail, null, cancellationToken).ConfigureAwait(false))
            view = view.Follow(entry);
        return Expected(view);
    }

    /// <summary>
    /// Verifies the whole log from entry 0, in constant memory: names dense and nothing else in the container, every signature, the
    /// chain, every
    /// transition, each checkpoint equal to the fold, and <paramref name="lastKnown"/> among them.
    /// </summary>
    /// <exception cref="RefusedException">As <see cref="ReadStateAsync"/>.</exception>
    /// <exception cref="DamagedException">As <see cref="ReadStateAsync"/>; or a checkpoint differs from the fold, or a foreign blob is
    /// there.</exception>
    public async Task<LogView> VerifyAllAsync(LogHead? lastKnown, CancellationToken cancellationToken)
    {
        var tail = await ListTailAsync(cancellationToken).ConfigureAwait(false);
        if (tail < 0) throw NoLog();
        if (lastKnown is not null && lastKnown.Number > tail) throw WentBackwards(lastKnown);
        var view = LogView.Nothing;
        await foreach (var entry in ReadEntriesAsync(0, tail, lastKnown, cancellationToken).ConfigureAwait(false))
        {
            CheckCheckpoint(view.State, entry.Entry);
            view = view.Follow(entry);
        }

        return Expected(view);
    }

    /// <summary>Reads one entry that must be there, and verifies its signature; what comes before and after it is not looked at.</summary>
    /// <exception cref="DamagedException">Missing, or not signed by a pinned key.</exception>
    public Task<SignedLogEntry> ReadEntryAsync(long number, CancellationToken cancellationToken) => ReadEntryAsync(number, null, cancellationToken);

    private async Task<long> ListTailAsync(CancellationToken cancellationToken)
    {
        long next = 0;
        await foreach (var blob in store.ListAsync("", cancellationToken).ConfigureAwait(false))
        {
            var expected = LogEntry.BlobName(next);
            if (blob.Name != expected)
                throw new DamagedException($"listing the log in {store.DisplayName}: expected {expected} (entry {next}) next, found {blob.Name}",
                    string.CompareOrdinal(blob.Name, expected) > 0
                        ? $"entry {next} was deleted, or its number was skipped: restore it from a replica"
                        : "only the control plane may write here: check who else has the right to");
            next++;
        }

        return next - 1;
    }

    private static void CheckCheckpoint(ClusterState fold, LogEntry entry)
    {
        if (entry.State is not { } state) return;
        var expected = JsonSerializer.SerializeToUtf8Bytes(fold, LogJson.Default.ClusterState);
        if (!expected.AsSpan().SequenceEqual(JsonSerializer.SerializeToUtf8Bytes(state, LogJson.Default.ClusterState)))
            throw new DamagedException($"verifying log entry {entry.Number}: the state it carries is not the fold of the entries before it",
                "readers start from it: stop the control plane, and report this with both versions of Holdfast");
    }

    private async IAsyncEnumerable<SignedLogEntry> ReadEntriesAsync(
        long from, long to, LogHead? lastKnown, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var ahead = new Queue<Task<SignedLogEntry>>(ReadAhead);
        for (var number = from; number <= to || ahead.Count > 0;)
        {
            while (number <= to && ahead.Count < ReadAhead) ahead.Enqueue(ReadEntryAsync(number++, lastKnown, cancellationToken));
            yield return await ahead.Dequeue().ConfigureAwait(false);
        }
    }

    private Task CheckKnownAsync(LogHead known, CancellationToken cancellationToken) =>
        ReadEntryAsync(known.Number, known, cancellationToken);

    /// <summary>Reads and verifies one entry that must be there; compares it with the known head when it is that.</summary>
    private async Task<SignedLogEntry> ReadEntryAsync(long number, LogHead? lastKnown, CancellationToken cancellationToken)
    {
        if (await ReadBytesAsync(number, cancellationToken).ConfigureAwait(false) is not { } bytes)
            throw number <= lastKnown?.Number ? WentBackwards(lastKnown) : new DamagedException(
                $"reading log entry {number}: it is absent from {store.DisplayName}, though a later one is there",
                "entries are never deleted: restore this one from a replica, or undelete it");
        var entry = LogEntryCodec.Decode(bytes, number, pinned);
        if (number == lastKnown?.Number && entry.Head.Hash != lastKnown.Hash)
            throw new RefusedException(
                $"reading log entry {number}: expected SHA-256 {lastKnown.Hash}, as seen before, found {entry.Head.Hash}: the log was replaced",
                "another log was restored into this container: bring back the original before anything else is written");
        return entry;
    }

    /// <summary>The bytes of an entry, one more than allowed when it is too long; null when absent. A checkpoint may need a second
    /// request.</summary>
    private async Task<ReadOnlyMemory<byte>?> ReadBytesAsync(long number, CancellationToken cancellationToken)
    {
        const int First = LogEntryCodec.MaxEntryBytes + 1;
        var name = LogEntry.BlobName(number);
        var blob = await store.ReadAsync(name, 0, First, cancellationToken).ConfigureAwait(false);
        if (blob is null || blob.Properties.Length <= blob.Bytes.Length || LogEntryCodec.MaxBytes(number) < First) return blob?.Bytes;
        var whole = await store.ReadAsync(name, 0, LogEntryCodec.MaxCheckpointBytes + 1, cancellationToken).ConfigureAwait(false);
        return whole?.Bytes;
    }

    private LogView Expected(LogView view) =>
        cluster is null || view.State.Cluster?.Name == cluster
            ? view
            : throw new RefusedException(
                $"reading the log in {store.DisplayName}: expected cluster \"{cluster}\", found cluster \"{view.State.Cluster?.Name}\"",
                "the container or the configured cluster is the wrong one");

    private RefusedException NoLog() =>
        new($"reading the log in {store.DisplayName}: {LogEntry.BlobName(0)} is absent, so there is no cluster",
            "run \"holdfast init\", or check account and container");

    private RefusedException WentBackwards(LogHead known) =>
        new($"reading the log in {store.DisplayName}: entry {known.Number} was seen before and is absent: the log went backwards",
            "an older copy of the account was restored, or entries were deleted: bring them back before anything else is written");
}
