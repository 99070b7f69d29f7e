using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Enrolment;

/// <summary>How far the WAL that a revoked host signed is still believed. Pure.</summary>
public static class RevocationPosition
{
    /// <summary>
    /// The end of the archive without gaps: on the newest timeline that is stored, from its first segment on, across logged cuts, up to the first gap.
    /// Not simply the last segment: who stole a key may have stored a far one, to make everything before it count. Null when nothing is stored.
    /// </summary>
    /// <param name="stored">Segments that are stored and count.</param>
    /// <param name="cuts">Logged cuts of that system.</param>
    public static WalPosition? Of(IReadOnlyCollection<WalSegmentName> stored, IEnumerable<LoggedCut> cuts)
    {
        if (stored.Count == 0) return null;
        var timeline = stored.Max(segment => segment.Timeline);
        var segments = stored.Where(segment => segment.Timeline == timeline).OrderBy(segment => segment.Number).ToList();
        var logged = cuts.Where(cut => cut.Timeline == timeline).ToList();
        var end = segments[0].End;
        foreach (var segment in segments.Skip(1))
        {
            while (segment.Start > end && logged.Find(cut => cut.From <= end && cut.To > end) is { } cut) end = cut.To;
            if (segment.Start > end) break;
            if (segment.End > end) end = segment.End;
        }
        return new WalPosition(timeline, end);
    }
}
