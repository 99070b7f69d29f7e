using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Arm = System.Runtime.Intrinsics.Arm;
using X86 = System.Runtime.Intrinsics.X86;

namespace Holdfast.Core.Postgres;

/// <summary>
/// CRC-32C (Castagnoli, reflected polynomial 0x82F63B78), as PostgreSQL's INIT/COMP/FIN_CRC32C (port/pg_crc32c.h) and RFC 3720 define it.
/// Every value here is finished (initial and final inversion applied), so the CRC of nothing is 0, values compare with those in WAL
/// records and pg_control as they are, and <c>Append(Append(0, a), b)</c> is the CRC of a followed by b.
/// </summary>
public static class Crc32C
{
    private const uint Polynomial = 0x82F63B78;

    /// <summary>Bytes in each of the three lanes that hide the latency of the processor's CRC instruction.</summary>
    private const int Lane = 512;

    private static readonly uint[] ByteTable = MakeByteTable();
    private static readonly uint[] SquareTable = MakeSquareTable();
    private static readonly uint[] LaneTable = MakeShiftTable(Lane);

    /// <summary>The CRC of the bytes that gave <paramref name="crc"/> followed by <paramref name="bytes"/>. Start with 0.</summary>
    public static uint Append(uint crc, ReadOnlySpan<byte> bytes)
    {
        if (X86.Sse42.X64.IsSupported || Arm.Crc32.Arm64.IsSupported) return ~AppendHardware(~crc, bytes);
        return ~AppendTable(~crc, bytes);
    }

    /// <summary>The CRC of <paramref name="bytes"/>.</summary>
    public static uint Of(ReadOnlySpan<byte> bytes) => Append(0, bytes);

    /// <summary>The CRC of that many zero bytes, without having them.</summary>
    public static uint OfZeros(long length) => Shift(uint.MaxValue, length) ^ uint.MaxValue;

    /// <summary>The CRC of A followed by B, from their CRCs and the length of B in bytes.</summary>
    public static uint Combine(uint crcA, uint crcB, long lengthB) => Shift(crcA, lengthB) ^ crcB;

    /// <summary>The CRC of B, from the CRC of A followed by B, the CRC of A, and the length of B in bytes: <see cref="Combine"/> undone.</summary>
    public static uint RemovePrefix(uint crcAB, uint crcA, long lengthB) => Shift(crcA, lengthB) ^ crcAB;

    /// <summary>The portable form, for processors without the instruction; also what the tests compare the fast form with.</summary>
    internal static uint AppendTable(uint state, ReadOnlySpan<byte> bytes)
    {
        foreach (var b in bytes) state = ByteTable[(byte)(state ^ b)] ^ state >> 8;
        return state;
    }

    private static uint AppendHardware(uint state, ReadOnlySpan<byte> bytes)
    {
        while (bytes.Length >= 3 * Lane)
        {
            state = ThreeLanes(state, bytes);
            bytes = bytes[(3 * Lane)..];
        }
        ref var at = ref MemoryMarshal.GetReference(bytes);
        var length = bytes.Length;
        var i = 0;
        for (; i <= length - 8; i += 8) state = Step(state, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i)));
        if ((length & 4) != 0)
        {
            state = Step(state, Unsafe.ReadUnaligned<uint>(ref Unsafe.Add(ref at, i)));
            i += 4;
        }
        for (; i < length; i++) state = Step(state, Unsafe.Add(ref at, i));
        return state;
    }

    /// <summary>Three independent chains over neighbouring lanes; a zero-started lane joins the one before it shifted by a lane.</summary>
    private static uint ThreeLanes(uint state, ReadOnlySpan<byte> bytes)
    {
        ref var at = ref MemoryMarshal.GetReference(bytes);
        uint second = 0, third = 0;
        for (var i = 0; i < Lane; i += 8)
        {
            state = Step(state, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i)));
            second = Step(second, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i + Lane)));
            third = Step(third, Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref at, i + 2 * Lane)));
        }
        return ShiftLane(ShiftLane(state) ^ second) ^ third;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint state, ulong eightBytes)
    {
        if (!BitConverter.IsLittleEndian) eightBytes = BinaryPrimitives.ReverseEndianness(eightBytes);
        return X86.Sse42.X64.IsSupported ? (uint)X86.Sse42.X64.Crc32(state, eightBytes) : Arm.Crc32.Arm64.ComputeCrc32C(state, eightBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint state, uint fourBytes)
    {
        if (!BitConverter.IsLittleEndian) fourBytes = BinaryPrimitives.ReverseEndianness(fourBytes);
        return X86.Sse42.X64.IsSupported ? X86.Sse42.Crc32(state, fourBytes) : Arm.Crc32.ComputeCrc32C(state, fourBytes);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Step(uint state, byte oneByte) =>
        X86.Sse42.X64.IsSupported ? X86.Sse42.Crc32(state, oneByte) : Arm.Crc32.ComputeCrc32C(state, oneByte);

    private static uint ShiftLane(uint state)
    {
        var table = LaneTable;
        return table[(byte)state] ^ table[256 + (byte)(state >> 8)] ^ table[512 + (byte)(state >> 16)] ^ table[768 + (state >> 24)];
    }

    /// <summary>What <paramref name="state"/> becomes when <paramref name="bytes"/> zero bytes pass: its product with x^(8·bytes).</summary>
    private static uint Shift(uint state, long bytes)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(bytes);
        var power = 3;
        for (; bytes != 0; bytes >>= 1, power++)
            if ((bytes & 1) != 0) state = Multiply(SquareTable[power % 31], state);
        return state;
    }

    /// <summary>Product of two reflected polynomials modulo the CRC's; bit 31 is x^0.</summary>
    private static uint Multiply(uint a, uint b)
    {
        uint product = 0;
        for (; a != 0; a <<= 1)
        {
            product ^= b & (uint)((int)a >> 31);
            b = b >> 1 ^ Polynomial & (uint)-(int)(b & 1);
        }
        return product;
    }

    private static uint[] MakeByteTable()
    {
        var table = new uint[256];
        for (uint i = 0; i < 256; i++)
        {
            var state = i;
            for (var bit = 0; bit < 8; bit++) state = (state & 1) != 0 ? state >> 1 ^ Polynomial : state >> 1;
            table[i] = state;
        }
        return table;
    }

    /// <summary>
    /// Entry k is x^(2^k). The polynomial is x+1 times a primitive one of degree 31, so the order of x is 2^31-1 and the 31st squaring
    /// gives x again. (Not the 32nd, as with the CRC-32 of zip files.)
    /// </summary>
    private static uint[] MakeSquareTable()
    {
        var table = new uint[31];
        table[0] = 0x4000_0000;
        for (var k = 1; k < table.Length; k++) table[k] = Multiply(table[k - 1], table[k - 1]);
        return table;
    }

    private static uint[] MakeShiftTable(int bytes)
    {
        var table = new uint[4 * 256];
        for (uint i = 0; i < 256; i++)
            for (var position = 0; position < 4; position++)
                table[position * 256 + i] = Shift(i << 8 * position, bytes);
        return table;
    }
}
