using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>xlp_info of a page (access/xlog_internal.h, PostgreSQL 14 to 18).</summary>
[Flags]
internal enum WalPageFlags : ushort
{
    None = 0,

    /// <summary>The page begins with the continuation of a record.</summary>
    FirstIsContinuation = 0x0001,

    /// <summary>The long form, on the first page of each segment.</summary>
    LongHeader = 0x0002,

    /// <summary>A hint to WAL compressors that its full-page images may go; nothing checks it.</summary>
    BackupBlocksRemovable = 0x0004,

    /// <summary>The record the page before left open was lost in a crash and is to be forgotten.</summary>
    FirstOverwritesContinuation = 0x0008,

    All = FirstIsContinuation | LongHeader | BackupBlocksRemovable | FirstOverwritesContinuation,
}

/// <summary>
/// The header of a WAL page: XLogPageHeaderData, little-endian: u16 magic, u16 flags, u32 timeline, u64 address, u32 length of what is left
/// of a continued record, 4 bytes of padding; the long form adds u64 system identifier, u32 segment size, u32 page size.
/// </summary>
internal readonly ref struct WalPageHeader(ReadOnlySpan<byte> page)
{
    /// <summary>XLOG_BLCKSZ, the only size judged here.</summary>
    public const int PageSize = 8192;

    public const int ShortLength = 24;
    public const int LongLength = 40;

    private readonly ReadOnlySpan<byte> _page = page;

    public ushort Magic => BinaryPrimitives.ReadUInt16LittleEndian(_page);

    public WalPageFlags Flags => (WalPageFlags)BinaryPrimitives.ReadUInt16LittleEndian(_page[2..]);

    public TimelineId Timeline => new(BinaryPrimitives.ReadUInt32LittleEndian(_page[4..]));

    public Lsn Address => new(BinaryPrimitives.ReadUInt64LittleEndian(_page[8..]));

    public uint RemainingLength => BinaryPrimitives.ReadUInt32LittleEndian(_page[16..]);

    public SystemIdentifier SystemIdentifier => new(BinaryPrimitives.ReadUInt64LittleEndian(_page[24..]));

    public uint SegmentSize => BinaryPrimitives.ReadUInt32LittleEndian(_page[32..]);

    public uint BlockSize => BinaryPrimitives.ReadUInt32LittleEndian(_page[36..]);

    /// <summary>PostgreSQL's major version by page magic; null when the magic is none of 14 to 18.</summary>
    public static int? MajorOf(ushort magic) => magic switch
    {
        0xD10D => 14,
        0xD110 => 15,
        0xD113 => 16,
        0xD116 => 17,
        0xD118 => 18,
        _ => null,
    };

    /// <summary>
    /// Whether an unknown magic can be that of a PostgreSQL after 18: the number has only ever grown, by a few steps a release, and has
    /// stayed below 0xD200 since version 9.4.
    /// </summary>
    public static bool LooksNewer(ushort magic) => magic is > 0xD118 and < 0xD200;
}
