using System.Security.Cryptography;
using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Sealing;

public sealed class AgreementSealTests
{
    private readonly ECDiffieHellman _recipient = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);

    [Fact]
    public void Opens_what_was_sealed_of_any_length() =>
        Gen.Select(Gen.Byte.Array[0, 5000], Gen.Byte.Array[0, 200]).Sample((plain, info) =>
        {
            var bytes = AgreementSeal.Seal(AgreementSeal.PointOf(_recipient), plain, info);
            Assert.Equal(plain.Length + AgreementSeal.Overhead, bytes.Length);
            Assert.Equal(plain, AgreementSeal.Open(_recipient, bytes, info));
        }, iter: 50);

    [Fact]
    public void Refuses_every_change_every_truncation_another_purpose_and_another_key()
    {
        var bytes = AgreementSeal.Seal(AgreementSeal.PointOf(_recipient), new byte[32], "a"u8);
        for (var at = 0; at < bytes.Length; at++)
        {
            bytes[at] ^= 4;
            Assert.Throws<DamagedException>(() => AgreementSeal.Open(_recipient, bytes, "a"u8));
            bytes[at] ^= 4;
            Assert.Throws<DamagedException>(() => AgreementSeal.Open(_recipient, bytes.AsSpan(0, at), "a"u8));
        }

        using var other = ECDiffieHellman.Create(ECCurve.NamedCurves.nistP256);
        Assert.Throws<DamagedException>(() => AgreementSeal.Open(_recipient, bytes, "b"u8));
        Assert.Throws<DamagedException>(() => AgreementSeal.Open(other, bytes, "a"u8));
        Assert.Equal(new byte[32], AgreementSeal.Open(_recipient, bytes, "a"u8));
    }

    [Fact]
    public void Refuses_to_seal_to_what_is_no_point() =>
        Assert.Throws<DamagedException>(() => AgreementSeal.Seal(new byte[64], [1], []));

    [Fact]
    public void Seals_twice_differently()
    {
        var point = AgreementSeal.PointOf(_recipient);
        Assert.NotEqual(AgreementSeal.Seal(point, new byte[32], []), AgreementSeal.Seal(point, new byte[32], []));
    }
}
