using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Holdfast.Tests.Fixtures;

// What Entra ID signs tokens for an application with, and how whoever gets one finds the keys (OpenID Connect Discovery 1.0).
public sealed partial class EntraServer
{
    private readonly List<(string Id, RSA Key)> _signers = [];
    private int _keyReads;

    /// <summary>The tenant's authority and issuer.</summary>
    public Uri TenantAuthority => new(Authority, $"/{TenantId}/v2.0");

    /// <summary>What the metadata says that the issuer is.</summary>
    public string? Issuer { get; set; }

    /// <summary>Answers nothing but 503.</summary>
    public bool IsDown { get; set; }

    /// <summary>How often the keys were asked for.</summary>
    public int KeyReads => _keyReads;

    /// <summary>Signs with a new key from now on; the old ones are gone.</summary>
    public void Rotate()
    {
        _signers.Clear();
        _signers.Add((Guid.NewGuid().ToString("N"), RSA.Create(2048)));
    }

    /// <summary>The newest key's public half, as PEM: what a forger knows.</summary>
    public byte[] PublicKey => Encoding.ASCII.GetBytes(_signers[^1].Key.ExportSubjectPublicKeyInfoPem());

    /// <summary>A token of the tenant for an audience.</summary>
    /// <param name="audience">For whom.</param>
    /// <param name="adjust">Changes its claims, and its header.</param>
    /// <param name="sign">Signs it otherwise.</param>
    public string Mint(string audience, Action<JsonObject, JsonObject>? adjust = null, Func<byte[], byte[]>? sign = null)
    {
        if (_signers.Count == 0) Rotate();
        var (id, key) = _signers[^1];
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var header = new JsonObject { ["alg"] = "RS256", ["typ"] = "JWT", ["kid"] = id };
        var claims = new JsonObject
        {
            ["aud"] = audience, ["iss"] = TenantAuthority.AbsoluteUri, ["tid"] = TenantId, ["azp"] = ClientId, ["iat"] = now - 60, ["nbf"] = now - 60, ["exp"] = now + 3600,
        };
        adjust?.Invoke(claims, header);
        var text = $"{Part(header)}.{Part(claims)}";
        var signature = (sign ?? (bytes => key.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)))(Encoding.ASCII.GetBytes(text));
        return $"{text}.{Base64Url.EncodeToString(signature)}";
    }

    private static string Part(JsonObject part) => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part.ToJsonString()));

    /// <summary>The answer to who looks for the tenant's keys; null when that is not what is asked.</summary>
    private byte[]? Discovery(ProxiedRequest request)
    {
        if (request.Method != "GET" || !request.Path.StartsWith($"/{TenantId}/", StringComparison.Ordinal)) return null;
        if (IsDown) return Answer("503 Service Unavailable", "{}");
        if (request.Path == TenantAuthority.AbsolutePath + "/.well-known/openid-configuration")
            return Answer("200 OK", JsonSerializer.Serialize(new Dictionary<string, string> { ["issuer"] = Issuer ?? TenantAuthority.AbsoluteUri, ["jwks_uri"] = new Uri(Authority, $"/{TenantId}/discovery/v2.0/keys").AbsoluteUri }));
        if (request.Path != $"/{TenantId}/discovery/v2.0/keys") return null;
        Interlocked.Increment(ref _keyReads);
        var keys = new JsonArray([.. _signers.Select(signer => (JsonNode)Public(signer.Id, signer.Key.ExportParameters(false)))]);
        return Answer("200 OK", new JsonObject { ["keys"] = keys }.ToJsonString());
    }

    private static JsonObject Public(string id, RSAParameters key) => new()
    {
        ["kty"] = "RSA", ["use"] = "sig", ["kid"] = id, ["n"] = Base64Url.EncodeToString(key.Modulus), ["e"] = Base64Url.EncodeToString(key.Exponent),
    };
}
