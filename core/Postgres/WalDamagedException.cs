namespace Holdfast.Core.Postgres;

/// <summary>
/// A WAL segment, or the seam between two, is not what PostgreSQL would accept in recovery (exit code 5). The message names the segment, the
/// position, what was found and what was expected.
/// </summary>
public sealed class WalDamagedException : DamagedException
{
    /// <summary>Creates the exception; <paramref name="what"/> starts at the position, for example "record at 0/2CFE8A00: …".</summary>
    public WalDamagedException(WalSegmentName segment, Lsn lsn, string what, string? hint = null)
        : base($"segment {segment}: {what}", hint)
    {
        Segment = segment;
        Lsn = lsn;
    }

    /// <summary>The segment that was judged; at a seam, the later one.</summary>
    public WalSegmentName Segment { get; }

    /// <summary>Where the damage was noticed: the start of the page or record that failed.</summary>
    public Lsn Lsn { get; }
}

/// <summary>Why whole-looking WAL does not belong where it was found.</summary>
public enum WalForeignReason
{
    /// <summary>It carries another cluster's system identifier.</summary>
    OtherCluster,

    /// <summary>It was written with another wal_segment_size.</summary>
    OtherSegmentSize,

    /// <summary>It was written with an XLOG_BLCKSZ other than 8192.</summary>
    OtherPageSize,

    /// <summary>It is another segment under this name: the first page's address or timeline disagrees with the file name.</summary>
    OtherSegment,
}

/// <summary>
/// WAL that looks whole but belongs to something else: another cluster, segment size, page size or file name (exit code 3).
/// </summary>
public sealed class WalForeignException : RefusedException
{
    /// <summary>Creates the exception.</summary>
    public WalForeignException(WalSegmentName segment, WalForeignReason reason, string what, string? hint = null)
        : base($"segment {segment}: {what}", hint)
    {
        Segment = segment;
        Reason = reason;
    }

    /// <summary>The segment whose name the WAL was found under.</summary>
    public WalSegmentName Segment { get; }

    /// <summary>What disagreed.</summary>
    public WalForeignReason Reason { get; }
}
