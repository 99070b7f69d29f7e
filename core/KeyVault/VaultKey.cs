using System.Buffers.Text;
using System.Security.Cryptography;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>A version of a key as a listing shows it.</summary>
/// <param name="Id">With its version.</param>
/// <param name="Enabled">Whether it does anything at all.</param>
/// <param name="NotBefore">From when it wraps and signs; null: always.</param>
/// <param name="Expires">Until when; null: for ever. It goes on unwrapping.</param>
/// <param name="Created">When it was made; the newest is what is sealed to.</param>
public sealed record VaultKeyVersion(KeyVaultKeyId Id, bool Enabled, DateTimeOffset? NotBefore, DateTimeOffset? Expires, DateTimeOffset Created)
{
    /// <summary>Whether it may wrap and sign at that moment.</summary>
    public bool IsValidAt(DateTimeOffset now) => Enabled && !(NotBefore > now) && !(Expires <= now);

    internal static VaultKeyVersion Of(KeyVaultKeyId id, VaultAttributesBody? body) =>
        new(id, body?.Enabled ?? true, Time(body?.Nbf), Time(body?.Exp), Time(body?.Created) ?? DateTimeOffset.UnixEpoch);

    // Beyond the year 9999 is never.
    private static DateTimeOffset? Time(long? seconds) => seconds is >= 0 and < 253402300800 ? DateTimeOffset.FromUnixTimeSeconds(seconds.Value) : null;
}

/// <summary>The public half of a version: RSA for key encryption, or P-256 for signatures.</summary>
public sealed record VaultKey
{
    private VaultKey(VaultKeyVersion version, RsaKey? rsa, VerifyingKey? verifying) => (Version, Rsa, Verifying) = (version, rsa, verifying);

    /// <summary>Which version it is.</summary>
    public VaultKeyVersion Version { get; }

    /// <summary>The public RSA key, its id the version's; null when it is a signing key.</summary>
    public RsaKey? Rsa { get; }

    /// <summary>The public signing key; null when it is an RSA key.</summary>
    public VerifyingKey? Verifying { get; }

    /// <summary>RFC 7638 thumbprint of the public half: the same whether the key is in a file, a vault or an HSM.</summary>
    public KeyThumbprint Thumbprint => Rsa?.Thumbprint ?? Verifying!.Thumbprint;

    /// <summary>Reads what a vault answered; null when it is a key that Holdfast has no use for (another curve, too few bits).</summary>
    internal static VaultKey? Of(KeyVaultKeyId id, VaultKeyBody body)
    {
        var (version, jwk) = (VaultKeyVersion.Of(id, body.Attributes), body.Key!);
        try
        {
            return jwk switch
            {
                { Kty: "RSA" or "RSA-HSM", N: { } n, E: { } e } => new VaultKey(version, ReadRsa(n, e, id.ToString()), null),
                { Kty: "EC" or "EC-HSM", Crv: "P-256", X: { } x, Y: { } y } => new VaultKey(version, null, new VerifyingKey([.. Base64Url.DecodeFromChars(x), .. Base64Url.DecodeFromChars(y)])),
                _ => null,
            };
        }
        catch (Exception e) when (e is FormatException or CryptographicException or ConfigurationException or DamagedException)
        {
            return null;
        }
    }

    private static RsaKey ReadRsa(string n, string e, string id) =>
        new(RSA.Create(new RSAParameters { Modulus = Base64Url.DecodeFromChars(n), Exponent = Base64Url.DecodeFromChars(e) }), id);
}
