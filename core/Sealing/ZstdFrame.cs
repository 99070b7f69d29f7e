using System.Buffers.Binary;

namespace Holdfast.Core.Sealing;

/// <summary>
/// Judges the outside of a zstd frame before a decoder sees it (RFC 8878, §3.1.1): exactly one frame and nothing behind it, no dictionary, a
/// bounded window, the expected content size. zstd's one-shot decoder would take several frames and skippable ones for one, and asks for no bound.
/// </summary>
public static class ZstdFrame
{
    /// <summary>Largest window that is decoded, 2^27 bytes: what zstd itself accepts without being asked for more (ZSTD_WINDOWLOG_LIMIT_DEFAULT).</summary>
    public const int MaxWindowLog = 27;

    private const uint Magic = 0xFD2FB528;
    private const int MaxBlock = 128 << 10;

    /// <summary>Checks that <paramref name="source"/> is one frame that may hold exactly <paramref name="plainLength"/> bytes. Reads headers only.</summary>
    /// <exception cref="DamagedException">It is not.</exception>
    public static void Check(ReadOnlySpan<byte> source, int plainLength)
    {
        if (source.Length < 6 || BinaryPrimitives.ReadUInt32LittleEndian(source) != Magic) throw new DamagedException("a frame is not zstd: the magic number is missing");
        var header = CheckHeader(source, plainLength, out var hasChecksum);
        var end = SkipBlocks(source, header) + (hasChecksum ? 4 : 0);
        if (end != source.Length) throw new DamagedException($"a zstd frame ends at byte {end}, expected at {source.Length}");
    }

    private static int CheckHeader(ReadOnlySpan<byte> source, int plainLength, out bool hasChecksum)
    {
        var descriptor = source[4];
        var single = (descriptor & 0x20) != 0;
        hasChecksum = (descriptor & 0x04) != 0;
        if ((descriptor & 0x08) != 0) throw new DamagedException("a zstd frame sets a reserved bit");
        if ((descriptor & 0x03) != 0) throw new DamagedException("a zstd frame asks for a dictionary, and none is used");
        var sizeBytes = (descriptor >> 6) switch { 0 => single ? 1 : 0, 1 => 2, 2 => 4, _ => 8 };
        var at = 5 + (single ? 0 : 1);
        if (source.Length < at + sizeBytes) throw new DamagedException("a zstd frame ends within its header");
        var window = single ? 0 : (1UL << (10 + (source[5] >> 3))) / 8 * (8 + (source[5] & 7u));
        var content = ReadContentSize(source.Slice(at, sizeBytes));
        if (content is { } size && size != (ulong)plainLength) throw new DamagedException($"a zstd frame holds {size} bytes, expected {plainLength}");
        if (window > 1UL << MaxWindowLog) throw new DamagedException($"a zstd frame asks for a window of {window} bytes, allowed are {1 << MaxWindowLog}");
        return at + sizeBytes;
    }

    private static ulong? ReadContentSize(ReadOnlySpan<byte> field) => field.Length switch
    {
        0 => null,
        1 => field[0],
        2 => BinaryPrimitives.ReadUInt16LittleEndian(field) + 256UL,
        4 => BinaryPrimitives.ReadUInt32LittleEndian(field),
        _ => BinaryPrimitives.ReadUInt64LittleEndian(field),
    };

    private static int SkipBlocks(ReadOnlySpan<byte> source, int at)
    {
        while (true)
        {
            if (source.Length - at < 3) throw new DamagedException("a zstd frame ends before its last block");
            var header = source[at] | source[at + 1] << 8 | source[at + 2] << 16;
            var size = header >> 3;
            var type = header >> 1 & 3;
            if (type == 3 || size > MaxBlock) throw new DamagedException($"a zstd frame has a block of type {type} and {size} bytes");
            at += 3 + (type == 1 ? 1 : size);
            if (at > source.Length) throw new DamagedException("a zstd frame ends within a block");
            if ((header & 1) != 0) return at;
        }
    }
}
