using static System.Buffers.Binary.BinaryPrimitives;

namespace Holdfast.Core.Postgres;

/// <summary>What a cluster was doing when it last wrote pg_control (catalog/pg_control.h, DBState).</summary>
public enum DatabaseState
{
    /// <summary>initdb has not finished.</summary>
    StartingUp,

    /// <summary>Shut down cleanly as a primary.</summary>
    ShutDown,

    /// <summary>Shut down cleanly while in recovery.</summary>
    ShutDownInRecovery,

    /// <summary>Shutting down.</summary>
    ShuttingDown,

    /// <summary>Recovering from a crash.</summary>
    InCrashRecovery,

    /// <summary>A standby, or recovering from an archive.</summary>
    InArchiveRecovery,

    /// <summary>In production.</summary>
    InProduction,
}

/// <summary>wal_level as pg_control numbers it (access/xlog.h, WalLevel).</summary>
public enum WalLevel
{
    /// <summary>Only enough for crash recovery: nothing a backup could be recovered with.</summary>
    Minimal,

    /// <summary>Enough for archiving and standbys.</summary>
    Replica,

    /// <summary>Also enough for logical decoding.</summary>
    Logical,
}

/// <summary>
/// global/pg_control of PostgreSQL 14 to 18 (catalog/pg_control.h): little-endian, naturally aligned, 8192 bytes on disk of which fewer than 300
/// are used, a CRC-32C after the last field. Formats 1300 (13 to 16), 1700 and 1800 differ only in a flag before the nonce, from 1800 on.
/// </summary>
public sealed partial record ControlFile
{
    /// <summary>Bytes of the file on disk (PG_CONTROL_FILE_SIZE).</summary>
    public const int FileSize = 8192;

    /// <summary>Path below PGDATA (XLOG_CONTROL_FILE).</summary>
    public const string RelativePath = "global/pg_control";

    private const int CheckpointOffset = 40, NonceOffset = 256, NonceLength = 32;

    private ControlFile()
    {
    }

    /// <summary>Parses and checks the whole file. A running server rewrites it in place, so a reader tries again when the CRC does not hold.</summary>
    /// <param name="file">The 8192 bytes.</param>
    /// <exception cref="DamagedException">Wrong length or CRC, or a value that PostgreSQL never writes.</exception>
    /// <exception cref="RefusedException">A format other than those of PostgreSQL 14 to 18 on a little-endian machine.</exception>
    public static ControlFile Parse(ReadOnlySpan<byte> file)
    {
        if (file.Length != FileSize) throw new DamagedException($"pg_control has {file.Length} bytes, expected {FileSize}");
        var version = ReadUInt32LittleEndian(file[8..]);
        if (version is not (1300 or 1700 or 1800)) throw UnknownVersion(version);
        var hasSignedness = version >= 1800;
        CheckCrc(file, hasSignedness ? (NonceOffset + 1 + NonceLength + 3) & ~3 : NonceOffset + NonceLength);
        return Read(file, version, hasSignedness);
    }

    private static RefusedException UnknownVersion(uint version) => ReverseEndianness(version) is 1300 or 1700 or 1800
        ? new RefusedException($"pg_control was written by a big-endian machine (format {ReverseEndianness(version)} byte-swapped)")
        : new RefusedException($"pg_control has format {version}, expected 1300, 1700 or 1800", "Holdfast supports PostgreSQL 14 to 18.");

    private static void CheckCrc(ReadOnlySpan<byte> file, int crcOffset)
    {
        var expected = ReadUInt32LittleEndian(file[crcOffset..]);
        var actual = Crc32C.Of(file[..crcOffset]);
        if (actual != expected)
            throw new DamagedException($"pg_control fails its CRC: stored {expected:X8}, computed {actual:X8}",
                "A running server rewrites pg_control: read it again. If it stays so, the file is damaged.");
    }

