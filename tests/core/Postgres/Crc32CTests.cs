using System.Text;
using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

public sealed class Crc32CTests
{
    [Fact]
    public void Gives_the_published_values()
    {
        Assert.Equal(0xE3069283u, Crc32C.Of(Encoding.ASCII.GetBytes("123456789")));
        Assert.Equal(0x8A9136AAu, Crc32C.Of(new byte[32]));
        Assert.Equal(0x62A8AB43u, Crc32C.Of(Enumerable.Repeat((byte)0xFF, 32).ToArray()));
        Assert.Equal(0u, Crc32C.Of([]));
    }

    [Fact]
    public void Agrees_with_the_plain_table_however_the_bytes_are_cut() =>
        Gen.Select(Gen.Byte.Array[0, 9000], Gen.Int[0, 9000]).Sample((bytes, cut) =>
        {
            cut = Math.Min(cut, bytes.Length);
            var expected = ~Crc32C.AppendTable(~0u, bytes);
            return Crc32C.Of(bytes) == expected && Crc32C.Append(Crc32C.Of(bytes.AsSpan(0, cut)), bytes.AsSpan(cut)) == expected;
        }, iter: 500);

    [Fact]
    public void Combines_and_takes_apart_neighbours() =>
        Gen.Select(Gen.Byte.Array[0, 5000], Gen.Byte.Array[0, 5000]).Sample((a, b) =>
        {
            var joined = Crc32C.Append(Crc32C.Of(a), b);
            return Crc32C.Combine(Crc32C.Of(a), Crc32C.Of(b), b.Length) == joined
                && Crc32C.RemovePrefix(joined, Crc32C.Of(a), b.Length) == Crc32C.Of(b);
        }, iter: 500);

    [Fact]
    public void Combines_lengths_whose_bits_need_more_than_31_squarings()
    {
        const long Length = (1L << 29) + 12345;
        uint crc = 0x12345678, zeros = 0, expected = crc;
        var piece = new byte[1 << 20];
        for (long left = Length; left > 0; left -= piece.Length)
        {
            var length = (int)Math.Min(left, piece.Length);
            zeros = Crc32C.Append(zeros, piece.AsSpan(0, length));
            expected = Crc32C.Append(expected, piece.AsSpan(0, length));
        }
        Assert.Equal(expected, Crc32C.Combine(crc, zeros, Length));
    }
}
