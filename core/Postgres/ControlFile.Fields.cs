namespace Holdfast.Core.Postgres;

/// <content>The fields, and which values of them Holdfast supports.</content>
public sealed partial record ControlFile
{
    /// <summary>BLCKSZ that Holdfast supports, in bytes.</summary>
    public const int SupportedBlockSize = 8192;

    /// <summary>RELSEG_SIZE that Holdfast supports, in blocks: 1 GiB.</summary>
    public const int SupportedRelationSegmentBlocks = 131072;

    /// <summary>XLOG_BLCKSZ that Holdfast supports, in bytes.</summary>
    public const int SupportedWalBlockSize = 8192;

    /// <summary>system_identifier.</summary>
    public required SystemIdentifier SystemIdentifier { get; init; }

    /// <summary>pg_control_version: 1300 for PostgreSQL 13 to 16, 1700, 1800.</summary>
    public required uint ControlVersion { get; init; }

    /// <summary>catalog_version_no, a date and a counter (catalog/catversion.h); tells the major version.</summary>
    public required uint CatalogVersion { get; init; }

    /// <summary>state.</summary>
    public required DatabaseState State { get; init; }

    /// <summary>time: the last change of pg_control, to the second.</summary>
    public required PostgresTime Modified { get; init; }

    /// <summary>checkPoint: where the last checkpoint's record starts.</summary>
    public required Lsn CheckpointLsn { get; init; }

    /// <summary>checkPointCopy: the last checkpoint's record.</summary>
    public required ControlCheckpoint Checkpoint { get; init; }

    /// <summary>unloggedLSN: the counter that stands in for LSNs in unlogged relations.</summary>
    public required Lsn UnloggedLsn { get; init; }

    /// <summary>minRecoveryPoint: replay must reach this before the data is consistent; invalid outside recovery.</summary>
    public required Lsn MinRecoveryPoint { get; init; }

    /// <summary>minRecoveryPointTLI; zero outside recovery.</summary>
    public required TimelineId MinRecoveryTimeline { get; init; }

    /// <summary>backupStartPoint: set while recovering from a backup whose end record was not yet seen.</summary>
    public required Lsn BackupStartPoint { get; init; }

    /// <summary>backupEndPoint: set while recovering from a backup taken on a standby.</summary>
    public required Lsn BackupEndPoint { get; init; }

    /// <summary>backupEndRequired.</summary>
    public required bool BackupEndRequired { get; init; }

    /// <summary>wal_level.</summary>
    public required WalLevel WalLevel { get; init; }

    /// <summary>wal_log_hints.</summary>
    public required bool WalLogHints { get; init; }

    /// <summary>max_connections; a standby needs at least as many.</summary>
    public required int MaxConnections { get; init; }

    /// <summary>max_worker_processes; a standby needs at least as many.</summary>
    public required int MaxWorkerProcesses { get; init; }

    /// <summary>max_wal_senders; a standby needs at least as many.</summary>
    public required int MaxWalSenders { get; init; }

    /// <summary>max_prepared_transactions; a standby needs at least as many.</summary>
    public required int MaxPreparedTransactions { get; init; }

    /// <summary>max_locks_per_transaction; a standby needs at least as many.</summary>
    public required int MaxLocksPerTransaction { get; init; }

    /// <summary>track_commit_timestamp.</summary>
    public required bool TrackCommitTimestamp { get; init; }

    /// <summary>maxAlign in bytes.</summary>
    public required uint MaxAlign { get; init; }

    /// <summary>floatFormat: 1234567.0 where floating point is IEEE 754.</summary>
    public required double FloatFormat { get; init; }

    /// <summary>blcksz in bytes.</summary>
    public required uint BlockSize { get; init; }

    /// <summary>relseg_size in blocks.</summary>
    public required uint RelationSegmentBlocks { get; init; }

    /// <summary>xlog_blcksz in bytes.</summary>
    public required uint WalBlockSize { get; init; }

    /// <summary>xlog_seg_size.</summary>
    public required WalSegmentSize WalSegmentSize { get; init; }

    /// <summary>nameDataLen in bytes.</summary>
    public required uint NameDataLength { get; init; }

    /// <summary>indexMaxKeys.</summary>
    public required uint IndexMaxKeys { get; init; }

    /// <summary>toast_max_chunk_size in bytes.</summary>
    public required uint ToastMaxChunkSize { get; init; }

    /// <summary>loblksize in bytes.</summary>
    public required uint LargeObjectBlockSize { get; init; }

    /// <summary>float8ByVal.</summary>
    public required bool Float8ByValue { get; init; }

