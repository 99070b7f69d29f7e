using System.Security.Cryptography;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Sealing;

public class JsonWebKeyTests
{
    private static readonly byte[] Pem = Encoding.ASCII.GetBytes(Sealed.Content.Rsa.ExportSubjectPublicKeyInfoPem());

    [Fact]
    public void A_public_key_may_be_pem_and_is_the_same_key() => Assert.Equal(Sealed.Content.Thumbprint, JsonWebKey.ReadRsa(Pem, "content.pem", withPrivate: false).Thumbprint);

    [Fact]
    public void A_private_key_is_never_pem() => Assert.Throws<ConfigurationException>(() => JsonWebKey.ReadRsa(Pem, "content.pem", withPrivate: true));

    [Theory]
    [InlineData("-----BEGIN PUBLIC KEY-----")]
    [InlineData("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n")]
    public void Pem_that_is_no_key_is_refused(string text) => Assert.Contains("key.pem: ",
        Assert.Throws<ConfigurationException>(() => JsonWebKey.ReadRsa(Encoding.ASCII.GetBytes(text), "key.pem", withPrivate: false)).Message, StringComparison.Ordinal);

    [Fact]
    public void Pem_of_another_kind_of_key_is_refused()
    {
        using var ec = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        Assert.Throws<ConfigurationException>(() => JsonWebKey.ReadRsa(Encoding.ASCII.GetBytes(ec.ExportSubjectPublicKeyInfoPem()), "key.pem", withPrivate: false));
    }

    [Fact]
    public void Where_a_key_is_kept_is_written_with_it()
    {
        const string Id = "https://shop.vault.azure.net/keys/content/0123456789abcdef0123456789abcdef";
        var written = JsonWebKey.Write(new RsaKey(RSA.Create(Sealed.Content.Rsa.ExportParameters(false)), Id), withPrivate: false);
        Assert.Equal(Id, JsonWebKey.ReadRsa(written, "content.jwk", withPrivate: false).KeyId);
        Assert.DoesNotContain("kid", Encoding.UTF8.GetString(JsonWebKey.Write(Sealed.Content, withPrivate: false)), StringComparison.Ordinal);
    }
}
