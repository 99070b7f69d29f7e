using System.Buffers.Binary;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Adopt;

/// <summary>What pg_wal holds of one timeline.</summary>
internal static class LocalSegments
{
    /// <summary>
    /// The timeline that this server writes: the last checkpoint's, or a later one of which pg_wal holds the history and a segment: after a promotion
    /// pg_control names the old one until the next checkpoint.
    /// </summary>
    public static TimelineId CurrentTimeline(TimelineId ofCheckpoint, WalSegmentSize size, IReadOnlyCollection<string> files)
    {
        var names = files.Select(file => WalFileName.TryParse(file, size)).ToList();
        var written = names.OfType<WalFileName.Segment>().Select(segment => segment.Timeline).ToHashSet();
        return names.OfType<WalFileName.History>().Select(history => history.Of).Where(written.Contains).Append(ofCheckpoint).Max();
    }

    /// <summary>
    /// The segments of a timeline that PostgreSQL has finished, in order, and the start of the last one it has begun (or redo, when that is later).
    /// Files that were only recycled are not among them. The last one begun counts when its WAL reaches its end or a switch: the next one may not be begun
    /// for a long time, and where archive_mode was off no archiver will ever hear of it.
    /// </summary>
    /// <param name="data">The data directory.</param>
    /// <param name="timeline">The timeline.</param>
    /// <param name="switchPoint">Where it began; null when it has no ancestors.</param>
    /// <param name="files">What is in pg_wal.</param>
    public static (IReadOnlyList<WalSegmentName> Complete, Lsn Written) Of(DataDirectory data, TimelineId timeline, Lsn? switchPoint, IReadOnlyCollection<string> files)
    {
        var (control, size) = (data.Control, data.Control.WalSegmentSize);
        var status = data.FilesIn("pg_wal/archive_status").Where(name => name.EndsWith(".ready", StringComparison.Ordinal) || name.EndsWith(".done", StringComparison.Ordinal))
            .Select(Path.GetFileNameWithoutExtension).ToHashSet();
        var begun = files.Select(file => WalFileName.TryParse(file, size)).OfType<WalFileName.Segment>()
            .Select(file => file.Name).Where(segment => segment.Timeline == timeline && HasBegun(data, segment, switchPoint)).OrderBy(segment => segment.Number).ToList();
        var checkpoint = control.Checkpoint.Timeline == timeline ? control.Checkpoint.Redo : Lsn.Invalid;
        var written = begun.Select(segment => segment.Start).Append(checkpoint).Max();
        return ([.. begun.Where(segment => status.Contains(segment.ToString()) || segment.End <= written || IsFinished(data, segment))], written);
    }

    /// <summary>The segments of an ancestor that are here and valid to their end; what was recycled or only half received is none of them.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="stretch">The ancestor, from where it began to where it was left.</param>
    /// <param name="files">What is in pg_wal.</param>
    public static IEnumerable<WalSegmentName> OfAncestor(DataDirectory data, TimelineStretch stretch, IReadOnlyCollection<string> files) =>
        files.Select(file => WalFileName.TryParse(file, data.Control.WalSegmentSize)).OfType<WalFileName.Segment>()
            .Select(file => file.Name).Where(segment => segment.Timeline == stretch.Timeline && segment.End <= stretch.End)
            .Where(segment => HasBegun(data, segment, stretch.Begin) && IsFinished(data, segment));

    private static bool IsFinished(DataDirectory data, WalSegmentName segment)
    {
        try
        {
            using var file = File.OpenHandle(data.Resolve($"pg_wal/{segment}"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            var walker = new WalWalker(segment, data.Control.SystemIdentifier);
            var buffer = new byte[1 << 20];
            for (int offset = 0, read; (read = RandomAccess.Read(file, buffer, offset)) > 0; offset += read) walker.Append(buffer.AsSpan(0, read));
            var summary = walker.Finish();
            return summary.EndsBySwitch || summary.ValidEnd == segment.End;
        }
        catch (Exception e) when (e is HoldfastException or FileNotFoundException)
        {
            return false; // Still being written: not valid to its end.
        }
    }

    /// <summary>
    /// Whether WAL was written into a segment. PostgreSQL writes pages in order, so every one before it is then complete. A recycled file has the
    /// address of its earlier life in xlp_pageaddr; and, where a timeline was left behind that had gone further, its own address with that timeline
    /// in xlp_tli [xlog.c, RemoveNonParentXlogFiles]. Only the segment of the switch begins with an ancestor's pages
    /// [access/xlog_internal.h, XLogPageHeaderData: u32 timeline at 4, u64 address at 8].
    /// </summary>
    private static bool HasBegun(DataDirectory data, WalSegmentName segment, Lsn? switchPoint)
    {
        Span<byte> header = stackalloc byte[16];
        try
        {
            using var file = File.OpenHandle(data.Resolve($"pg_wal/{segment}"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
            if (RandomAccess.Read(file, header, 0) != header.Length) return false;
        }
        catch (FileNotFoundException)
        {
            return false; // Recycled or removed since it was listed.
        }
        var isOwn = BinaryPrimitives.ReadUInt32LittleEndian(header[4..]) == segment.Timeline.Value || switchPoint is { } left && segment.Start < left && left < segment.End;
        return isOwn && BinaryPrimitives.ReadUInt64LittleEndian(header[8..]) == segment.Start.Value;
    }
}