    /// <summary>data_checksum_version: 0 when data checksums are off.</summary>
    public required uint DataChecksumVersion { get; init; }

    /// <summary>default_char_signedness, from PostgreSQL 18 on; null before.</summary>
    public required bool? DefaultCharSigned { get; init; }

    /// <summary>Whether pages carry checksums.</summary>
    public bool HasDataChecksums => DataChecksumVersion != 0;

    /// <summary>The major version that has this catalog version; null for one that is no release of 14 to 18.</summary>
    public int? MajorVersion => CatalogVersion switch
    {
        202107181 => 14,
        202209061 => 15,
        202307071 => 16,
        202406281 => 17,
        202506291 => 18,
        _ => null,
    };

    /// <summary>The folder of this cluster's files inside a tablespace (common/relpath.h, TABLESPACE_VERSION_DIRECTORY): PG_17_202406281.</summary>
    /// <exception cref="RefusedException">Not a release of PostgreSQL 14 to 18.</exception>
    public string TablespaceVersionDirectory => string.Create(System.Globalization.CultureInfo.InvariantCulture,
        $"PG_{MajorVersion ?? throw UnknownCatalog()}_{CatalogVersion}");

    /// <summary>Refuses, by name, a server built with sizes or of a version that Holdfast does not support.</summary>
    /// <exception cref="RefusedException">What is not supported, the value found and the one expected.</exception>
    public void EnsureSupported()
    {
        if (MajorVersion is null) throw UnknownCatalog();
        Ensure("BLCKSZ", BlockSize, SupportedBlockSize, "bytes");
        Ensure("RELSEG_SIZE", RelationSegmentBlocks, SupportedRelationSegmentBlocks, "blocks");
        Ensure("XLOG_BLCKSZ", WalBlockSize, SupportedWalBlockSize, "bytes");
        Ensure("MAXIMUM_ALIGNOF", MaxAlign, 8, "bytes");
        if (FloatFormat != 1234567.0) throw new RefusedException("the cluster's floating-point format is not IEEE 754");
        if (DataChecksumVersion > 1)
            throw new RefusedException($"the cluster has data checksum version {DataChecksumVersion}, supported are 0 (off) and 1");
    }

    private RefusedException UnknownCatalog() =>
        new($"the cluster has catalog version {CatalogVersion}, which is no release of PostgreSQL 14 to 18",
            "Betas, forks and other versions are not supported.");

    private static void Ensure(string name, uint actual, uint expected, string unit)
    {
        if (actual != expected)
            throw new RefusedException($"the server was built with {name} = {actual} {unit}; supported is {expected}",
                $"Only PostgreSQL's default {name} is supported so far.");
    }
}

/// <summary>The checkpoint record that pg_control keeps a copy of (catalog/pg_control.h, CheckPoint).</summary>
public sealed record ControlCheckpoint
{
    /// <summary>redo: where replay of this checkpoint starts.</summary>
    public required Lsn Redo { get; init; }

    /// <summary>ThisTimeLineID.</summary>
    public required TimelineId Timeline { get; init; }

    /// <summary>PrevTimeLineID: differs from <see cref="Timeline"/> only when the record begins a timeline.</summary>
    public required TimelineId PreviousTimeline { get; init; }

    /// <summary>full_page_writes then.</summary>
    public required bool FullPageWrites { get; init; }

    /// <summary>nextXid with its epoch in the high half.</summary>
    public required ulong NextXid { get; init; }

    /// <summary>nextOid.</summary>
    public required uint NextOid { get; init; }

    /// <summary>nextMulti.</summary>
    public required uint NextMultiXact { get; init; }

    /// <summary>nextMultiOffset.</summary>
    public required uint NextMultiXactOffset { get; init; }

    /// <summary>oldestXid.</summary>
    public required uint OldestXid { get; init; }

    /// <summary>oldestXidDB.</summary>
    public required uint OldestXidDatabase { get; init; }

    /// <summary>oldestMulti.</summary>
    public required uint OldestMultiXact { get; init; }

    /// <summary>oldestMultiDB.</summary>
    public required uint OldestMultiXactDatabase { get; init; }

    /// <summary>time: when the checkpoint was made, to the second.</summary>
    public required PostgresTime Time { get; init; }

    /// <summary>oldestCommitTsXid.</summary>
    public required uint OldestCommitTimestampXid { get; init; }

    /// <summary>newestCommitTsXid.</summary>
    public required uint NewestCommitTimestampXid { get; init; }

    /// <summary>oldestActiveXid.</summary>
    public required uint OldestActiveXid { get; init; }
}
