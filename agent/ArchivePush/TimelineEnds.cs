using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.ArchivePush;

/// <summary>
/// Where timelines end, by the history files in pg_wal. A standby with archive_mode=always that follows its primary's promotion hands over the
/// last segment of the old timeline part-filled and under its full name [walreceiver.c, WalReceiverMain: XLogArchiveNotify when the stream of a
/// timeline ends]; the history file is there by then [WalRcvFetchTimeLineHistoryFiles]. Those in the archive take a content key, which no
/// database host has.
/// </summary>
internal static class TimelineEnds
{
    // The first files of a folder that anyone may fill; a server has one for each promotion.
    private const int MaxHistories = 1024;

    /// <summary>The last point within a segment at which a later timeline left its own; null when none did there.</summary>
    /// <param name="data">The server.</param>
    /// <param name="segment">The segment.</param>
    public static Lsn? Within(DataDirectory data, WalSegmentName segment)
    {
        Lsn? end = null;
        foreach (var left in Histories(data, segment.Timeline).SelectMany(history => history.Switches))
        {
            if (left.Parent != segment.Timeline || left.SwitchPoint <= segment.Start || left.SwitchPoint >= segment.End) continue;
            if (end is null || left.SwitchPoint > end) end = left.SwitchPoint;
        }
        return end;
    }

    private static IEnumerable<TimelineHistory> Histories(DataDirectory data, TimelineId after)
    {
        var files = Directory.EnumerateFiles(data.Resolve("pg_wal"), "*" + TimelineHistory.Suffix);
        foreach (var file in files.Order(StringComparer.Ordinal).Take(MaxHistories))
        {
            if (!TimelineHistory.TryParseFileName(Path.GetFileName(file), out var timeline) || timeline.CompareTo(after) <= 0) continue;
            if (TryRead(file, timeline) is { } history) yield return history;
        }
    }

    // Half written, unreadable, no history: nothing is known by it, and the segment is judged whole.
    private static TimelineHistory? TryRead(string file, TimelineId timeline)
    {
        try
        {
            if (new FileInfo(file).Length > TimelineHistory.MaxBytes) return null;
            return TimelineHistory.Parse(timeline, File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or DamagedException)
        {
            return null;
        }
    }
}
