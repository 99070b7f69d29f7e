using System.Runtime.InteropServices;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Compression;

/// <summary>The few functions of libzstd that Holdfast calls (zstd.h, stable part). Linked into the published binary; tests load the system's library.</summary>
internal static unsafe partial class ZstdLibrary
{
    /// <summary>What the resolver of a test and DirectPInvoke of the project file know it by.</summary>
    public const string Name = "zstd";

    [LibraryImport(Name, EntryPoint = "ZSTD_versionNumber")]
    public static partial uint VersionNumber();

    [LibraryImport(Name, EntryPoint = "ZSTD_createCCtx")]
    public static partial nint CreateCompression();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeCCtx")]
    public static partial nuint FreeCompression(nint context);

    [LibraryImport(Name, EntryPoint = "ZSTD_CCtx_setParameter")]
    public static partial nuint SetParameter(nint context, int parameter, int value);

    [LibraryImport(Name, EntryPoint = "ZSTD_compress2")]
    public static partial nuint Compress(nint context, byte* destination, nuint capacity, byte* source, nuint length);

    [LibraryImport(Name, EntryPoint = "ZSTD_createDCtx")]
    public static partial nint CreateDecompression();

    [LibraryImport(Name, EntryPoint = "ZSTD_freeDCtx")]
    public static partial nuint FreeDecompression(nint context);

    [LibraryImport(Name, EntryPoint = "ZSTD_decompressDCtx")]
    public static partial nuint Decompress(nint context, byte* destination, nuint capacity, byte* source, nuint length);

    [LibraryImport(Name, EntryPoint = "ZSTD_isError")]
    public static partial uint IsError(nuint result);

    [LibraryImport(Name, EntryPoint = "ZSTD_getErrorName")]
    private static partial nint ErrorName(nuint result);

    public static string Describe(nuint result) => Marshal.PtrToStringUTF8(ErrorName(result)) ?? "unknown";
}

/// <summary>A compression context; freed even when its codec is not disposed.</summary>
internal sealed class ZstdCompressionContext : SafeHandle
{
    private const int LevelParameter = 100; // ZSTD_c_compressionLevel

    public ZstdCompressionContext(ZstdParameters parameters) : base(0, ownsHandle: true)
    {
        SetHandle(ZstdLibrary.CreateCompression());
        if (IsInvalid) throw new OutOfMemoryException("libzstd could not make a compression context");
        foreach (var (parameter, value) in parameters.Differences().Prepend((LevelParameter, parameters.Level)))
            if (ZstdLibrary.SetParameter(handle, parameter, value) is var result && ZstdLibrary.IsError(result) != 0)
                throw new InvalidOperationException($"libzstd refuses {value} for parameter {parameter}: {ZstdLibrary.Describe(result)}");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => ZstdLibrary.FreeCompression(handle) == 0;
}

/// <summary>A decompression context; freed even when its codec is not disposed.</summary>
internal sealed class ZstdDecompressionContext : SafeHandle
{
    public ZstdDecompressionContext() : base(0, ownsHandle: true)
    {
        SetHandle(ZstdLibrary.CreateDecompression());
        if (IsInvalid) throw new OutOfMemoryException("libzstd could not make a decompression context");
    }

    public override bool IsInvalid => handle == 0;

    protected override bool ReleaseHandle() => ZstdLibrary.FreeDecompression(handle) == 0;
}
