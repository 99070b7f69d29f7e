using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>Finds how far the archive of a system reaches without gaps: what a revocation lets stand.</summary>
/// <param name="data">The data container.</param>
/// <param name="log">Whose word on signers counts.</param>
internal sealed class ArchiveEnd(IObjectStore data, ClusterLog log)
{
    /// <summary>The end; null when nothing is stored that counts.</summary>
    public async Task<WalPosition?> FindAsync(LogView view, SystemIdentifier system, CancellationToken cancellationToken)
    {
        if (await SegmentSizeAsync(system, cancellationToken).ConfigureAwait(false) is not { } size) return null;
        var stored = await StoredSegments.ListAsync(data, BlobNames.WalPrefix(system), size, cancellationToken).ConfigureAwait(false);
        var (trust, cuts) = (new LogTrust(log, view), view.State.Cuts.Where(cut => cut.System == system).ToList());
        var counting = stored.ToList();
        // The last one must count: a name alone is no WAL. Names that do not are left out one by one, from the end.
        while (RevocationPosition.Of(counting, cuts) is { } end)
        {
            var last = counting.FindIndex(segment => segment.Timeline == end.Timeline && segment.End == end.Lsn);
            if (last < 0 || await CountsAsync(trust, system, counting[last], cancellationToken).ConfigureAwait(false)) return end;
            counting.RemoveAt(last);
        }
        return null;
    }

    private async Task<bool> CountsAsync(ISignerTrust trust, SystemIdentifier system, WalSegmentName segment, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        try { return await new WalArchive(data, trust).FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false) is not null; }
        catch (DamagedException) { return false; }
    }

    /// <summary>The size of the segments of a system: PostgreSQL's name has it not, the object's prefix has.</summary>
    private async Task<WalSegmentSize?> SegmentSizeAsync(SystemIdentifier system, CancellationToken cancellationToken)
    {
        await foreach (var blob in data.ListAsync(BlobNames.WalPrefix(system), cancellationToken).ConfigureAwait(false))
        {
            if (!WalSegmentName.LooksLikeSegment(blob.Name.AsSpan(blob.Name.LastIndexOf('/') + 1))) continue;
            try
            {
                var head = await SealedBlob.ReadHeadAsync(data, blob.Name, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false);
                if (head is not null && WalSegmentSize.IsValid(head.Head.Prefix.PlainLength)) return new WalSegmentSize(head.Head.Prefix.PlainLength);
            }
            catch (SealedObjectException)
            {
                // Junk: the next one may be better.
            }
        }
        return null;
    }
}
