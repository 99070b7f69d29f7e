using System.Buffers.Binary;
using System.Globalization;
using System.IO.Compression;
using CsCheck;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>
/// tests/golden/pages/{what}.{first block}.gz: consecutive pages of relation files as a PostgreSQL 17.10 server with data checksums left them after a
/// clean shutdown: heap, every built-in index method, free-space and visibility map, a sequence, a catalog, and both sides of a 1 GiB file boundary.
/// </summary>
public class PageChecksumTests
{
    private static readonly string[] Names = [.. Directory.GetFiles(Golden.PathOf("pages"), "*.gz").Select(path => Path.GetFileName(path)).Order()];

    public static TheoryData<string> Files => [.. Names];

    [Theory, MemberData(nameof(Files))]
    public void Accepts_every_page_of_a_real_server(string file)
    {
        var (pages, first) = Read(file);
        Assert.Equal(-1, PageChecksum.FirstBad(pages, first));
    }

    [Theory, MemberData(nameof(Files))]
    public void Computes_what_a_real_server_stored(string file)
    {
        var (pages, first) = Read(file);
        for (var i = 0; i < pages.Length / 8192; i++)
        {
            var page = pages.AsSpan(i * 8192, 8192);
            if (PageHeader.IsNew(page)) continue;
            var header = PageHeader.Read(page);
            Assert.Equal(header.Checksum, PageChecksum.Compute(page, first + (uint)i));
            Assert.NotEqual(header.Checksum, PageChecksum.Compute(page, first + (uint)i + 1));
            Assert.True(header.IsPlausible);
            Assert.Equal((8192, PageHeader.CurrentLayout), (header.PageSize, header.LayoutVersion));
            Assert.True(header.Lsn <= Lsn.Parse("1/0"));
        }
    }

    [Fact]
    public void Covers_more_than_a_hundred_pages_of_twelve_kinds()
    {
        Assert.True(Names.Length >= 12);
        Assert.True(Names.Sum(row => Read(row).Pages.Length / 8192) > 100);
    }

    [Fact]
    public void Takes_in_the_block_number_within_the_relation_not_within_the_file()
    {
        var (pages, first) = Read("second_segment.131072.gz");
        Assert.Equal(131072u, first);
        Assert.Equal(0, PageChecksum.FirstBad(pages, 0));
    }

    [Fact]
    public void Gives_the_same_with_every_vector_width() => Gen.Byte.Array[8192].Select(Gen.UInt).Sample((page, block) =>
    {
        Assert.Equal(PageChecksum.FoldScalar(ref page[0]), PageChecksum.Fold128(ref page[0]));
        Assert.Equal(PageChecksum.FoldScalar(ref page[0]), PageChecksum.Fold256(ref page[0]));
        Assert.Equal(Definition(page, block), PageChecksum.Compute(page, block));
    }, iter: 300);

