using System.Security.Cryptography;
using System.Text;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Sealing;

public class SigningKeyTests
{
    /// <summary>RFC 7515 appendix A.3: an EC P-256 public key.</summary>
    private static readonly byte[] Rfc7515Point =
    [
        .. System.Buffers.Text.Base64Url.DecodeFromChars("f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"),
        .. System.Buffers.Text.Base64Url.DecodeFromChars("x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"),
    ];

    private static readonly byte[] Digest = SHA256.HashData("a frame"u8);

    [Fact]
    public void A_thumbprint_hashes_the_canonical_JWK()
    {
        var jwk = """{"crv":"P-256","kty":"EC","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}""";
        Assert.Equal(new KeyThumbprint(SHA256.HashData(Encoding.ASCII.GetBytes(jwk))), new VerifyingKey(Rfc7515Point).Thumbprint);
        Assert.Equal("oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U", new VerifyingKey(Rfc7515Point).Thumbprint.ToString());
    }

    [Fact]
    public void A_thumbprint_survives_format_and_parse() => Gen.Byte.Array[32].Sample(bytes =>
    {
        var thumbprint = new KeyThumbprint(bytes);
        Assert.Equal(thumbprint, KeyThumbprint.Parse(thumbprint.ToString()));
        Assert.Equal(bytes, thumbprint.Bytes.ToArray());
        Assert.Equal((43, 8), (thumbprint.ToString().Length, thumbprint.Short.Length));
        Assert.Equal(thumbprint.GetHashCode(), KeyThumbprint.Parse(thumbprint.ToString()).GetHashCode());
    });

    [Fact]
    public void Thumbprints_differ_when_any_bit_does() => Gen.Select(Gen.Byte.Array[32], Gen.Int[0, 255]).Sample((bytes, bit) =>
    {
        var other = bytes.ToArray();
        other[bit / 8] ^= (byte)(1 << bit % 8);
        return new KeyThumbprint(bytes) != new KeyThumbprint(other) && !new KeyThumbprint(bytes).Equals((object)new KeyThumbprint(other));
    });

    [Fact]
    public void The_default_thumbprint_is_all_zero() => Assert.Equal(new KeyThumbprint(new byte[32]), default);

    [Theory]
    [InlineData("")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    [InlineData("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=")]
    [InlineData("+AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA")]
    public void Refuses_what_is_no_thumbprint(string text) => Assert.Throws<FormatException>(() => KeyThumbprint.Parse(text));

    [Theory]
    [InlineData(31)]
    [InlineData(33)]
    public void Refuses_thumbprints_of_other_lengths(int length) => Assert.Throws<ArgumentException>(() => new KeyThumbprint(new byte[length]));

    [Fact]
    public async Task Verifies_what_the_private_half_signed_and_nothing_else()
    {
        using var key = EcSigningKey.Generate();
        using var other = EcSigningKey.Generate();
        var signature = await key.SignAsync(Digest, CancellationToken.None);
        Assert.Equal(VerifyingKey.SignatureSize, signature.Length);
        var copy = new VerifyingKey(key.PublicKey.Point);
        Assert.True(copy.Verify(Digest, signature));
        Assert.Equal(key.PublicKey.Thumbprint, copy.Thumbprint);
        Assert.False(other.PublicKey.Verify(Digest, signature));
        Assert.NotEqual(key.PublicKey.Thumbprint, other.PublicKey.Thumbprint);
        Gen.Select(Gen.Int[0, 511], Gen.Int[0, 255]).Sample((signatureBit, digestBit) =>
            !copy.Verify(Digest, Flip(signature, signatureBit)) && !copy.Verify(Flip(Digest, digestBit), signature), iter: 50);
    }

    [Fact]
    public async Task Never_throws_on_signatures_of_any_shape()
    {
        using var key = EcSigningKey.Generate();
        var signature = await key.SignAsync(Digest, CancellationToken.None);
        Assert.False(key.PublicKey.Verify(Digest, signature.AsSpan(0, 63)));
        Assert.False(key.PublicKey.Verify(Digest, [.. signature, 0]));
        Assert.False(key.PublicKey.Verify(Digest.AsSpan(0, 31), signature));
        Assert.False(key.PublicKey.Verify([], []));
        Assert.False(key.PublicKey.Verify(Digest, new byte[64]));
        Assert.False(key.PublicKey.Verify(Digest, Enumerable.Repeat((byte)0xFF, 64).ToArray()));
    }

    [Fact]
    public void Refuses_a_point_that_is_not_on_the_curve()
    {
        Assert.Throws<DamagedException>(() => new VerifyingKey(new byte[64]));
        Assert.Throws<DamagedException>(() => new VerifyingKey(Flip(Rfc7515Point, 511)));
        Assert.Throws<DamagedException>(() => new VerifyingKey(Rfc7515Point.AsSpan(0, 63)));
        Assert.Throws<DamagedException>(() => new VerifyingKey([]));
    }

    [Fact]
    public void Refuses_a_key_on_another_curve()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP384);
        Assert.Throws<ArgumentException>(() => new EcSigningKey(key));
    }

    private static byte[] Flip(byte[] bytes, int bit)
    {
        var copy = bytes.ToArray();
        copy[bit / 8] ^= (byte)(1 << bit % 8);
        return copy;
    }
}
