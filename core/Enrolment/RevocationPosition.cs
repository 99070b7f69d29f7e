using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Enrolment;

/// <summary>How far the WAL that a revoked host signed is still believed. Pure.</summary>
public static class RevocationPosition
{
    /// <summary>
    /// The end of the archive without gaps: on the newest timeline that is stored, from its first segment on, across logged cuts, up to the first
    /// gap behind which no committed backup lies. Not simply the last segment: who stole a key may have stored a far one, to make everything before
    /// it count. But the control plane proved the WAL of a committed backup, which would be lost with it; so it is after pg_resetwal, which leaves a
    /// gap. Null when nothing is stored.
    /// </summary>
    /// <param name="stored">Segments that are stored and count.</param>
    /// <param name="cuts">Logged cuts of that system.</param>
    /// <param name="backups">Committed backups of that system.</param>
    public static WalPosition? Of(IReadOnlyCollection<WalRange> stored, IEnumerable<LoggedCut> cuts, IEnumerable<LoggedBackup> backups)
    {
        if (stored.Count == 0) return null;
        var timeline = stored.Max(range => range.Timeline);
        var ranges = WalRanges.FromRanges(stored.Where(range => range.Timeline == timeline), []).Ranges;
        var facts = backups.Select(backup => backup.Facts).Where(facts => facts.Timeline == timeline).ToList();
        var from = ranges.Where(range => facts.Exists(one => Holds(range, one))).LastOrDefault(ranges[0]);
        var logged = cuts.Where(cut => cut.Timeline == timeline).ToList();
        var (end, size) = (from.End, from.Size);
        foreach (var range in ranges.Where(range => range.Start > from.Start))
        {
            var isCut = false;
            while (range.Start > end && logged.Find(cut => cut.From <= end && cut.To > end) is { } cut) (end, isCut) = (cut.To, true);
            if (range.Start > end || (range.Size != size && !isCut)) break;
            if (range.End > end) end = range.End;
            size = range.Size;
        }
        return new WalPosition(timeline, end);
    }

    private static bool Holds(WalRange range, BackupFacts backup) => range.Start <= backup.StartLsn && backup.StopLsn <= range.End;
}
