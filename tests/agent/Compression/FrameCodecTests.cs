using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using CsCheck;
using Holdfast.Agent.Compression;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Agent.Compression;

/// <summary>The published binary has libzstd linked in; here the system's is loaded.</summary>
internal static class SystemZstd
{
    [ModuleInitializer]
    public static void Register() => NativeLibrary.SetDllImportResolver(typeof(NativeZstd).Assembly, (name, _, _) => name == "zstd" ? NativeLibrary.Load("libzstd.so.1") : 0);
}

public sealed class FrameCodecTests
{
    public enum Codec { Managed, Native }

    public static TheoryData<Codec, Codec> Pairs => new() { { Codec.Managed, Codec.Managed }, { Codec.Managed, Codec.Native }, { Codec.Native, Codec.Managed }, { Codec.Native, Codec.Native } };

    public static TheoryData<Codec> Codecs => [Codec.Managed, Codec.Native];

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Each_reads_the_others_frames(Codec writer, Codec reader)
    {
        using var compressor = Make(writer);
        using var decompressor = Make(reader);
        foreach (var length in new[] { 0, 1, 5, 255, 256, 8192, 65_791, 65_792, 262_144, 4 << 20 })
            foreach (var plain in new[] { new byte[length], Noise(length), Text(length) })
            {
                var frame = Compress(compressor, plain);
                var back = new byte[length];
                decompressor.Decompress(frame, back);
                Assert.Equal(plain, back);
            }
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void The_parameters_for_postgresql_give_frames_that_each_reads_and_that_are_no_larger(Codec writer, Codec reader)
    {
        using var compressor = writer == Codec.Managed ? new ZstdSharpCodec(ZstdParameters.ForPostgres(3)) : (IFrameCodec)new NativeZstd(ZstdParameters.ForPostgres(3));
        using var usual = Make(writer);
        using var decompressor = Make(reader);
        var (tuned, plain) = (0L, 0L);
        foreach (var (_, segment) in Core.Postgres.GoldenWal.Open(17).Segments(1))
        {
            var frame = Compress(compressor, segment);
            var back = new byte[segment.Length];
            decompressor.Decompress(frame, back);
            Assert.Equal(segment, back);
            (tuned, plain) = (tuned + frame.Length, plain + Compress(usual, segment).Length);
        }
        Assert.True(tuned < plain * 1.02, $"{tuned} bytes, at level 3 {plain}");
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public void Any_bytes_come_back(Codec writer, Codec reader)
    {
        using var compressor = Make(writer);
        using var decompressor = Make(reader);
        Gen.Byte.Array[0, 3000].Sample(plain =>
        {
            var back = new byte[plain.Length];
            decompressor.Decompress(Compress(compressor, plain), back);
            return back.AsSpan().SequenceEqual(plain);
        }, iter: 500, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void What_does_not_fit_gives_zero(Codec kind)
    {
        using var codec = Make(kind);
        Assert.Equal(0, codec.Compress(Noise(8192), new byte[8192]));
        Assert.Equal(0, codec.Compress(Noise(8192), []));
        Assert.NotEqual(0, codec.Compress(Noise(8192), new byte[9000]));
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Other_lengths_are_refused(Codec kind)
    {
        using var codec = Make(kind);
        var frame = Compress(codec, Text(8192));
        foreach (var length in new[] { 0, 1, 8191, 8193, 1 << 20 })
            Assert.Equal($"a zstd frame holds 8192 bytes, expected {length}", Assert.Throws<DamagedException>(() => codec.Decompress(frame, new byte[length])).Message);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void More_or_less_than_one_frame_is_refused(Codec kind)
    {
        using var codec = Make(kind);
        var frame = Compress(codec, Text(8192));
        var target = new byte[8192];
        for (var length = 0; length < frame.Length; length++) Assert.Throws<DamagedException>(() => codec.Decompress(frame.AsSpan(0, length), target));
        Assert.Throws<DamagedException>(() => codec.Decompress([.. frame, 0], target));
        Assert.Throws<DamagedException>(() => codec.Decompress([.. frame, .. frame], new byte[16384]));
        Assert.Throws<DamagedException>(() => codec.Decompress([0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0, .. frame], target));
        codec.Decompress(frame, target);
    }

    [Theory]
    [InlineData("28B52FFD280529000048656C6C6F", "a zstd frame sets a reserved bit")]
    [InlineData("28B52FFD21070529000048656C6C6F", "a zstd frame asks for a dictionary, and none is used")]
    [InlineData("28B52FFD00C029000048656C6C6F", "a zstd frame asks for a window of 17179869184 bytes, allowed are 134217728")]
    [InlineData("28B52FFD008929000048656C6C6F", "a zstd frame asks for a window of 150994944 bytes, allowed are 134217728")]
    [InlineData("28B52FFD20052F000048656C6C6F", "a zstd frame has a block of type 3 and 5 bytes")]
    [InlineData("28B52FFD2005FFFFFF48656C6C6F", "a zstd frame has a block of type 3 and 2097151 bytes")]
    [InlineData("28B52FFD2006290000", "a zstd frame holds 6 bytes, expected 5")]
    [InlineData("28B52FFD", "a frame is not zstd: the magic number is missing")]
    [InlineData("", "a frame is not zstd: the magic number is missing")]
    [InlineData("28B52FFDE005", "a zstd frame ends within its header")]
    [InlineData("28B52FFD200528000048656C6C6F", "a zstd frame ends before its last block")]
    public void A_hostile_header_is_told(string frame, string message)
    {
        foreach (var kind in Enum.GetValues<Codec>())
        {
            using var codec = Make(kind);
            Assert.Equal(message, Assert.Throws<DamagedException>(() => codec.Decompress(Convert.FromHexString(frame), new byte[5])).Message);
        }
    }

    [Fact]
    public void A_frame_without_its_size_is_read_when_the_length_is_right()
    {
        foreach (var kind in Enum.GetValues<Codec>())
        {
            using var codec = Make(kind);
            var target = new byte[5];
            codec.Decompress(Convert.FromHexString("28B52FFD008829000048656C6C6F"), target);
            Assert.Equal("Hello"u8.ToArray(), target);
            Assert.Throws<DamagedException>(() => codec.Decompress(Convert.FromHexString("28B52FFD008829000048656C6C6F"), new byte[6]));
            Assert.Throws<DamagedException>(() => codec.Decompress(Convert.FromHexString("28B52FFD008829000048656C6C6F"), new byte[4]));
        }
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void Damaged_bytes_give_damage_or_other_bytes_but_nothing_else(Codec kind)
    {
        using var codec = Make(kind);
        var frame = Compress(codec, Text(20_000));
        var target = new byte[20_000];
        Gen.Select(Gen.Int[0, frame.Length - 1], Gen.Byte[1, 255]).Sample((at, change) =>
        {
            var copy = frame.ToArray();
            copy[at] ^= change;
            try { codec.Decompress(copy, target); }
            catch (DamagedException e) { Assert.NotEmpty(e.Message); }
        }, iter: 5_000, threads: 1);
    }

    [Theory]
    [MemberData(nameof(Codecs))]
    public void A_disposed_codec_says_so(Codec kind)
    {
        var codec = Make(kind);
        var frame = Compress(codec, Text(100));
        codec.Dispose();
        codec.Dispose();
        Assert.ThrowsAny<Exception>(() => codec.Compress(Text(100), new byte[200]));
        Assert.ThrowsAny<Exception>(() => codec.Decompress(frame, new byte[100]));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(20)]
    public void Levels_are_bounded(int level)
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => new NativeZstd(level));
        Assert.Throws<ArgumentOutOfRangeException>(() => new ZstdSharpCodec(level));
    }

    private static IFrameCodec Make(Codec kind) => kind == Codec.Managed ? new ZstdSharpCodec() : new NativeZstd();

    private static byte[] Compress(IFrameCodec codec, byte[] plain)
    {
        var target = new byte[plain.Length + plain.Length / 128 + 64];
        return target[..codec.Compress(plain, target)];
    }

    private static byte[] Noise(int length)
    {
        var bytes = new byte[length];
        new Random(length).NextBytes(bytes);
        return bytes;
    }

    private static byte[] Text(int length)
    {
        var random = new Random(length);
        var bytes = new byte[length];
        for (var i = 0; i < length; i++) bytes[i] = (byte)("the quick brown fox "[i % 20] + (random.Next(16) == 0 ? 1 : 0));
        return bytes;
    }
}
