using System.Collections.Immutable;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Adopt;

/// <summary>
/// What an adoption has to do about WAL of before the host's registration, which would not count: PostgreSQL hands some of it over (segments that were
/// kept while archive_mode was off), and some of it fills holes of the archive.
/// </summary>
/// <param name="Take">Whole segments to have admitted and to store, in order.</param>
/// <param name="Left">Segments that PostgreSQL will hand over and that cannot be stored: not whole, or of a timeline that was left.</param>
/// <param name="Done">Segments that were dealt with elsewhere, and that nothing in the archive needs.</param>
public sealed record EarlierPlan(IReadOnlyList<WalSegmentName> Take, IReadOnlyList<WalSegmentName> Left, IReadOnlyList<WalSegmentName> Done)
{
    /// <summary>Nothing to do.</summary>
    public static EarlierPlan None { get; } = new([], [], []);

    /// <summary>Plans; pure.</summary>
    /// <param name="whole">Complete segments of the server's history in pg_wal.</param>
    /// <param name="waiting">Segments in pg_wal that are not marked .done: PostgreSQL hands them over, sooner or later.</param>
    /// <param name="stored">Segments in the archive, of the timelines of both.</param>
    /// <param name="counts">Whether a segment counts when this host signs it.</param>
    public static EarlierPlan Make(
        IEnumerable<WalSegmentName> whole, IEnumerable<WalSegmentName> waiting, IEnumerable<WalSegmentName> stored, Func<WalSegmentName, bool> counts)
    {
        var there = stored.ToHashSet();
        var here = whole.Where(segment => !counts(segment) && !there.Contains(segment)).ToHashSet();
        var asked = waiting.Where(segment => !counts(segment) && !there.Contains(segment)).ToHashSet();
        bool Fills(WalSegmentName segment) => there.Any(other => other.Timeline == segment.Timeline && other.Number < segment.Number);
        var take = here.Where(segment => asked.Contains(segment) || Fills(segment)).ToHashSet();
        return new EarlierPlan(InOrder(take), InOrder(asked.Except(here)), InOrder(here.Except(take)));
    }

    /// <summary>Segments as stretches, neighbours as one.</summary>
    public static ImmutableList<WalStretch> Stretches(IEnumerable<WalSegmentName> segments)
    {
        var stretches = ImmutableList<WalStretch>.Empty;
        foreach (var segment in InOrder(segments))
        {
            var isNext = stretches.Count > 0 && stretches[^1].Timeline == segment.Timeline && stretches[^1].To == segment.Start;
            stretches = isNext
                ? stretches.SetItem(stretches.Count - 1, stretches[^1] with { To = segment.End })
                : stretches.Add(new WalStretch(segment.Timeline, segment.Start, segment.End));
        }
        return stretches;
    }

    private static List<WalSegmentName> InOrder(IEnumerable<WalSegmentName> segments) =>
        [.. segments.OrderBy(segment => segment.Timeline).ThenBy(segment => segment.Number)];
}
