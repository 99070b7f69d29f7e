using System.Diagnostics.CodeAnalysis;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Compression;

/// <summary>Makes the codec of this build: libzstd where it is linked in (the published binary), else the managed one.</summary>
public static class FrameCodecs
{
    private const string Switch = "Holdfast.NativeZstd";

    /// <summary>Whether libzstd is linked in. Fixed when the binary is published, so that the other codec is trimmed away.</summary>
    [FeatureSwitchDefinition(Switch)]
    internal static bool IsNative => AppContext.TryGetSwitch(Switch, out var on) && on;

    /// <summary>Its name and version.</summary>
    public static string Implementation => IsNative ? "libzstd " + NativeZstd.Version : "managed (ZstdSharp)";

    /// <summary>A codec for one thread.</summary>
    /// <param name="level">1 to 19.</param>
    public static IFrameCodec Create(int level) => Create(new ZstdParameters(level));

    /// <summary>A codec for one thread.</summary>
    public static IFrameCodec Create(ZstdParameters parameters) => IsNative ? new NativeZstd(parameters) : new ZstdSharpCodec(parameters);
}
