using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>
/// XLogRecord (access/xlogrecord.h), 24 bytes little-endian: u32 total length, u32 transaction, u64 previous record, u8 info, u8 resource
/// manager, 2 zero bytes, u32 CRC-32C. The CRC is over everything after the header, then the header up to the CRC (ValidXLogRecord).
/// </summary>
internal readonly record struct WalRecordHeader(uint TotalLength, uint Xid, Lsn Previous, byte Info, byte ResourceManager, uint Crc)
{
    public const int Length = 24;

    /// <summary>How much of the header its own CRC covers.</summary>
    public const int CoveredLength = 20;

    public static WalRecordHeader Read(ReadOnlySpan<byte> header) => new(
        BinaryPrimitives.ReadUInt32LittleEndian(header),
        BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
        new Lsn(BinaryPrimitives.ReadUInt64LittleEndian(header[8..])),
        header[16],
        header[17],
        BinaryPrimitives.ReadUInt32LittleEndian(header[20..]));

    /// <summary>The half of xl_info that is the resource manager's own.</summary>
    public byte Operation => (byte)(Info & 0xF0);

    public bool IsSwitch => ResourceManager == WalResourceManager.Xlog && Operation == WalResourceManager.XlogSwitch;

    public bool IsOverwriteContrecord =>
        ResourceManager == WalResourceManager.Xlog && Operation == WalResourceManager.XlogOverwriteContrecord;

    /// <summary>Where the next record may start: records start at multiples of 8 (MAXALIGN).</summary>
    public static long Align(long length) => length + 7 & ~7L;
}

/// <summary>Resource managers (access/rmgrlist.h) and the record kinds of theirs that the walker reads.</summary>
internal static class WalResourceManager
{
    public const byte Xlog = 0, Transaction = 1;

    /// <summary>RM_MAX_BUILTIN_ID of 14 to 18 (logical messages).</summary>
    public const byte LastBuiltIn = 21;

    /// <summary>RM_MIN_CUSTOM_ID, since 15.</summary>
    public const byte FirstCustom = 128;

    public const byte XlogCheckpointShutdown = 0x00, XlogCheckpointOnline = 0x10, XlogSwitch = 0x40, XlogParameterChange = 0x60,
        XlogRestorePoint = 0x70, XlogEndOfRecovery = 0x90, XlogOverwriteContrecord = 0xD0;

    /// <summary>XLOG_XACT_OPMASK, and the flag that xinfo follows the time.</summary>
    public const byte TransactionMask = 0x70, TransactionHasInfo = 0x80;

    public const byte TransactionCommit = 0x00, TransactionAbort = 0x20, TransactionCommitPrepared = 0x30, TransactionAbortPrepared = 0x40;

    public static bool IsValid(byte id, int major) => id <= LastBuiltIn || id >= FirstCustom && major >= 15;

    public static bool IsTransactionEnd(byte id, byte info) => id == Transaction
        && (info & TransactionMask) is TransactionCommit or TransactionAbort or TransactionCommitPrepared or TransactionAbortPrepared;
}
