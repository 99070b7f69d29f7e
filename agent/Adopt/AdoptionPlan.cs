using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Adopt;

/// <summary>What an adoption has to do. Made by <see cref="Make"/>, which is pure.</summary>
/// <param name="Start">From where on this host's WAL must count.</param>
/// <param name="Upload">Complete segments to store, or to compare with what is stored.</param>
/// <param name="Missing">Stretches neither here nor in the archive nor logged as cut.</param>
public sealed record AdoptionPlan(WalPosition Start, IReadOnlyList<WalSegmentName> Upload, IReadOnlyList<(Lsn From, Lsn To)> Missing)
{
    /// <summary>Plans.</summary>
    /// <param name="timeline">The timeline that the server writes.</param>
    /// <param name="switchPoint">Where it began; null on a timeline without a parent.</param>
    /// <param name="waiting">The earliest WAL that the archiver will hand over: what must count.</param>
    /// <param name="local">Complete segments in pg_wal, in order.</param>
    /// <param name="stored">Segments of the timeline in the archive.</param>
    /// <param name="cuts">Logged cuts of the system.</param>
    /// <param name="written">The last position that the server is known to have written on this timeline; at least the switch point.</param>
    /// <param name="size">wal_segment_size.</param>
    /// <param name="resizedAt">
    /// Where the archive's last stretch in another segment size ends, if this server has archived none since: no WAL leads across (pg_resetwal).
    /// </param>
    public static AdoptionPlan Make(
        TimelineId timeline, Lsn? switchPoint, WalPosition waiting, IReadOnlyList<WalSegmentName> local, IReadOnlyCollection<WalSegmentName> stored,
        IEnumerable<LoggedCut> cuts, Lsn written, WalSegmentSize size, Lsn? resizedAt = null)
    {
        var first = switchPoint is { } point ? WalSegmentName.Containing(timeline, point, size) : (WalSegmentName?)null;
        var upload = local.Where(segment => first is not { } begin || segment.Number >= begin.Number).ToList();
        // Without a switch, what is missing before the archive's end is none of this host's business: another one wrote that.
        var from = first ?? (stored.Count > 0 ? stored.MaxBy(segment => segment.Number).Next : upload.FirstOrDefault(WalSegmentName.Containing(timeline, written, size)));
        var start = upload.Select(segment => new WalPosition(timeline, segment.Start)).Append(waiting).Order().First();
        var end = Math.Max(upload.Count == 0 ? 0 : upload[^1].Number + 1, WalSegmentName.Containing(timeline, written, size).Number);
        var logged = cuts.Where(cut => cut.Timeline == timeline).ToList();
        var missing = FindMissing(from, end, upload, stored, logged);
        if (resizedAt is { } left && left < from.Start && !logged.Exists(cut => cut.From <= left && from.Start <= cut.To))
            missing.Insert(0, (left, from.Start));
        return new AdoptionPlan(start, upload, missing);
    }

    private static List<(Lsn From, Lsn To)> FindMissing(
        WalSegmentName from, ulong end, List<WalSegmentName> upload, IReadOnlyCollection<WalSegmentName> stored, List<LoggedCut> cuts)
    {
        var there = upload.Concat(stored).Select(segment => segment.Number).ToHashSet();
        var missing = new List<(Lsn From, Lsn To)>();
        for (var segment = from; segment.Number < end; segment = segment.Next)
        {
            if (there.Contains(segment.Number) || cuts.Exists(cut => cut.From <= segment.Start && segment.End <= cut.To)) continue;
            if (missing.Count > 0 && missing[^1].To == segment.Start) missing[^1] = (missing[^1].From, segment.End);
            else missing.Add((segment.Start, segment.End));
        }
        return missing;
    }
}
