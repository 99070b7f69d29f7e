using System.Text.Json.Serialization;

namespace Holdfast.Agent.Version;

/// <summary>What holdfast version --output=json prints; the schema is stable.</summary>
/// <param name="Version">Of Holdfast.</param>
/// <param name="Commit">It was built from; "unknown" outside a repository.</param>
/// <param name="Zstd">The zstd implementation and its version.</param>
/// <param name="Runtime">The .NET runtime.</param>
public sealed record VersionReport(string Version, string Commit, string Zstd, string Runtime);

/// <summary>Source-generated JSON of <see cref="VersionReport"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(VersionReport))]
public sealed partial class VersionJson : JsonSerializerContext;
