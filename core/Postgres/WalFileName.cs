namespace Holdfast.Core.Postgres;

/// <summary>
/// What archive_command can be handed (pgarch.c archives whatever has a .ready file; access/xlog_internal.h names the kinds): a segment, a partial
/// segment, a timeline history or a backup history. Match on the nested types.
/// </summary>
public abstract record WalFileName
{
    private WalFileName()
    {
    }

    /// <summary>The timeline in the name.</summary>
    public abstract TimelineId Timeline { get; }

    /// <summary>The file name without its folder.</summary>
    public abstract string FileName { get; }

    /// <summary>Parses %p or %f: only what follows the last slash counts.</summary>
    /// <param name="path">A file name, or a path of any kind that ends in one.</param>
    /// <param name="size">The cluster's wal_segment_size.</param>
    /// <returns>Null for anything else, such as a segment name beyond what <paramref name="size"/> allows.</returns>
    public static WalFileName? TryParse(ReadOnlySpan<char> path, WalSegmentSize size)
    {
        var name = path[(path.LastIndexOf('/') + 1)..];
        return WalSegmentName.TryParse(name, size, out var segment) ? new Segment(segment)
            : PartialSegmentName.TryParse(name, size, out var partial) ? new Partial(partial)
            : TimelineHistory.TryParseFileName(name, out var timeline) ? new History(timeline)
            : BackupHistoryFileName.TryParse(name, size, out var backup) ? new BackupHistory(backup)
            : null;
    }

    /// <inheritdoc/>
    public sealed override string ToString() => FileName;

    /// <summary>A complete segment.</summary>
    public sealed record Segment(WalSegmentName Name) : WalFileName
    {
        /// <inheritdoc/>
        public override TimelineId Timeline => Name.Timeline;

        /// <inheritdoc/>
        public override string FileName => Name.ToString();
    }

    /// <summary>The beginning of a segment that a promotion left behind.</summary>
    public sealed record Partial(PartialSegmentName Name) : WalFileName
    {
        /// <inheritdoc/>
        public override TimelineId Timeline => Name.Segment.Timeline;

        /// <inheritdoc/>
        public override string FileName => Name.ToString();
    }

    /// <summary>The history of a timeline.</summary>
    public sealed record History(TimelineId Of) : WalFileName
    {
        /// <inheritdoc/>
        public override TimelineId Timeline => Of;

        /// <inheritdoc/>
        public override string FileName => TimelineHistory.ToFileName(Of);
    }

    /// <summary>The note of a finished backup.</summary>
    public sealed record BackupHistory(BackupHistoryFileName Name) : WalFileName
    {
        /// <inheritdoc/>
        public override TimelineId Timeline => Name.Segment.Timeline;

        /// <inheritdoc/>
        public override string FileName => Name.ToString();
    }
}
