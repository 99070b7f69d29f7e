using CsCheck;
using Holdfast.Core.KeyVault;

namespace Holdfast.Tests.Core.KeyVault;

public class VaultChallengeTests
{
    private static readonly Uri Vault = new("https://shop.vault.azure.net");

    private static readonly string[] Pieces = ["resource=", "scope=", "authorization=", "\"", "\"", ", ", "https://", "http://", "vault.azure.net", "azure.net", "shop.", "evil.example", "evil.", ":443", "/", "/.default", "@", "?"];

    [Theory]
    [InlineData("""Bearer authorization="https://login.windows.net/72f988bf", resource="https://vault.azure.net" """)]
    [InlineData("""Bearer authorization=https://login.windows.net/72f988bf, resource=https://vault.azure.net""")]
    [InlineData("""bearer resource="https://vault.azure.net/", authorization="https://login.windows.net/72f988bf" """)]
    [InlineData("""Bearer authorization="https://login.windows.net/72f988bf", scope="https://vault.azure.net/.default" """)]
    public void A_vault_within_the_domain_gets_a_token(string header) => Assert.Equal("https://vault.azure.net/.default", VaultChallenge.ScopeOf(header, Vault, out _));

    [Theory]
    [InlineData("https://storage.azure.com")]
    [InlineData("https://management.azure.com")]
    [InlineData("https://shop.vault.azure.net.evil.example")]
    [InlineData("https://ault.azure.net")]
    [InlineData("https://evil.shop.vault.azure.net")]
    [InlineData("https://net")]
    [InlineData("http://vault.azure.net")]
    [InlineData("https://vault.azure.net:8443")]
    [InlineData("https://vault.azure.net/path")]
    [InlineData("https://evil@vault.azure.net")]
    [InlineData("vault.azure.net")]
    [InlineData("https://vault.azure.net\", scope=\"https://graph.microsoft.com/.default")]
    public void No_other_resource_does(string resource) => Assert.Null(VaultChallenge.ScopeOf($"Bearer authorization=\"https://login.windows.net/x\", resource=\"{resource}\"", Vault, out _));

    [Theory]
    [InlineData("")]
    [InlineData("Basic realm=\"https://vault.azure.net\"")]
    [InlineData("Bearer authorization=\"https://login.windows.net/x\"")]
    public void What_is_no_challenge_is_none(string header) => Assert.Null(VaultChallenge.ScopeOf(header, Vault, out _));

    [Fact]
    public void Whatever_a_header_says_only_a_domain_of_the_vault_is_named() =>
        Gen.Int[0, Pieces.Length - 1].Select(piece => Pieces[piece]).Array[1, 12]
            .Select(pieces => "Bearer resource=\"https://" + string.Concat(pieces)).Sample(header =>
            {
                if (VaultChallenge.ScopeOf(header, Vault, out _) is { } scope)
                    Assert.Contains(scope, new[] { "https://vault.azure.net/.default", "https://azure.net/.default", "https://shop.vault.azure.net/.default" });
            }, iter: 20_000);
}
