namespace Holdfast.Core.Postgres;

/// <summary>
/// What walking one WAL segment found out. Everything in it was verified by the segment alone, except the bytes of
/// <see cref="Head"/> and <see cref="Tail"/>, whose CRC spans segments: <see cref="WalStitch"/> proves those.
/// </summary>
public sealed class WalSegmentSummary
{
    /// <summary>The segment, by the name it was walked under.</summary>
    public required WalSegmentName Segment { get; init; }

    /// <summary>xlp_magic of every page.</summary>
    public required ushort PageMagic { get; init; }

    /// <summary>PostgreSQL's major version; null for a page magic newer than this walker, whose records were not judged.</summary>
    public required int? Major { get; init; }

    /// <summary>The cluster, from the first page; null only when a partial segment holds no valid page at all.</summary>
    public required SystemIdentifier? SystemIdentifier { get; init; }

    /// <summary>xlp_tli of the first page: lower than the file's timeline when the page was copied at a promotion.</summary>
    public required TimelineId FirstPageTimeline { get; init; }

    /// <summary>xlp_tli of the last page that was judged.</summary>
    public required TimelineId LastPageTimeline { get; init; }

    /// <summary>
    /// The position after the last valid byte: the segment's end when the last record reaches or passes it (or when
    /// <see cref="Major"/> is null), else the aligned end of the switch record or, in a partial segment, of the last complete record.
    /// </summary>
    public required Lsn ValidEnd { get; init; }

    /// <summary>Bytes from the segment's start to <see cref="ValidEnd"/>: what the deduplication tag covers.</summary>
    public long CoveredLength => ValidEnd - Segment.Start;

    /// <summary>The segment ends early, with an XLOG_SWITCH record; what follows was not judged and means nothing.</summary>
    public required bool EndsBySwitch { get; init; }

    /// <summary>Start of the first record that starts in this segment, complete or not; <see cref="Lsn.Invalid"/> if none does.</summary>
    public required Lsn FirstRecordStart { get; init; }

    /// <summary>
    /// xl_prev of that record: the start of the last record before this segment. <see cref="Lsn.Invalid"/> if there is no such record or
    /// if its header runs over the segment's end.
    /// </summary>
    public required Lsn FirstRecordPrevious { get; init; }

    /// <summary>Start of the last record that starts and ends in this segment; <see cref="Lsn.Invalid"/> if there is none.</summary>
    public required Lsn LastRecordStart { get; init; }

    /// <summary>Aligned end of that record.</summary>
    public required Lsn LastRecordEnd { get; init; }

    /// <summary>How many records start and end in this segment.</summary>
    public required int RecordCount { get; init; }

    /// <summary>The continuation of an earlier segment's record at the start; null if there is none.</summary>
    public required WalFragment? Head { get; init; }

    /// <summary>The start of a record that runs over the segment's end; null if there is none.</summary>
    public required WalFragment? Tail { get; init; }

    /// <summary>
    /// The record that the XLOG_OVERWRITE_CONTRECORD at the segment's start says is to be forgotten, that is, the tail before;
    /// <see cref="Lsn.Invalid"/> if the segment does not begin so.
    /// </summary>
    public required Lsn OverwrittenRecord { get; init; }

    /// <summary>What the complete records say.</summary>
    public required WalFacts Facts { get; init; }
}
