using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Register;

/// <summary>Where a host's WAL starts to count. Pure.</summary>
public static class StartingPosition
{
    private const string Ready = ".ready";

    /// <summary>
    /// The start of the earliest segment that waits to be archived (also as .partial, also of an earlier timeline: PostgreSQL archives in order, so one
    /// that did not count would hold up all later ones); if none waits, of the segment that holds the last checkpoint's redo.
    /// </summary>
    /// <param name="timeline">Of the last checkpoint.</param>
    /// <param name="redo">Of the last checkpoint.</param>
    /// <param name="size">wal_segment_size.</param>
    /// <param name="archiveStatus">File names in pg_wal/archive_status.</param>
    /// <param name="kept">Segments in pg_wal without a mark: finished while archive_mode was off, they get .ready when they are to be removed.</param>
    public static WalPosition Of(
        TimelineId timeline, Lsn redo, WalSegmentSize size, IEnumerable<string> archiveStatus, IEnumerable<WalSegmentName> kept)
    {
        var waiting = archiveStatus.Where(name => name.EndsWith(Ready, StringComparison.Ordinal))
            .Select(name => WalFileName.TryParse(name.AsSpan(0, name.Length - Ready.Length), size) switch
            {
                WalFileName.Segment segment => segment.Name,
                WalFileName.Partial partial => partial.Name.Segment,
                // Counts by its timeline alone; a timeline's own needs no earlier start.
                WalFileName.History history when history.Of.CompareTo(timeline) < 0 => new WalSegmentName(history.Of, 1, size),
                WalFileName.BackupHistory backup when backup.Name.Segment.Timeline.CompareTo(timeline) < 0 => backup.Name.Segment,
                _ => (WalSegmentName?)null,
            })
            .OfType<WalSegmentName>()
            .Concat(kept)
            .Select(segment => new WalPosition(segment.Timeline, segment.Start));
        return waiting.Append(new WalPosition(timeline, WalSegmentName.Containing(timeline, redo, size).Start)).Order().First();
    }

    /// <summary>
    /// The segments that PostgreSQL hands to the archiver, sooner or later: whatever is in pg_wal, or waits as .partial, and is not marked .done. What was
    /// finished while archive_mode was off has no mark at all, and gets its .ready when it is to be removed [xlogarchive.c, XLogArchiveCheckDone].
    /// </summary>
    /// <param name="files">What is in pg_wal.</param>
    /// <param name="status">What is in pg_wal/archive_status.</param>
    /// <param name="size">wal_segment_size.</param>
    public static IReadOnlyList<WalSegmentName> Waiting(IEnumerable<string> files, IEnumerable<string> status, WalSegmentSize size)
    {
        var done = status.Where(name => name.EndsWith(".done", StringComparison.Ordinal)).Select(name => name[..^".done".Length]).ToHashSet();
        return [.. files.Where(file => !done.Contains(file)).Select(file => WalFileName.TryParse(file, size)).Select(name => name switch
            {
                WalFileName.Segment segment => segment.Name,
                WalFileName.Partial partial => partial.Name.Segment,
                _ => (WalSegmentName?)null,
            }).OfType<WalSegmentName>().Distinct()];
    }
}
