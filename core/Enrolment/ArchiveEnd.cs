using Holdfast.Core.Continuity;
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
        var trust = new LogTrust(log, view);
        var backups = view.State.Backups.Where(backup => backup.System == system).ToList();
        var inventory = await new WalListing(data, trust, system) { Backups = backups }.ReadAsync(cancellationToken).ConfigureAwait(false);
        var cuts = view.State.Cuts.Where(cut => cut.System == system).ToList();
        var counting = inventory.Ranges.Select(stored => stored.Range).ToList();
        // The last one must count: a name alone is no WAL. Names that do not are left out one by one, from the end.
        while (RevocationPosition.Of(counting, cuts, backups) is { } end)
        {
            var last = counting.FindIndex(range => range.Timeline == end.Timeline && range.End == end.Lsn);
            if (last < 0 || await CountsAsync(trust, system, counting[last].Last, cancellationToken).ConfigureAwait(false)) return end;
            if (counting[last] is { SegmentCount: > 1 } range)
                counting[last] = range with { End = range.Last.Start, SegmentCount = range.SegmentCount - 1 };
            else counting.RemoveAt(last);
        }
        return null;
    }

    private async Task<bool> CountsAsync(ISignerTrust trust, SystemIdentifier system, WalSegmentName segment, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        try { return await new WalArchive(data, trust).FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false) is not null; }
        catch (DamagedException) { return false; }
    }
}
