using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>What there is to recover from, of one system identifier: the log's backups and cuts, the names of stored segments, the histories.</summary>
public sealed class RecoverySources
{
    private readonly Dictionary<TimelineId, TimelineOrigin> _origins;

    /// <summary>Puts them together.</summary>
    /// <param name="backups">Committed ones, in any order.</param>
    /// <param name="cuts">Stretches that the log says are not to be had: they explain gaps.</param>
    /// <param name="ranges">Stored segments.</param>
    /// <param name="origins">A line for each timeline (<see cref="TimelineOrigins"/>).</param>
    /// <param name="stored">Timelines whose history file is stored.</param>
    public RecoverySources(
        IEnumerable<LoggedBackup> backups, IEnumerable<LoggedCut> cuts, IEnumerable<WalRange> ranges, IReadOnlyList<TimelineOrigin> origins,
        IReadOnlySet<TimelineId> stored)
    {
        // Newest first: by position, since clocks step and a host may be slow to report.
        Backups = [.. backups.OrderByDescending(backup => backup.Facts.StopLsn.Value).ThenByDescending(backup => backup.Entry)];
        Cuts = [.. cuts];
        Wal = WalRanges.FromRanges(ranges, origins.Select(origin => origin.History));
        _origins = origins.ToDictionary(origin => origin.Timeline);
        HistoriesStored = stored;
    }

    /// <summary>Committed backups, the one with the highest stop first.</summary>
    public IReadOnlyList<LoggedBackup> Backups { get; }

    /// <summary>Logged cuts.</summary>
    public IReadOnlyList<LoggedCut> Cuts { get; }

    /// <summary>Stored segments.</summary>
    public WalRanges Wal { get; }

    /// <summary>Timelines whose history file is stored.</summary>
    public IReadOnlySet<TimelineId> HistoriesStored { get; }

    /// <summary>All timelines of which anything is known, ascending.</summary>
    public IEnumerable<TimelineId> Timelines => _origins.Keys.Concat(Backups.Select(backup => backup.Facts.Timeline)).Distinct().OrderBy(timeline => timeline.Value);

    /// <summary>The origin of a timeline; null when nothing is known of it.</summary>
    public TimelineOrigin? Origin(TimelineId timeline) => _origins.GetValueOrDefault(timeline)
        ?? (Backups.Any(backup => backup.Facts.Timeline == timeline) ? new TimelineOrigin(timeline, TimelineHistory.Root(timeline), false) : null);

    /// <summary>
    /// Whether recovery along a history may start from a backup: all of [start, stop] was written on it [xlogrecovery.c, validation of the checkpoint
    /// and of minRecoveryPoint against expectedTLEs].
    /// </summary>
    public static bool IsAncestral(LoggedBackup backup, TimelineHistory history) =>
        history.Contains(backup.Facts.Timeline, backup.Facts.StartLsn)
        && (history.SwitchPoint(backup.Facts.Timeline) is not { } left || backup.Facts.StopLsn <= left);

    /// <summary>The unbroken WAL of a history that holds a backup's [start, stop]; null when some of it is missing.</summary>
    public WalPath? PathOf(LoggedBackup backup, IReadOnlyList<WalPath> paths)
    {
        foreach (var path in paths)
            if (path.Start <= backup.Facts.StartLsn && backup.Facts.StopLsn <= path.End && backup.Facts.StartLsn < path.End) return path;
        return null;
    }
}
