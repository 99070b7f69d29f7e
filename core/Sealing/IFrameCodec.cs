namespace Holdfast.Core.Sealing;

/// <summary>
/// zstd for one thread at a time: contexts are costly to make and not safe to share. The portable implementation is managed; the agent links
/// libzstd. Each reads the other's frames (RFC 8878).
/// </summary>
public interface IFrameCodec : IDisposable
{
    /// <summary>Compresses a frame; returns the bytes written, or 0 when the result would not fit <paramref name="destination"/>.</summary>
    int Compress(ReadOnlySpan<byte> source, Span<byte> destination);

    /// <summary>Decompresses a whole frame into exactly <paramref name="destination"/>.</summary>
    /// <exception cref="DamagedException">Not one zstd frame, or not exactly that many bytes.</exception>
    void Decompress(ReadOnlySpan<byte> source, Span<byte> destination);
}
