using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Api;

/// <summary>
/// The JSON of the control plane's HTTP interface. Values are spelled as in the log. Requests are strict about unknown fields; answers may grow, so clients ignore
/// what they do not know.
/// </summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Web, RespectNullableAnnotations = true, RespectRequiredConstructorParameters = true, AllowDuplicateProperties = false,
    PropertyNameCaseInsensitive = false, NumberHandling = JsonNumberHandling.Strict,
    DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 16,
    Converters = [typeof(LsnConverter), typeof(TimelineIdConverter), typeof(SystemIdentifierConverter), typeof(KeyThumbprintConverter), typeof(BackupNameConverter),
        typeof(EnumTextConverter<HostRole>), typeof(EnumTextConverter<BackupType>), typeof(EnumTextConverter<BackupPhase>)])]
[JsonSerializable(typeof(TokenRequest))]
[JsonSerializable(typeof(TokenReply))]
[JsonSerializable(typeof(RevocationRequest))]
[JsonSerializable(typeof(RevocationReply))]
[JsonSerializable(typeof(AdoptionRequest))]
[JsonSerializable(typeof(AdoptionReply))]
[JsonSerializable(typeof(BackupRequest))]
[JsonSerializable(typeof(CancelRequest))]
[JsonSerializable(typeof(BackupDocument))]
[JsonSerializable(typeof(BackupList))]
[JsonSerializable(typeof(ClusterPolicy))]
[JsonSerializable(typeof(PolicyDocument))]
[JsonSerializable(typeof(ClusterStatus))]
[JsonSerializable(typeof(ApiProblem))]
[JsonSerializable(typeof(HealthDocument))]
public sealed partial class ApiJson : JsonSerializerContext;
