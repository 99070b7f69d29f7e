using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Holdfast.Core.Sealing;

/// <summary>The portable codec: zstd in managed code. The control plane's, and the agent's where libzstd is not linked in.</summary>
public sealed class ZstdSharpCodec : IFrameCodec
{
    /// <summary>zstd's own default, 3: beyond it WAL shrinks by some percent and the time doubles.</summary>
    public const int DefaultLevel = 3;

    private readonly Compressor _compressor;
    private readonly Decompressor _decompressor = new();

    /// <summary>Makes the contexts.</summary>
    /// <param name="level">1 to 19.</param>
    public ZstdSharpCodec(int level = DefaultLevel) : this(new ZstdParameters(level))
    {
    }

    /// <summary>Makes the contexts.</summary>
    public ZstdSharpCodec(ZstdParameters parameters)
    {
        parameters.EnsureLevel();
        _compressor = new Compressor(parameters.Level);
        foreach (var (parameter, value) in parameters.Differences()) _compressor.SetParameter((ZSTD_cParameter)parameter, value);
    }

    /// <inheritdoc/>
    public int Compress(ReadOnlySpan<byte> source, Span<byte> destination) => _compressor.TryWrap(source, destination, out var written) ? written : 0;

    /// <inheritdoc/>
    public void Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ZstdFrame.Check(source, destination.Length);
        int written;
        try { written = _decompressor.Unwrap(source, destination); }
        catch (ZstdException e) { throw new DamagedException($"a zstd frame of {source.Length} bytes cannot be decompressed: {e.Message}", inner: e); }
        if (written != destination.Length) throw new DamagedException($"a zstd frame holds {written} bytes, expected {destination.Length}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _compressor.Dispose();
        _decompressor.Dispose();
    }
}
