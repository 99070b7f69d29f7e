using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Holdfast.Core.Sealing;

/// <summary>
/// Keys in files, as JSON Web Keys (RFC 7517, 7518): RSA for key encryption, EC P-256 for signatures and agreement. What is read is checked:
/// the kind of key, its size, and that the private half is there when it is needed.
/// </summary>
public static class JsonWebKey
{
    private const int MaxFile = 64 << 10;

    /// <summary>
    /// An RSA key; <paramref name="withPrivate"/> demands or leaves out the private half. A public one may also be PEM, as <c>az keyvault key download</c> writes it.
    /// </summary>
    /// <exception cref="ConfigurationException">Not such a key; names the source, never its content.</exception>
    public static RsaKey ReadRsa(ReadOnlySpan<byte> json, string source, bool withPrivate)
    {
        if (!withPrivate && json.StartsWith("-----BEGIN PUBLIC KEY-----"u8)) return ReadPem(json, source);
        var key = Read(json, source, "RSA");
        var parameters = new RSAParameters { Modulus = Field(key.N, "n", source), Exponent = Field(key.E, "e", source) };
        if (withPrivate)
        {
            parameters.D = Field(key.D, "d", source);
            parameters.P = Field(key.P, "p", source);
            parameters.Q = Field(key.Q, "q", source);
            parameters.DP = Field(key.Dp, "dp", source);
            parameters.DQ = Field(key.Dq, "dq", source);
            parameters.InverseQ = Field(key.Qi, "qi", source);
        }
        try { return new RsaKey(RSA.Create(parameters), key.Kid); }
        catch (CryptographicException e) { throw new ConfigurationException($"{source}: the numbers are no RSA key", inner: e); }
    }

    private static RsaKey ReadPem(ReadOnlySpan<byte> pem, string source)
    {
        if (pem.Length > MaxFile) throw new ConfigurationException($"{source}: a key file has at most {MaxFile} bytes, this one {pem.Length}");
        var rsa = RSA.Create();
        try { rsa.ImportFromPem(Encoding.ASCII.GetString(pem)); }
        catch (Exception e) when (e is ArgumentException or CryptographicException) { throw new ConfigurationException($"{source}: the PEM holds no public RSA key", inner: e); }
        return new RsaKey(rsa);
    }

    /// <summary>A signing key with its private half.</summary>
    /// <exception cref="ConfigurationException">Not such a key.</exception>
    public static EcSigningKey ReadSigning(ReadOnlySpan<byte> json, string source) => new(ECDsa.Create(ReadEc(json, source, withPrivate: true)));

    /// <summary>An agreement key with its private half.</summary>
    /// <exception cref="ConfigurationException">Not such a key.</exception>
    public static ECDiffieHellman ReadAgreement(ReadOnlySpan<byte> json, string source) => ECDiffieHellman.Create(ReadEc(json, source, withPrivate: true));

    /// <summary>The public half of a signing key.</summary>
    /// <exception cref="ConfigurationException">Not such a key.</exception>
    public static VerifyingKey ReadVerifying(ReadOnlySpan<byte> json, string source)
    {
        var q = ReadEc(json, source, withPrivate: false).Q;
        return new VerifyingKey([.. q.X!, .. q.Y!]);
    }

    /// <summary>JSON of an RSA key, without its private half unless asked for.</summary>
    public static byte[] Write(RsaKey key, bool withPrivate)
    {
        var p = key.Rsa.ExportParameters(withPrivate);
        return Write(new KeyFields
        {
            Kty = "RSA", Use = "enc", N = Text(p.Modulus), E = Text(p.Exponent), D = Text(p.D), P = Text(p.P), Q = Text(p.Q),
            Dp = Text(p.DP), Dq = Text(p.DQ), Qi = Text(p.InverseQ), Kid = key.KeyId == key.Thumbprint.ToString() ? null : key.KeyId,
        });
    }

    /// <summary>JSON of an EC P-256 key, without its private half unless asked for.</summary>
    public static byte[] Write(ECAlgorithm key, bool withPrivate)
    {
        var p = key.ExportParameters(withPrivate);
        return Write(new KeyFields { Kty = "EC", Use = key is ECDsa ? "sig" : "enc", Crv = "P-256", X = Text(p.Q.X), Y = Text(p.Q.Y), D = Text(p.D) });
    }

    /// <summary>JSON of the public half of a signing key.</summary>
    public static byte[] Write(VerifyingKey key) =>
        Write(new KeyFields { Kty = "EC", Use = "sig", Crv = "P-256", X = Text(key.Point[..32].ToArray()), Y = Text(key.Point[32..].ToArray()) });

    private static byte[] Write(KeyFields fields) => JsonSerializer.SerializeToUtf8Bytes(fields, KeyFieldsContext.Default.KeyFields);

    private static ECParameters ReadEc(ReadOnlySpan<byte> json, string source, bool withPrivate)
    {
        var key = Read(json, source, "EC");
        if (key.Crv != "P-256") throw new ConfigurationException($"{source}: the curve is {key.Crv ?? "missing"}, expected P-256");
        var parameters = new ECParameters
        {
            Curve = ECCurve.NamedCurves.nistP256,
            Q = new ECPoint { X = Field(key.X, "x", source), Y = Field(key.Y, "y", source) },
            D = withPrivate ? Field(key.D, "d", source) : null,
        };
        if (parameters.Q.X!.Length != 32 || parameters.Q.Y!.Length != 32) throw new ConfigurationException($"{source}: a P-256 point has two halves of 32 bytes");
        try { parameters.Validate(); using var _ = ECDsa.Create(parameters); }
        catch (CryptographicException e) { throw new ConfigurationException($"{source}: the numbers are no P-256 key", inner: e); }
        return parameters;
    }

    private static KeyFields Read(ReadOnlySpan<byte> json, string source, string kind)
    {
        if (json.Length > MaxFile) throw new ConfigurationException($"{source}: a key file has at most {MaxFile} bytes, this one {json.Length}");
        KeyFields? key;
        try { key = JsonSerializer.Deserialize(json, KeyFieldsContext.Default.KeyFields); }
        catch (JsonException) { throw new ConfigurationException($"{source}: not a JSON Web Key"); }
        return key?.Kty == kind ? key : throw new ConfigurationException($"{source}: the key is of type {key?.Kty ?? "(none)"}, expected {kind}");
    }

    private static byte[] Field(string? text, string field, string source)
    {
        if (text is null) throw new ConfigurationException($"{source}: the field \"{field}\" is missing", field == "d" ? "this file holds only the public half" : null);
        try { return Base64Url.DecodeFromChars(text); }
        catch (FormatException) { throw new ConfigurationException($"{source}: the field \"{field}\" is not base64url"); }
    }

    private static string? Text(byte[]? bytes) => bytes is null ? null : Base64Url.EncodeToString(bytes);
}

internal sealed class KeyFields
{
    public string? Kty { get; set; }
    public string? Kid { get; set; }
    public string? Use { get; set; }
    public string? Crv { get; set; }
    public string? X { get; set; }
    public string? Y { get; set; }
    public string? N { get; set; }
    public string? E { get; set; }
    public string? D { get; set; }
    public string? P { get; set; }
    public string? Q { get; set; }
    public string? Dp { get; set; }
    public string? Dq { get; set; }
    public string? Qi { get; set; }
}

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(KeyFields))]
internal sealed partial class KeyFieldsContext : JsonSerializerContext;
