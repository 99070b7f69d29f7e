using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Sealing;

/// <summary>The public half of an ECDSA P-256 signing key. Immutable; safe to use from several threads.</summary>
public sealed class VerifyingKey
{
    /// <summary>Bytes of a signature: r and s, 32 each, big-endian (IEEE P1363).</summary>
    public const int SignatureSize = 64;

    /// <summary>Bytes of the public point: x and y, 32 each, big-endian.</summary>
    public const int PointSize = 64;

    private readonly byte[] _point;

    /// <summary>Wraps a point, x ‖ y.</summary>
    /// <exception cref="DamagedException">Not 64 bytes, or not a point on P-256.</exception>
    public VerifyingKey(ReadOnlySpan<byte> point)
    {
        if (point.Length != PointSize) throw new DamagedException($"a P-256 public key has {PointSize} bytes, not {point.Length}");
        _point = point.ToArray();
        try { using var _ = Import(); }
        catch (CryptographicException e) { throw new DamagedException("the bytes of a public key are no point on P-256", inner: e); }
        Thumbprint = new KeyThumbprint(SHA256.HashData(Encoding.ASCII.GetBytes(
            $$"""{"crv":"P-256","kty":"EC","x":"{{Base64Url.EncodeToString(point[..32])}}","y":"{{Base64Url.EncodeToString(point[32..])}}"}""")));
    }

    /// <summary>RFC 7638 thumbprint of the key.</summary>
    public KeyThumbprint Thumbprint { get; }

    /// <summary>x ‖ y, 64 bytes.</summary>
    public ReadOnlySpan<byte> Point => _point;

    /// <summary>Whether <paramref name="signature"/> (64 bytes) is this key's over <paramref name="sha256"/> (32 bytes). Never throws on bad input.</summary>
    public bool Verify(ReadOnlySpan<byte> sha256, ReadOnlySpan<byte> signature)
    {
        if (sha256.Length != 32 || signature.Length != SignatureSize) return false;
        using var key = Import();
        return key.VerifyHash(sha256, signature, DSASignatureFormat.IeeeP1363FixedFieldConcatenation);
    }

    private ECDsa Import() => ECDsa.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = _point[..32], Y = _point[32..] },
    });
}
