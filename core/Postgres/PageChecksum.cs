using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Holdfast.Core.Postgres;

/// <summary>
/// The checksum of data pages (storage/checksum_impl.h): 32 interleaved FNV-1a variants over the page as rows of 32 little-endian words, with
/// pd_checksum taken as zero, two more rounds of zero, folded by xor, xored with the block number, reduced to 1 … 65535.
/// </summary>
public static class PageChecksum
{
    /// <summary>BLCKSZ, in bytes.</summary>
    public const int PageSize = 8192;

    private const int Lanes = 32, RowBytes = Lanes * sizeof(uint), Rows = PageSize / RowBytes;
    private const uint Prime = 16777619;

    /// <summary>pd_checksum is the low half of the header's third word.</summary>
    private const int ChecksumWord = 2;
    private const uint ChecksumMask = 0xFFFF_0000;

    /// <summary>What the lanes start from: part of the on-disk format.</summary>
    private static ReadOnlySpan<uint> Basis =>
    [
        0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
        0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
        0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
        0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
    ];

    /// <summary>The checksum PostgreSQL stores in a page; what pd_checksum holds now does not matter.</summary>
    /// <param name="page">8192 bytes.</param>
    /// <param name="blockNumber">The block's number within its fork: 131072 times the file's segment number, plus its index in it.</param>
    /// <exception cref="ArgumentException">Not 8192 bytes.</exception>
    public static ushort Compute(ReadOnlySpan<byte> page, uint blockNumber)
    {
        if (page.Length != PageSize) throw new ArgumentException($"a page has {PageSize} bytes, not {page.Length}", nameof(page));
        return Reduce(Fold(ref MemoryMarshal.GetReference(page)), blockNumber);
    }

    /// <summary>
    /// Whether a page is all zero, or initialised with the right checksum (bufpage.c, PageIsVerified). A page whose pd_upper is 0 without being
    /// all zero is not.
    /// </summary>
    /// <param name="page">8192 bytes.</param>
    /// <param name="blockNumber">As for <see cref="Compute"/>.</param>
    /// <exception cref="ArgumentException">Not 8192 bytes.</exception>
    public static bool IsGood(ReadOnlySpan<byte> page, uint blockNumber)
    {
        if (page.Length != PageSize) throw new ArgumentException($"a page has {PageSize} bytes, not {page.Length}", nameof(page));
        var upper = BinaryPrimitives.ReadUInt16LittleEndian(page[14..]);
        return upper == 0
            ? PageHeader.IsNew(page)
            : BinaryPrimitives.ReadUInt16LittleEndian(page[8..]) == Reduce(Fold(ref MemoryMarshal.GetReference(page)), blockNumber);
    }

    /// <summary>Verifies consecutive pages.</summary>
    /// <param name="pages">A whole number of pages.</param>
    /// <param name="firstBlock">Block number of the first.</param>
    /// <returns>The index of the first page that is not good, or -1. Callers go on after it with the rest.</returns>
    /// <exception cref="ArgumentException">Not a whole number of pages, or block numbers beyond 32 bits.</exception>
    public static int FirstBad(ReadOnlySpan<byte> pages, uint firstBlock)
    {
        var (count, rest) = Math.DivRem(pages.Length, PageSize);
        if (rest != 0) throw new ArgumentException($"{pages.Length} bytes are no whole number of pages", nameof(pages));
        if (firstBlock + (ulong)count > 1UL << 32) throw new ArgumentException("block numbers have 32 bits", nameof(firstBlock));
        for (var index = 0; index < count; index++)
            if (!IsGood(pages.Slice(index * PageSize, PageSize), firstBlock + (uint)index)) return index;
        return -1;
    }

    private static ushort Reduce(uint folded, uint blockNumber) => (ushort)((folded ^ blockNumber) % 65535 + 1);

    private static uint Fold(ref byte page) => !BitConverter.IsLittleEndian ? FoldScalar(ref page)
        : Vector256.IsHardwareAccelerated ? Fold256(ref page)
        : Vector128.IsHardwareAccelerated ? Fold128(ref page)
        : FoldScalar(ref page);

