using Holdfast.Core.KeyVault;

namespace Holdfast.Tests.Core.KeyVault;

public class KeyVaultKeyIdTests
{
    [Theory]
    [InlineData("https://shop.vault.azure.net/keys/content", "https://shop.vault.azure.net/", "content", null)]
    [InlineData("https://Shop.vault.azure.net:443/keys/content-2/78deebed173b48e48f55abf87ed4cf71", "https://shop.vault.azure.net/", "content-2", "78deebed173b48e48f55abf87ed4cf71")]
    [InlineData("https://localhost:8443/keys/a", "https://localhost:8443/", "a", null)]
    public void Reads_the_address_of_a_key(string text, string vault, string name, string? version)
    {
        Assert.True(KeyVaultKeyId.TryParse(text, out var id));
        Assert.Equal((vault, name, version), (id.Vault.AbsoluteUri, id.Name, id.Version));
        Assert.True(KeyVaultKeyId.TryParse(id.ToString(), out var again));
        Assert.Equal(id, again);
    }

    [Theory]
    [InlineData("http://shop.vault.azure.net/keys/content")]
    [InlineData("https://shop.vault.azure.net/secrets/content")]
    [InlineData("https://shop.vault.azure.net/keys/")]
    [InlineData("https://shop.vault.azure.net/keys/con_tent")]
    [InlineData("https://shop.vault.azure.net/keys/content/..")]
    [InlineData("https://shop.vault.azure.net/keys/content/1%2F2")]
    [InlineData("https://shop.vault.azure.net/keys/content/1/sign")]
    [InlineData("https://shop.vault.azure.net/keys/content?api-version=7.4")]
    [InlineData("https://user@shop.vault.azure.net/keys/content")]
    [InlineData("content")]
    public void Refuses_what_is_no_key(string text) => Assert.False(KeyVaultKeyId.TryParse(text, out _));

    [Fact]
    public void Hosts_and_names_know_no_case()
    {
        Assert.True(KeyVaultKeyId.TryParse("https://shop.vault.azure.net/keys/Content/AB", out var one));
        Assert.True(KeyVaultKeyId.TryParse("https://SHOP.vault.azure.net/keys/content/ab", out var other));
        Assert.True(one.IsSameVersion(other));
        Assert.False(one.IsSameKey(other with { Vault = new Uri("https://shop.vault.azure.net:8443") }));
    }
}