    private static ControlFile Read(ReadOnlySpan<byte> file, uint version, bool hasSignedness) => new()
    {
        SystemIdentifier = new SystemIdentifier(ReadUInt64LittleEndian(file)),
        ControlVersion = version,
        CatalogVersion = U32(file, 12),
        State = U32(file, 16) is var state && state <= (uint)DatabaseState.InProduction ? (DatabaseState)state : throw Impossible("state", state),
        Modified = Time(file, 24),
        CheckpointLsn = At(file, 32),
        Checkpoint = ReadCheckpoint(file.Slice(CheckpointOffset, 88)),
        UnloggedLsn = At(file, 128),
        MinRecoveryPoint = At(file, 136),
        MinRecoveryTimeline = new TimelineId(U32(file, 144)),
        BackupStartPoint = At(file, 152),
        BackupEndPoint = At(file, 160),
        BackupEndRequired = Flag(file, 168, "backupEndRequired"),
        WalLevel = U32(file, 172) is var level && level <= (uint)WalLevel.Logical ? (WalLevel)level : throw Impossible("wal_level", level),
        WalLogHints = Flag(file, 176, "wal_log_hints"),
        MaxConnections = I32(file, 180),
        MaxWorkerProcesses = I32(file, 184),
        MaxWalSenders = I32(file, 188),
        MaxPreparedTransactions = I32(file, 192),
        MaxLocksPerTransaction = I32(file, 196),
        TrackCommitTimestamp = Flag(file, 200, "track_commit_timestamp"),
        MaxAlign = U32(file, 204),
        FloatFormat = ReadDoubleLittleEndian(file[208..]),
        BlockSize = U32(file, 216),
        RelationSegmentBlocks = U32(file, 220),
        WalBlockSize = U32(file, 224),
        WalSegmentSize = U32(file, 228) is var size && WalSegmentSize.IsValid(size) ? new WalSegmentSize(size) : throw Impossible("xlog_seg_size", size),
        NameDataLength = U32(file, 232),
        IndexMaxKeys = U32(file, 236),
        ToastMaxChunkSize = U32(file, 240),
        LargeObjectBlockSize = U32(file, 244),
        Float8ByValue = Flag(file, 248, "float8ByVal"),
        DataChecksumVersion = U32(file, 252),
        DefaultCharSigned = hasSignedness ? Flag(file, NonceOffset, "default_char_signedness") : null,
    };

    private static ControlCheckpoint ReadCheckpoint(ReadOnlySpan<byte> copy) => new()
    {
        Redo = At(copy, 0),
        Timeline = U32(copy, 8) is > 0 and var timeline ? new TimelineId(timeline) : throw Impossible("ThisTimeLineID", 0),
        PreviousTimeline = new TimelineId(U32(copy, 12)),
        FullPageWrites = Flag(copy, 16, "fullPageWrites"),
        NextXid = ReadUInt64LittleEndian(copy[24..]),
        NextOid = U32(copy, 32),
        NextMultiXact = U32(copy, 36),
        NextMultiXactOffset = U32(copy, 40),
        OldestXid = U32(copy, 44),
        OldestXidDatabase = U32(copy, 48),
        OldestMultiXact = U32(copy, 52),
        OldestMultiXactDatabase = U32(copy, 56),
        Time = Time(copy, 64),
        OldestCommitTimestampXid = U32(copy, 72),
        NewestCommitTimestampXid = U32(copy, 76),
        OldestActiveXid = U32(copy, 80),
    };

    private static uint U32(ReadOnlySpan<byte> bytes, int offset) => ReadUInt32LittleEndian(bytes[offset..]);

    private static int I32(ReadOnlySpan<byte> bytes, int offset) => ReadInt32LittleEndian(bytes[offset..]);

    private static Lsn At(ReadOnlySpan<byte> bytes, int offset) => new(ReadUInt64LittleEndian(bytes[offset..]));

    private static bool Flag(ReadOnlySpan<byte> bytes, int offset, string field) =>
        bytes[offset] is var value && value <= 1 ? value == 1 : throw Impossible(field, value);

    /// <summary>pg_time_t: whole seconds since 1970-01-01 UTC.</summary>
    private static PostgresTime Time(ReadOnlySpan<byte> bytes, int offset)
    {
        const long SecondsTo2000 = 946_684_800, YearTenThousand = 253_402_300_800;
        var seconds = ReadInt64LittleEndian(bytes[offset..]);
        return seconds is >= 0 and < YearTenThousand
            ? new PostgresTime((seconds - SecondsTo2000) * 1_000_000)
            : throw new DamagedException($"pg_control holds a time of {seconds} seconds since 1970: PostgreSQL never writes that");
    }

    private static DamagedException Impossible(string field, uint value) =>
        new($"pg_control holds {field} = {value}: PostgreSQL never writes that");
}
