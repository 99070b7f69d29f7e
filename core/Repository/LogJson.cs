using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Core.Repository;

/// <summary>
/// The log's JSON: camelCase, strict. Refused are unknown and duplicate fields, missing ones, nulls where none may be, more than 32
/// levels, and values
/// in any but their only spelling (<see cref="TextConverter{T}"/>).
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Strict,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 32,
    Converters = [typeof(LsnConverter), typeof(TimelineIdConverter), typeof(SystemIdentifierConverter), typeof(PostgresTimeConverter),
        typeof(KeyThumbprintConverter), typeof(BackupNameConverter), typeof(Sha256DigestConverter), typeof(VerifyingKeyConverter), typeof(AgreementPublicKeyConverter),
        typeof(EnumTextConverter<HostRole>), typeof(EnumTextConverter<CutReason>)])]
[JsonSerializable(typeof(LogEntry))]
[JsonSerializable(typeof(ClusterState))]
[JsonSerializable(typeof(RestoredKeys))]
internal sealed partial class LogJson : JsonSerializerContext
{
    /// <summary>How a document is parsed before it is bound.</summary>
    public static readonly JsonDocumentOptions Strict = new() { MaxDepth = 32, AllowDuplicateProperties = false };
}
