using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>Where a timeline came from.</summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="History">Its ancestors.</param>
/// <param name="IsDerived">
/// The history file could not be opened, and the names of the stored segments say this much: the switch point is that of a segment's start, the true
/// one lies within that segment.
/// </param>
public sealed record TimelineOrigin(TimelineId Timeline, TimelineHistory History, bool IsDerived)
{
    /// <summary>The switch to it; null when it has no ancestors.</summary>
    public TimelineSwitch? Switch => History.Switches.Count == 0 ? null : History.Switches[^1];
}

/// <summary>The origins of a set of timelines: from their history files, or, where those are sealed, from the names of segments. Pure.</summary>
public static class TimelineOrigins
{
    /// <summary>Finds them.</summary>
    /// <param name="ranges">What is stored.</param>
    /// <param name="stored">Timelines whose history file is stored; one without is taken to have no ancestors, as PostgreSQL does.</param>
    /// <param name="opened">Those of them that could be opened.</param>
    /// <returns>In order of timelines, one for each that has segments or a history file.</returns>
    public static IReadOnlyList<TimelineOrigin> Find(
        IReadOnlyList<WalRange> ranges, IReadOnlySet<TimelineId> stored, IReadOnlyDictionary<TimelineId, TimelineHistory> opened)
    {
        var origins = new List<TimelineOrigin>();
        foreach (var timeline in ranges.Select(range => range.Timeline).Concat(stored).Distinct().OrderBy(timeline => timeline.Value))
        {
            if (opened.TryGetValue(timeline, out var history)) origins.Add(new TimelineOrigin(timeline, history, false));
            else if (stored.Contains(timeline) && Derive(timeline, ranges, origins) is { } derived) origins.Add(new TimelineOrigin(timeline, derived, true));
            else origins.Add(new TimelineOrigin(timeline, TimelineHistory.Root(timeline), stored.Contains(timeline)));
        }

        return origins;
    }

    /// <summary>The first segment of a timeline holds the switch point [xlog.c, XLogInitNewTimeline]; the parent is the latest timeline that reaches it.</summary>
    private static TimelineHistory? Derive(TimelineId timeline, IReadOnlyList<WalRange> ranges, List<TimelineOrigin> origins)
    {
        var own = ranges.Where(range => range.Timeline == timeline).ToArray();
        if (own.Length == 0 || own[0].Start.Value < (uint)own[0].Size.Bytes) return null;
        var start = own[0].Start;
        var earlier = ranges.Where(range => range.Timeline.Value < timeline.Value && range.Start <= start).ToArray();
        if (earlier.Length == 0) return null;
        var reaching = earlier.Where(range => range.End >= start).ToArray();
        var parent = (reaching.Length > 0 ? reaching : earlier).MaxBy(range => range.Timeline.Value).Timeline;
        var before = origins.Find(origin => origin.Timeline == parent)?.History.Switches ?? [];
        return TimelineHistory.Create(timeline, [.. before.Where(line => line.SwitchPoint <= start), new TimelineSwitch(parent, start, "derived from the names of segments")]);
    }
}
