using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>A stretch in which every position can be recovered to: from the stop of its first backup to the end of WAL without a gap.</summary>
/// <param name="Timeline">The timeline to recover along (recovery_target_timeline).</param>
/// <param name="Start">The first backup's stop: nothing earlier is consistent.</param>
/// <param name="End">The byte after the last segment.</param>
/// <param name="Backups">The backups in it, oldest first.</param>
/// <param name="Path">Its WAL, from before the first backup's start on.</param>
public sealed record RecoverableRange(TimelineId Timeline, Lsn Start, Lsn End, IReadOnlyList<LoggedBackup> Backups, WalPath Path)
{
    /// <summary>By the server's clock when the first backup stopped: no earlier time can be recovered to.</summary>
    public PostgresTime From => Backups[0].Facts.StopTime;
}

/// <summary>Finds what can be recovered to. Pure.</summary>
public static class RecoverableRanges
{
    /// <summary>
    /// The ranges, by timeline, then start. What a timeline shares with its ancestors is in its own ranges; a range that does not reach the timeline
    /// is its ancestor's alone.
    /// </summary>
    public static IReadOnlyList<RecoverableRange> Find(RecoverySources sources)
    {
        var ranges = new List<RecoverableRange>();
        foreach (var timeline in sources.Timelines)
        {
            if (sources.Origin(timeline) is not { } origin) continue;
            // Where a switch is known to a segment only, a backup of an ancestor may or may not lie before it.
            ranges.AddRange(Along(sources, origin.History, ownOnly: origin.IsDerived).Where(range => range.Path.Legs[^1].Timeline == timeline));
        }
        return ranges;
    }

    /// <summary>The ranges along one history, by start; also those that end on an ancestor.</summary>
    public static IEnumerable<RecoverableRange> Along(RecoverySources sources, TimelineHistory history) => Along(sources, history, ownOnly: false);

    private static IEnumerable<RecoverableRange> Along(RecoverySources sources, TimelineHistory history, bool ownOnly)
    {
        var paths = sources.Wal.PathsTo(history.Timeline);
        var ancestral = sources.Backups.Where(backup => RecoverySources.IsAncestral(backup, history) && (!ownOnly || backup.Facts.Timeline == history.Timeline)).ToArray();
        foreach (var path in paths)
        {
            var backups = ancestral.Where(backup => sources.PathOf(backup, paths) == path).OrderBy(backup => backup.Facts.StopLsn.Value).ToArray();
            if (backups.Length > 0) yield return new RecoverableRange(history.Timeline, backups[0].Facts.StopLsn, path.End, backups, path);
        }
    }
}
