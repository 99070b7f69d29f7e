using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// Seals a few bytes to the holder of a P-256 agreement key: ECDH with an ephemeral key, HKDF-SHA256 (RFC 5869), AES-256-GCM. Used for
/// the equality
/// key in a registration's reply and for sealed jobs; <c>docs/format.md</c> has it byte by byte. It gives secrecy only: who sent it,
/// a signature
/// around it must say.
/// <code>
/// sealed = E (64: the ephemeral point, x ‖ y) ‖ ciphertext ‖ tag (16)
/// key    = HKDF-SHA256(ikm = the shared x coordinate, 32 bytes; no salt; info = "HFA1" ‖ E ‖ recipient's point ‖ info; 32 bytes)
/// AES-256-GCM(key, nonce = 12 zero bytes, AAD = info): the key is used once, because E is new each time
/// </code>
/// </summary>
public static class AgreementSeal
{
    /// <summary>Bytes that sealing adds.</summary>
    public const int Overhead = VerifyingKey.PointSize + TagSize;

    private const int TagSize = 16;

    /// <summary>Seals <paramref name="plaintext"/>.</summary>
    /// <param name="recipientPoint">x ‖ y, 64 bytes.</param>
    /// <param name="plaintext">What only the recipient may read.</param>
    /// <param name="info">What it is, for whom and in which context: opening demands the same bytes. Not secret.</param>
    /// <exception cref="DamagedException">The recipient's point is not on P-256.</exception>
    public static byte[] Seal(ReadOnlySpan<byte> recipientPoint, ReadOnlySpan<byte> plaintext, ReadOnlySpan<byte> info)
    {
        using var ephemeral = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        return Seal(ephemeral, recipientPoint, plaintext, info);
    }

    /// <summary>Opens what <see cref="Seal(ReadOnlySpan{byte}, ReadOnlySpan{byte}, ReadOnlySpan{byte})"/> made.</summary>
    /// <param name="recipient">The key pair it was sealed to.</param>
    /// <param name="sealedBytes">The sealed bytes.</param>
    /// <param name="info">The bytes given when sealing.</param>
    /// <exception cref="DamagedException">Too short, changed, sealed to another key or with other <paramref name="info"/>.</exception>
    public static byte[] Open(ECDiffieHellman recipient, ReadOnlySpan<byte> sealedBytes, ReadOnlySpan<byte> info)
    {
        if (sealedBytes.Length < Overhead)
            throw new DamagedException($"opening sealed bytes: expected at least {Overhead} bytes, found {sealedBytes.Length}");
        var ephemeralPoint = sealedBytes[..VerifyingKey.PointSize];
        var plaintext = new byte[sealedBytes.Length - Overhead];
        try
        {
            using var ephemeral = Import(ephemeralPoint);
            var key = DeriveKey(recipient, ephemeral, ephemeralPoint, PointOf(recipient), info);
            using var aes = new AesGcm(key, TagSize);
            CryptographicOperations.ZeroMemory(key);
            aes.Decrypt(new byte[12], sealedBytes[VerifyingKey.PointSize..^TagSize], sealedBytes[^TagSize..], plaintext, info);
            return plaintext;
        }
        catch (CryptographicException e)
        {
            throw new DamagedException("opening sealed bytes: they were changed, or sealed to another agreement key or for another purpose",
                "register again if this host's agreement key was replaced", e);
        }
    }

    /// <summary>With a given ephemeral key, for test vectors only: a second use of one would repeat key and nonce.</summary>
    internal static byte[] Seal(ECDiffieHellman ephemeral, ReadOnlySpan<byte> recipientPoint, ReadOnlySpan<byte> plaintext,
        ReadOnlySpan<byte> info)
    {
        _ = new VerifyingKey(recipientPoint);
        using var recipient = Import(recipientPoint);
        var result = new byte[Overhead + plaintext.Length];
        PointOf(ephemeral).CopyTo(result, 0);
        var key = DeriveKey(ephemeral, recipient, result.AsSpan(0, VerifyingKey.PointSize), recipientPoint, info);
        using var aes = new AesGcm(key, TagSize);
        CryptographicOperations.ZeroMemory(key);
        aes.Encrypt(new byte[12], plaintext, result.AsSpan(VerifyingKey.PointSize, plaintext.Length),
            result.AsSpan(result.Length - TagSize), info);
        return result;
    }

    /// <summary>x ‖ y of a key pair.</summary>
    public static byte[] PointOf(ECDiffieHellman key)
    {
        var q = key.ExportParameters(includePrivateParameters: false).Q;
        return [.. q.X!, .. q.Y!];
    }

    private static byte[] DeriveKey(
        ECDiffieHellman own, ECDiffieHellman other, ReadOnlySpan<byte> ephemeralPoint, ReadOnlySpan<byte> recipientPoint,
            ReadOnlySpan<byte> info)
    {
        using var otherPublic = other.PublicKey;
        var secret = own.DeriveRawSecretAgreement(otherPublic);
        var key = new byte[32];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, secret, key, [], [.. "HFA1"u8, .. ephemeralPoint, .. recipientPoint, .. info]);
        CryptographicOperations.ZeroMemory(secret);
        return key;
    }

    private static ECDiffieHellman Import(ReadOnlySpan<byte> point) => ECDiffieHellman.Create(new ECParameters
    {
        Curve = ECCurve.NamedCurves.nistP256,
        Q = new ECPoint { X = point[..32].ToArray(), Y = point[32..].ToArray() },
    });
}
