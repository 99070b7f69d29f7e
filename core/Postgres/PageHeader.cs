using static System.Buffers.Binary.BinaryPrimitives;

namespace Holdfast.Core.Postgres;

/// <summary>
/// The 24 bytes at the start of every page that PostgreSQL initialised (storage/bufpage.h, PageHeaderData), little-endian.
/// <see cref="Lsn"/> is stored as two 32-bit halves, the high one first.
/// </summary>
/// <param name="Lsn">pd_lsn: the end of the last WAL record that changed the page.</param>
/// <param name="Checksum">pd_checksum; meaningless when data checksums are off.</param>
/// <param name="Flags">pd_flags.</param>
/// <param name="Lower">pd_lower: the offset where free space starts.</param>
/// <param name="Upper">pd_upper: the offset where free space ends; 0 on a page that was never initialised.</param>
/// <param name="Special">pd_special: the offset of the index method's own part.</param>
/// <param name="SizeAndVersion">pd_pagesize_version: page size, a multiple of 256, plus the layout's version.</param>
public readonly record struct PageHeader(Lsn Lsn, ushort Checksum, ushort Flags, ushort Lower, ushort Upper, ushort Special, ushort SizeAndVersion)
{
    /// <summary>Bytes of the header, without line pointers.</summary>
    public const int Size = 24;

    /// <summary>PG_PAGE_LAYOUT_VERSION since PostgreSQL 8.3.</summary>
    public const int CurrentLayout = 4;

    private const ushort ValidFlags = 0x0007;

    /// <summary>The page's size in bytes, as the page claims.</summary>
    public int PageSize => SizeAndVersion & 0xFF00;

    /// <summary>The layout's version, as the page claims.</summary>
    public int LayoutVersion => SizeAndVersion & 0x00FF;

    /// <summary>
    /// Whether the header could be that of an initialised page: flags, order and alignment of the three offsets (bufpage.c, PageIsVerified).
    /// </summary>
    public bool IsPlausible =>
        (Flags & ~ValidFlags) == 0 && Lower <= Upper && Upper <= Special && Special <= PageChecksum.PageSize && Special % 8 == 0;

    /// <summary>Reads the header of a page.</summary>
    /// <param name="page">At least 24 bytes.</param>
    /// <exception cref="ArgumentException">Fewer bytes.</exception>
    public static PageHeader Read(ReadOnlySpan<byte> page)
    {
        if (page.Length < Size) throw new ArgumentException($"a page header has {Size} bytes, not {page.Length}", nameof(page));
        return new PageHeader(
            new Lsn((ulong)ReadUInt32LittleEndian(page) << 32 | ReadUInt32LittleEndian(page[4..])),
            ReadUInt16LittleEndian(page[8..]),
            ReadUInt16LittleEndian(page[10..]),
            ReadUInt16LittleEndian(page[12..]),
            ReadUInt16LittleEndian(page[14..]),
            ReadUInt16LittleEndian(page[16..]),
            ReadUInt16LittleEndian(page[18..]));
    }

    /// <summary>
    /// Whether the whole page is zero: a relation was extended, and nothing written yet. Such a page is valid and carries no checksum.
    /// (PostgreSQL's PageIsNew looks only at pd_upper; a page with pd_upper = 0 that is not all zero is damaged.)
    /// </summary>
    public static bool IsNew(ReadOnlySpan<byte> page) => !page.ContainsAnyExcept((byte)0);
}
