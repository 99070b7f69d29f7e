using System.Text.Json.Serialization;

namespace Holdfast.Core.KeyVault;

// Bodies of the REST reference (learn.microsoft.com/rest/api/keyvault/keys), as far as they are used.

internal sealed record VaultKeyBody(VaultJwkBody? Key, VaultAttributesBody? Attributes);

internal sealed record VaultJwkBody(string? Kid, string? Kty, string? Crv, string? N, string? E, string? X, string? Y);

/// <summary>Times are seconds since 1970.</summary>
internal sealed record VaultAttributesBody(bool? Enabled, long? Nbf, long? Exp, long? Created);

internal sealed record VaultVersionBody(string? Kid, VaultAttributesBody? Attributes);

internal sealed record VaultPageBody(IReadOnlyList<VaultVersionBody>? Value, string? NextLink);

internal sealed record VaultOperationBody(string Alg, string Value);

internal sealed record VaultResultBody(string? Kid, string? Value);

internal sealed record VaultErrorBody(VaultErrorDetail? Error);

internal sealed record VaultErrorDetail(string? Code, [property: JsonPropertyName("innererror")] VaultErrorDetail? Inner);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(VaultKeyBody))]
[JsonSerializable(typeof(VaultPageBody))]
[JsonSerializable(typeof(VaultOperationBody))]
[JsonSerializable(typeof(VaultResultBody))]
[JsonSerializable(typeof(VaultErrorBody))]
internal sealed partial class VaultJson : JsonSerializerContext;
