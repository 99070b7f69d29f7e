using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

public sealed partial class ClusterLog
{
    /// <summary>
    /// Decides on the newest state and writes the decision as the next entry. Who loses the race for the number reads on and decides
    /// again, so
    /// <paramref name="decide"/> must be pure: it may be called many times, and only its last answer counts.
    /// </summary>
    /// <param name="decide">The event, or null when there is nothing (more) to do: nothing is written then. May throw to refuse.</param>
    /// <param name="key">The control plane's key, one of the pinned ones.</param>
    /// <param name="time">The clock for the entry's time.</param>
    /// <param name="known">A view read before, to save reading; null: read from the last checkpoint.</param>
    /// <param name="cancellationToken">Cancels; the entry may then be written or not.</param>
    /// <returns>The view the decision was made on, when it was null; else the view that ends in the new entry.</returns>
    /// <exception cref="RefusedException">The event is not legal in that state, or the key is not pinned.</exception>
    /// <exception cref="StoreException">The store's answer is unknown: call again, with a <paramref name="decide"/> that sees its own
    /// earlier success.</exception>
    public async Task<LogView> AppendAsync(
        Func<ClusterState, LogEvent?> decide, ISigningKey key, TimeProvider time, LogView? known, CancellationToken cancellationToken)
    {
        if (!pinned.Any(one => one.Thumbprint == key.PublicKey.Thumbprint))
            throw new RefusedException($"writing to the log: key {key.PublicKey.Thumbprint.Short} is not the pinned control plane's key",
                "readers would refuse its entries: configure the key that \"holdfast init\" made");
        var view = await CurrentAsync(known, cancellationToken).ConfigureAwait(false);
        while (decide(view.State) is { } decision)
        {
            var now = PostgresTime.From(time.GetUtcNow());
            var entry = await PrepareAsync(view, decision, key, now, cancellationToken).ConfigureAwait(false);
            if (await TryWriteAsync(entry.Last!, cancellationToken).ConfigureAwait(false)) return Expected(entry);
            view = await AdvanceAsync(view, cancellationToken).ConfigureAwait(false);
        }

        return view;
    }

    private async Task<LogView> CurrentAsync(LogView? known, CancellationToken cancellationToken)
    {
        if (known is not null) return await AdvanceAsync(known, cancellationToken).ConfigureAwait(false);
        return await LogTail.ExistsAsync(store, 0, cancellationToken).ConfigureAwait(false)
            ? await ReadStateAsync(null, cancellationToken).ConfigureAwait(false)
            : LogView.Nothing;
    }

    private static async ValueTask<LogView> PrepareAsync(
        LogView view, LogEvent decision, ISigningKey key, PostgresTime now, CancellationToken cancellationToken)
    {
        var number = view.Head.Number + 1;
        var entry = new LogEntry(number, view.Last?.Head.Hash, now, key.PublicKey.Thumbprint, decision,
            LogEntry.IsCheckpoint(number) ? view.State : null);
        var signed = await LogEntryCodec.SignAsync(entry, key, cancellationToken).ConfigureAwait(false);
        if (view.State.Refusal(decision, signed.Stamp) is { } refusal)
            throw new RefusedException($"writing log entry {number}: {refusal}",
                "nothing was written; see the cluster's present state with \"holdfast info\"");
        // What readers could not read must never be written: it could not be taken back. The decoded form is also what they fold.
        return view.Follow(LogEntryCodec.Decode(signed.Bytes, number, [key.PublicKey]));
    }

    /// <summary>True when the entry is there and ours; false when another took the number.</summary>
    private async Task<bool> TryWriteAsync(SignedLogEntry entry, CancellationToken cancellationToken)
    {
        var number = entry.Entry.Number;
        try
        {
            var content = BlobContent.From(entry.Bytes);
            var outcome = await store.CreateAsync(LogEntry.BlobName(number), content, cancellationToken).ConfigureAwait(false);
            if (outcome == CreateOutcome.Created) return true;
        }
        catch (StoreException) when (!cancellationToken.IsCancellationRequested)
        {
            // The answer is lost, not necessarily the write. Absent now does not say that it will stay absent, so only presence decides.
            if (await ReadBytesAsync(number, cancellationToken).ConfigureAwait(false) is not { } found) throw;
            return found.Span.SequenceEqual(entry.Bytes.Span);
        }

        var existing = await ReadBytesAsync(number, cancellationToken).ConfigureAwait(false) ?? throw new StoreException(
            $"writing log entry {number}: {store.DisplayName} says that it exists, and that it is absent",
                "try again; if it stays so, ask the store's support");
        return existing.Span.SequenceEqual(entry.Bytes.Span);
    }
}
