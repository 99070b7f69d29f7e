using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Adopt;

/// <summary>
/// What an adoption has to do for a timeline that the server came by, up to where it was left. A promoted server has that timeline's
/// segments as .done, also those that the dead primary never archived: PostgreSQL hands them to nobody.
/// </summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="Upload">Complete segments that are here and not in the archive, in order.</param>
/// <param name="Missing">Stretches neither here nor in the archive nor logged as cut.</param>
public sealed record AncestorPlan(TimelineId Timeline, IReadOnlyList<WalSegmentName> Upload, IReadOnlyList<(Lsn From, Lsn To)> Missing)
{
    /// <summary>Plans for every ancestor, oldest first; pure. The segment that holds a switch belongs to the newer timeline.</summary>
    /// <param name="history">The way to the timeline that the server writes.</param>
    /// <param name="local">Complete segments in pg_wal, of any timeline of the way.</param>
    /// <param name="stored">Segments in the archive, of any timeline.</param>
    /// <param name="cuts">Logged cuts of the system.</param>
    /// <param name="backups">
    /// Where committed backups start: WAL before the newest one on the way may have expired, and is not called missing.
    /// </param>
    /// <param name="size">wal_segment_size.</param>
    public static IReadOnlyList<AncestorPlan> Make(
        TimelineHistory history, IEnumerable<WalSegmentName> local, IEnumerable<WalSegmentName> stored,
        IEnumerable<LoggedCut> cuts, IEnumerable<WalPosition> backups, WalSegmentSize size)
    {
        var legs = history.Path.Where(stretch => stretch.End is not null).Select(stretch => Leg.Of(stretch, size)).ToList();
        var here = local.Where(segment => legs.Exists(leg => leg.Holds(segment))).ToHashSet();
        var there = stored.Where(segment => legs.Exists(leg => leg.Holds(segment))).ToHashSet();
        if (here.Count + there.Count == 0) return [];
        // What lies before the archive's start was never asked for, or has expired.
        var first = (there.Count > 0 ? there : here).Min(segment => segment.Number);
        var needed = backups.Where(backup => history.Contains(backup.Timeline, backup.Lsn))
            .Select(backup => WalSegmentName.Containing(backup.Timeline, backup.Lsn, size).Number).Append(first).Max();
        var known = cuts.ToList();
        return [.. legs.Select(leg => Make(leg, first, needed, here, there, known, size))];
    }

    private static AncestorPlan Make(
        Leg leg, ulong first, ulong needed,
        HashSet<WalSegmentName> here, HashSet<WalSegmentName> there, List<LoggedCut> cuts, WalSegmentSize size)
    {
        var upload = new List<WalSegmentName>();
        var missing = new List<(Lsn From, Lsn To)>();
        for (var number = Math.Max(first, leg.First); number < leg.End; number++)
        {
            var segment = new WalSegmentName(leg.Timeline, number, size);
            if (there.Contains(segment)) continue;
            if (here.Contains(segment)) upload.Add(segment);
            else if (number >= needed && !cuts.Exists(cut => Covers(cut, segment))) Add(missing, segment);
        }
        return new AncestorPlan(leg.Timeline, upload, missing);
    }

    private static bool Covers(LoggedCut cut, WalSegmentName segment) =>
        cut.Timeline == segment.Timeline && cut.From <= segment.Start && segment.End <= cut.To;

    private static void Add(List<(Lsn From, Lsn To)> missing, WalSegmentName segment)
    {
        if (missing.Count > 0 && missing[^1].To == segment.Start) missing[^1] = (missing[^1].From, segment.End);
        else missing.Add((segment.Start, segment.End));
    }

    /// <summary>Segment numbers that are read from a timeline on the way: [First, End).</summary>
    private readonly record struct Leg(TimelineId Timeline, ulong First, ulong End)
    {
        public static Leg Of(TimelineStretch stretch, WalSegmentSize size) =>
            new(stretch.Timeline, stretch.Begin.Value / (uint)size.Bytes, stretch.End!.Value.Value / (uint)size.Bytes);

        public bool Holds(WalSegmentName segment) => segment.Timeline == Timeline && First <= segment.Number && segment.Number < End;
    }
}
