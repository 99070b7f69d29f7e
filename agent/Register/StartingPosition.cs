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
    public static WalPosition Of(TimelineId timeline, Lsn redo, WalSegmentSize size, IEnumerable<string> archiveStatus)
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
            .Select(segment => new WalPosition(segment.Timeline, segment.Start));
        return waiting.Append(new WalPosition(timeline, WalSegmentName.Containing(timeline, redo, size).Start)).Order().First();
    }
}
