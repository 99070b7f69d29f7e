using System.Buffers;
using System.Buffers.Text;
using System.Numerics;
using System.Security.Cryptography;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>
/// The right to register one host: 256 random bits, in text <c>hfe_</c> and 43 characters of base64url. It never travels and is never
/// stored by the
/// control plane: host and control plane share only the hash in the log, which everybody may read. So it cannot be the key of an HMAC;
/// instead the token is
/// the seed of a P-256 key pair, the log holds the SHA-256 of its public half (the RFC 7638 thumbprint), and the host proves the token by
/// a signature.
/// </summary>
public sealed class EnrolmentToken : IDisposable
{
    private const string Prefix = "hfe_";
    private readonly byte[] _secret;
    private readonly EcSigningKey _proof;

    private EnrolmentToken(byte[] secret) => (_secret, _proof) = (secret, DeriveKey(secret));

    /// <summary>What the log knows it by.</summary>
    public Sha256Digest Hash => HashOf(_proof.PublicKey);

    /// <summary>Proves possession of the token by signing.</summary>
    internal EcSigningKey Proof => _proof;

    /// <summary>A new random token.</summary>
    public static EnrolmentToken Generate() => new(RandomNumberGenerator.GetBytes(32));

    /// <summary>Parses the text form.</summary>
    /// <exception cref="ConfigurationException">Not a token. The message does not repeat the text.</exception>
    public static EnrolmentToken Parse(string text)
    {
        var secret = new byte[32];
        if (text.Length == Prefix.Length + 43 && text.StartsWith(Prefix, StringComparison.Ordinal)
            && Base64Url.DecodeFromChars(text.AsSpan(Prefix.Length), secret, out _, out var written) == OperationStatus.Done
            && written == 32)
            return new EnrolmentToken(secret);
        throw new ConfigurationException($"reading the enrolment token: expected {Prefix} and 43 characters, found {text.Length} characters of another form",
            "copy the whole token that \"holdfast init\" or \"holdfast token\" printed");
    }

    /// <summary>What the log says of this token.</summary>
    public TokenGrant Grant(HostRole role, Postgres.PostgresTime? expires = null) => new(Hash, role, expires);

    /// <summary>The secret text, to be shown once, to the operator.</summary>
    public string Reveal() => Prefix + Base64Url.EncodeToString(_secret);

    /// <summary>Never the secret.</summary>
    public override string ToString() => $"enrolment token {Hash.ToString()[..8]}";

    /// <inheritdoc/>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(_secret);
        _proof.Dispose();
    }

    /// <summary>The hash of the token that has this public proof key.</summary>
    internal static Sha256Digest HashOf(VerifyingKey proofKey) => new(proofKey.Thumbprint.Bytes);

    /// <summary>d = (HKDF-SHA256(secret, info "HFE1 enrolment proof", 48 bytes), big-endian) mod (n − 1) + 1: no bias that matters (FIPS
    /// 186-5, A.2.1).</summary>
    private static EcSigningKey DeriveKey(byte[] secret)
    {
        var wide = HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, 48, info: "HFE1 enrolment proof"u8.ToArray());
        var order = new BigInteger(Convert.FromHexString("FFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551"),
            isUnsigned: true, isBigEndian: true);
        var scalar = new BigInteger(wide, isUnsigned: true, isBigEndian: true) % (order - 1) + 1;
        var d = new byte[32];
        var bytes = scalar.ToByteArray(isUnsigned: true, isBigEndian: true);
        bytes.CopyTo(d, d.Length - bytes.Length);
        return new EcSigningKey(ECDsa.Create(new ECParameters { Curve = ECCurve.NamedCurves.nistP256, D = d }));
    }
}
