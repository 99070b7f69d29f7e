using System.Globalization;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Compression;

/// <summary>libzstd as a codec. Its contexts are made on first use and used again for every frame; not for two threads at once.</summary>
public sealed class NativeZstd : IFrameCodec
{
    private const nuint DestinationTooSmall = 70; // zstd_errors.h, ZSTD_error_dstSize_tooSmall: stable since 1.4.0

    private readonly ZstdParameters _parameters;
    private ZstdCompressionContext? _compression;
    private ZstdDecompressionContext? _decompression;
    private bool _disposed;

    /// <summary>Makes a codec.</summary>
    /// <param name="level">1 to 19.</param>
    public NativeZstd(int level = ZstdSharpCodec.DefaultLevel) : this(new ZstdParameters(level))
    {
    }

    /// <summary>Makes a codec.</summary>
    public NativeZstd(ZstdParameters parameters)
    {
        parameters.EnsureLevel();
        _parameters = parameters;
    }

    /// <summary>Version of the library: "1.5.4".</summary>
    public static string Version
    {
        get
        {
            var number = ZstdLibrary.VersionNumber();
            return string.Create(CultureInfo.InvariantCulture, $"{number / 10000}.{number / 100 % 100}.{number % 100}");
        }
    }

    /// <inheritdoc/>
    public unsafe int Compress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        var context = _compression ??= new ZstdCompressionContext(_parameters);
        nuint result;
        fixed (byte* from = source, to = destination)
            result = ZstdLibrary.Compress(context.DangerousGetHandle(), to, (nuint)destination.Length, from, (nuint)source.Length);
        GC.KeepAlive(context);
        if (ZstdLibrary.IsError(result) == 0) return (int)result;
        return 0 - result == DestinationTooSmall ? 0 : throw new InvalidOperationException($"libzstd could not compress {source.Length} bytes: {ZstdLibrary.Describe(result)}");
    }

    /// <inheritdoc/>
    public unsafe void Decompress(ReadOnlySpan<byte> source, Span<byte> destination)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        ZstdFrame.Check(source, destination.Length);
        var context = _decompression ??= new ZstdDecompressionContext();
        nuint result;
        fixed (byte* from = source, to = destination)
            result = ZstdLibrary.Decompress(context.DangerousGetHandle(), to, (nuint)destination.Length, from, (nuint)source.Length);
        GC.KeepAlive(context);
        if (ZstdLibrary.IsError(result) != 0) throw new DamagedException($"a zstd frame of {source.Length} bytes cannot be decompressed: {ZstdLibrary.Describe(result)}");
        if (result != (nuint)destination.Length) throw new DamagedException($"a zstd frame holds {result} bytes, expected {destination.Length}");
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _disposed = true;
        _compression?.Dispose();
        _decompression?.Dispose();
    }
}
