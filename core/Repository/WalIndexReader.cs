using Holdfast.Core.Continuity;
using Holdfast.Core.Digests;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>What a stored segment's index says.</summary>
/// <param name="Segment">Which segment.</param>
/// <param name="Summary">What its walk found; null when it cannot be used.</param>
/// <param name="Problem">Why not; null when it can.</param>
public sealed record SegmentReading(WalSegmentName Segment, WalSegmentSummary? Summary, string? Problem)
{
    /// <summary>Nothing of it is stored; its name, which was listed, may be that of a segment of another size.</summary>
    public bool IsAbsent { get; init; }
}

/// <summary>Reads indexes of stored segments: one ranged GET each. Frames are not read; that they are there is known from the blob's length.</summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Judges signers.</param>
/// <param name="keyring">Holds an index key, or a content key.</param>
/// <param name="system">The history.</param>
public sealed class WalIndexReader(IObjectStore data, ISignerTrust trust, Keyring keyring, SystemIdentifier system)
{
    private readonly WalArchive _archive = new(data, trust);

    /// <summary>Reads one. Damage is a value: whoever verifies an archive goes on.</summary>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<SegmentReading> ReadAsync(WalSegmentName segment, Action<Junk> report, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        try
        {
            var found = await _archive.FindAsync(item, SealedFormat.FirstRead, report, cancellationToken).ConfigureAwait(false);
            if (found is null) return new SegmentReading(segment, null, $"segment {segment} is not stored") { IsAbsent = true };
            if (found.IsDamaged) return new SegmentReading(segment, null, $"segment {segment} is stored only as it failed judgement ({found.Blob.Name})");
            return new SegmentReading(segment, await OpenAsync(found, segment, cancellationToken).ConfigureAwait(false), null);
        }
        catch (DamagedException e)
        {
            return new SegmentReading(segment, null, e.Message);
        }
    }

    /// <summary>Reads the indexes of stored ranges in order and feeds them to a verifier, some ahead at once.</summary>
    /// <param name="ranges">By timeline, then start.</param>
    /// <param name="verifier">Judges the seams.</param>
    /// <param name="ahead">How many are read at once.</param>
    /// <param name="observe">Told of each reading, in order.</param>
    /// <param name="report">Told of junk, in any order.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task VerifyAsync(
        IEnumerable<WalRange> ranges, WalChainVerifier verifier, int ahead, Action<SegmentReading> observe, Action<Junk> report, CancellationToken cancellationToken)
    {
        var reading = new Queue<Task<SegmentReading>>(ahead);
        async Task TakeAsync()
        {
            var one = await reading.Dequeue().ConfigureAwait(false);
            if (one.Summary is { } summary) verifier.Add(summary);
            else verifier.AddUnusable(one.Segment, one.Problem!);
            observe(one);
        }
        try
        {
            foreach (var segment in ranges.SelectMany(range => range.Segments))
            {
                if (reading.Count == ahead) await TakeAsync().ConfigureAwait(false);
                reading.Enqueue(ReadAsync(segment, report, cancellationToken));
            }
            while (reading.Count > 0) await TakeAsync().ConfigureAwait(false);
        }
        finally
        {
            // Whatever is still under way ends unobserved otherwise.
            foreach (Task task in reading) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<WalSegmentSummary> OpenAsync(FoundWal found, WalSegmentName segment, CancellationToken cancellationToken)
    {
        try
        {
            var opened = await found.Blob.Head.OpenIndexAsync(keyring, cancellationToken).ConfigureAwait(false);
            if (opened.Head.Prefix.PlainLength != segment.Size.Bytes)
                throw new SealedObjectException($"it holds {opened.Head.Prefix.PlainLength} bytes, a segment has {segment.Size.Bytes}");
            if (opened.Index.Wal is not { } index) throw new SealedObjectException("its index says nothing of WAL");
            return WalIndexCodec.Decode(index, segment, opened.Head.Prefix.CoveredLength);
        }
        catch (SealedObjectException e)
        {
            throw e.In(found.Blob.Name);
        }
    }
}