    [Fact]
    public void Does_not_depend_on_the_stored_checksum() => Gen.Byte.Array[8192].Select(Gen.UShort).Sample((page, stored) =>
    {
        var before = PageChecksum.Compute(page, 7);
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(8), stored);
        return PageChecksum.Compute(page, 7) == before && before != 0;
    }, iter: 300);

    [Fact]
    public void Finds_any_flipped_bit_and_names_its_page()
    {
        var (pages, first) = Read("heap.0.gz");
        Gen.Int[0, pages.Length * 8 - 1].Sample(bit =>
        {
            var damaged = pages.ToArray();
            damaged[bit / 8] ^= (byte)(1 << bit % 8);
            return PageChecksum.FirstBad(damaged, first) == bit / 8 / 8192;
        }, iter: 200);
    }

    [Fact]
    public void Accepts_a_page_of_zeros_and_refuses_one_that_only_looks_new()
    {
        var page = new byte[8192];
        Assert.True(PageChecksum.IsGood(page, 0));
        page[8191] = 1;
        Assert.False(PageChecksum.IsGood(page, 0));
        BinaryPrimitives.WriteUInt16LittleEndian(page.AsSpan(8), PageChecksum.Compute(page, 0));
        Assert.False(PageChecksum.IsGood(page, 0));
    }

    [Fact]
    public void Refuses_pieces_of_pages_and_block_numbers_beyond_32_bits()
    {
        Assert.Throws<ArgumentException>(() => PageChecksum.FirstBad(new byte[8191], 0));
        Assert.Throws<ArgumentException>(() => PageChecksum.Compute(new byte[8193], 0));
        Assert.Throws<ArgumentException>(() => PageChecksum.IsGood(new byte[0], 0));
        Assert.Throws<ArgumentException>(() => PageChecksum.FirstBad(new byte[2 * 8192], uint.MaxValue));
        Assert.Equal(-1, PageChecksum.FirstBad(new byte[8192], uint.MaxValue));
        Assert.Equal(-1, PageChecksum.FirstBad([], 0));
        Assert.Throws<ArgumentException>(() => PageHeader.Read(new byte[23]));
    }

    [Fact]
    public void Reads_the_fields_of_a_header()
    {
        byte[] bytes = [1, 0, 0, 0, 2, 0, 0, 0, 0x34, 0x12, 4, 0, 28, 0, 0, 0x1F, 0xF0, 0x1F, 4, 0x20, 0, 0, 0, 0];
        Assert.Equal(new PageHeader(Lsn.Parse("1/2"), 0x1234, 4, 28, 0x1F00, 0x1FF0, 0x2004), PageHeader.Read(bytes));
        Assert.True(PageHeader.Read(bytes).IsPlausible);
        Assert.False((PageHeader.Read(bytes) with { Flags = 8 }).IsPlausible);
        Assert.False((PageHeader.Read(bytes) with { Lower = 0x1F01 }).IsPlausible);
        Assert.False((PageHeader.Read(bytes) with { Special = 8200 }).IsPlausible);
        Assert.False((PageHeader.Read(bytes) with { Special = 0x1FF4 }).IsPlausible);
    }

    /// <summary>The definition written row by row, in another order than the code under test.</summary>
    private static ushort Definition(byte[] page, uint block)
    {
        var words = new uint[2048];
        Buffer.BlockCopy(page, 0, words, 0, page.Length);
        words[2] &= 0xFFFF0000;
        var sums = new uint[32];
        for (var lane = 0; lane < 32; lane++) sums[lane] = Basis[lane];
        foreach (var row in words.Chunk(32).Concat([new uint[32], new uint[32]]))
            for (var lane = 0; lane < 32; lane++)
            {
                var mixed = sums[lane] ^ row[lane];
                sums[lane] = unchecked(mixed * 16777619) ^ (mixed >> 17);
            }

        return (ushort)((sums.Aggregate((a, b) => a ^ b) ^ block) % 65535 + 1);
    }

    private static readonly uint[] Basis =
    [
        0x5B1F36E9, 0xB8525960, 0x02AB50AA, 0x1DE66D2A, 0x79FF467A, 0x9BB9F8A3, 0x217E7CD2, 0x83E13D2C,
        0xF8D4474F, 0xE39EB970, 0x42C6AE16, 0x993216FA, 0x7B093B5D, 0x98DAFF3C, 0xF718902A, 0x0B1C9CDB,
        0xE58F764B, 0x187636BC, 0x5D7B3BB1, 0xE73DE7DE, 0x92BEC979, 0xCCA6C0B2, 0x304A0979, 0x85AA43D4,
        0x783125BB, 0x6CA8EAA2, 0xE407EAC6, 0x4B5CFC3E, 0x9FBF8C76, 0x15CA20BE, 0xF2CA9FD3, 0x959BD756,
    ];

    private static (byte[] Pages, uint First) Read(string file)
    {
        using var unzip = new GZipStream(File.OpenRead(Golden.PathOf("pages", file)), CompressionMode.Decompress);
        using var pages = new MemoryStream();
        unzip.CopyTo(pages);
        return (pages.ToArray(), uint.Parse(file.Split('.')[1], CultureInfo.InvariantCulture));
    }
}
