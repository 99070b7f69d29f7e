using System.Text.Json;
using System.Text.Json.Serialization;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Enrolment;

/// <summary>As strict as the log's JSON.</summary>
[JsonSourceGenerationOptions(
    JsonSerializerDefaults.Strict,
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, MaxDepth = 8,
    Converters = [typeof(LsnConverter), typeof(TimelineIdConverter), typeof(SystemIdentifierConverter), typeof(KeyThumbprintConverter),
        typeof(Sha256DigestConverter), typeof(VerifyingKeyConverter), typeof(AgreementPublicKeyConverter),
            typeof(EnumTextConverter<HostRole>)])]
[JsonSerializable(typeof(RegistrationRequest))]
[JsonSerializable(typeof(RegistrationReplyBody))]
internal sealed partial class EnrolmentJson : JsonSerializerContext;