    /// <summary>
    /// Four accumulators of eight lanes: their multiplications overlap, and the whole state stays in registers. The first row, where pd_checksum is
    /// masked, stands outside the loop: a mask inside it costs two thirds of the speed.
    /// </summary>
    internal static uint Fold256(ref byte page)
    {
        ref var basis = ref Unsafe.As<uint, byte>(ref MemoryMarshal.GetReference(Basis));
        var a = Load256(ref basis, 0);
        var b = Load256(ref basis, 32);
        var c = Load256(ref basis, 64);
        var d = Load256(ref basis, 96);
        a = Mix(a ^ (Load256(ref page, 0) & Vector256<uint>.AllBitsSet.WithElement(ChecksumWord, ChecksumMask)));
        b = Mix(b ^ Load256(ref page, 32));
        c = Mix(c ^ Load256(ref page, 64));
        d = Mix(d ^ Load256(ref page, 96));
        for (nuint at = RowBytes; at < PageSize; at += RowBytes)
        {
            a = Mix(a ^ Load256(ref page, at));
            b = Mix(b ^ Load256(ref page, at + 32));
            c = Mix(c ^ Load256(ref page, at + 64));
            d = Mix(d ^ Load256(ref page, at + 96));
        }

        var folded = Mix(Mix(a)) ^ Mix(Mix(b)) ^ Mix(Mix(c)) ^ Mix(Mix(d));
        return FoldLanes(folded.GetLower() ^ folded.GetUpper());
    }

    /// <summary>As <see cref="Fold256"/> where vectors have 128 bits (NEON, SSE4.1): two halves of the lanes, to stay within 16 registers.</summary>
    internal static uint Fold128(ref byte page)
    {
        var folded = Fold128(ref page, 0) ^ Fold128(ref page, RowBytes / 2);
        return FoldLanes(folded);
    }

    private static Vector128<uint> Fold128(ref byte page, nuint column)
    {
        ref var basis = ref Unsafe.As<uint, byte>(ref MemoryMarshal.GetReference(Basis));
        var a = Load128(ref basis, column);
        var b = Load128(ref basis, column + 16);
        var c = Load128(ref basis, column + 32);
        var d = Load128(ref basis, column + 48);
        var mask = column == 0 ? Vector128<uint>.AllBitsSet.WithElement(ChecksumWord, ChecksumMask) : Vector128<uint>.AllBitsSet;
        a = Mix(a ^ (Load128(ref page, column) & mask));
        b = Mix(b ^ Load128(ref page, column + 16));
        c = Mix(c ^ Load128(ref page, column + 32));
        d = Mix(d ^ Load128(ref page, column + 48));
        for (var at = column + RowBytes; at < PageSize; at += RowBytes)
        {
            a = Mix(a ^ Load128(ref page, at));
            b = Mix(b ^ Load128(ref page, at + 16));
            c = Mix(c ^ Load128(ref page, at + 32));
            d = Mix(d ^ Load128(ref page, at + 48));
        }

        return Mix(Mix(a)) ^ Mix(Mix(b)) ^ Mix(Mix(c)) ^ Mix(Mix(d));
    }

    /// <summary>The definition, lane by lane; also the only form for big-endian machines.</summary>
    internal static uint FoldScalar(ref byte page)
    {
        var bytes = MemoryMarshal.CreateReadOnlySpan(ref page, PageSize);
        var folded = 0u;
        for (var lane = 0; lane < Lanes; lane++)
        {
            var sum = Basis[lane];
            for (var row = 0; row < Rows; row++)
            {
                var word = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(row * RowBytes + lane * sizeof(uint))..]);
                sum = Mix(sum ^ (row == 0 && lane == ChecksumWord ? word & ChecksumMask : word));
            }

            folded ^= Mix(Mix(sum));
        }

        return folded;
    }

    private static uint FoldLanes(Vector128<uint> lanes) => lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3];

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Load256(ref byte start, nuint offset) => Vector256.LoadUnsafe(ref start, offset).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Load128(ref byte start, nuint offset) => Vector128.LoadUnsafe(ref start, offset).AsUInt32();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Mix(Vector256<uint> value) => (value * Vector256.Create(Prime)) ^ (value >>> 17);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<uint> Mix(Vector128<uint> value) => (value * Vector128.Create(Prime)) ^ (value >>> 17);

    private static uint Mix(uint value) => value * Prime ^ value >> 17;
}
