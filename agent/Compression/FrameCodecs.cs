using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Compression;

/// <summary>Which zstd this build has.</summary>
public static class FrameCodecs
{
    /// <summary>Its name and version.</summary>
    public static string Implementation => "managed (ZstdSharp)";
}
