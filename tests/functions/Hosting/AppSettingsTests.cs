using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Hosting;
using Holdfast.Tests.Bicep;
using Microsoft.Extensions.Configuration;

namespace Holdfast.Tests.Functions.Hosting;

/// <summary>The function app's settings: what bicep/ writes is what the code reads.</summary>
public partial class AppSettingsTests
{
    private static readonly Lazy<string> Pinned = new(() =>
    {
        using var key = new EcSigningKey(System.Security.Cryptography.ECDsa.Create(System.Security.Cryptography.ECCurve.NamedCurves.nistP256));
        return PinnedKey.Format(key.PublicKey);
    });

    [Fact]
    public void What_the_deployment_writes_is_read_and_asks_nobody()
    {
        var settings = AppSettings.Read(Configuration(Deployed()));
        var cluster = Assert.Single(settings.Clusters);
        Assert.Equal("shop", cluster.Cluster);
        Assert.IsType<StoreCredential.ManagedIdentity>(cluster.Store.Credential);
        Assert.NotNull(((StoreCredential.ManagedIdentity)cluster.Store.Credential).ClientId);
        Assert.Equal([SlotPurpose.Index, SlotPurpose.Content, SlotPurpose.Escrow], cluster.Recipients.Select(recipient => recipient.Purpose));
        Assert.IsType<KeyVaultSigningKey>(cluster.Signing);
        Assert.True(cluster.Immutability is { Days: > 0, LogDays: > 0 }, $"{cluster.Immutability}");
        Assert.Equal(Guid.Parse("99999999-aaaa-bbbb-cccc-dddddddddddd"), settings.Entra!.ClientId);
    }

    [Fact]
    public void The_deployment_writes_nothing_that_nobody_reads()
    {
        var read = Directory.EnumerateFiles(Path.Combine(SourceTree.Root, "functions"), "*.cs", SearchOption.AllDirectories).Where(file => !file.Contains("/obj/", StringComparison.Ordinal)).Select(File.ReadAllText).ToList();
        // The host's own; and the expirer's, which waits for expiry.
        string[] others = ["AzureWebJobsStorage__accountName", "AzureWebJobsStorage__credential", "AzureWebJobsStorage__clientId", "APPLICATIONINSIGHTS_AUTHENTICATION_STRING", "Holdfast__ExpirerClientId", "Repository__credential"];
        foreach (var name in Deployed().Keys.Except(others))
            Assert.True(read.Exists(text => text.Contains($"\"{name.Split("__")[^1]}\"", StringComparison.Ordinal)), $"nothing reads the setting {name}");
    }

    [Fact]
    public void No_secret_is_among_them_but_by_reference()
    {
        var written = Written();
        Assert.StartsWith("@Microsoft.KeyVault(SecretUri=", Expression().Replace(written["Holdfast__Clusters__0__EqualityKey"], "@Microsoft.KeyVault(SecretUri="), StringComparison.Ordinal);
        foreach (var (name, value) in written.Where(setting => setting.Key.StartsWith("Holdfast__", StringComparison.Ordinal)))
            Assert.False(value.Contains("\"d\"", StringComparison.Ordinal) || value.Contains("PRIVATE", StringComparison.Ordinal), $"{name} has a private key");
    }

    [Theory]
    [InlineData("Holdfast__Clusters__0__EscrowKey", "", "Holdfast__Clusters__0__EscrowKey is missing")]
    [InlineData("Holdfast__Clusters__0__ControlPlaneKey", "abc:def", "Holdfast__Clusters__0__ControlPlaneKey: expected THUMBPRINT:POINT")]
    [InlineData("Holdfast__Clusters__0__EqualityKey", "@Microsoft.KeyVault(SecretUri=https://v/secrets/shop-equality)", "refers to a secret that could not be read")]
    [InlineData("Holdfast__Clusters__0__EqualityKey", "topsecret", "expected an equality key")]
    [InlineData("Holdfast__Clusters__0__Name", "Shop!", "cannot name a cluster")]
    [InlineData("Holdfast__Clusters__1__Name", "shop", "name cluster shop twice")]
    [InlineData("Holdfast__VaultUri", "http://v.vault.azure.net/", "Holdfast__VaultUri: expected an https address")]
    [InlineData("Repository__blobServiceUri", "", "Repository__blobServiceUri is missing")]
    [InlineData("Repository__accountId", "", "Repository__accountId is missing")]
    [InlineData("Holdfast__Clusters__0__ImmutabilityDays", "0", "ImmutabilityDays: expected days")]
    [InlineData("Holdfast__Clusters__0__PoliciesLocked", "maybe", "PoliciesLocked: expected true or false")]
    [InlineData("Holdfast__ApiTenantId", "common", "Holdfast__ApiTenantId: expected a GUID")]
    public void Refuses_what_is_missing_or_wrong_and_does_not_repeat_it(string name, string value, string why)
    {
        var settings = Deployed();
        settings[name] = value;
        if (name.Contains("__1__", StringComparison.Ordinal))
            foreach (var other in new[] { "ControlPlaneKey", "EscrowKey", "EqualityKey", "ImmutabilityDays", "LogImmutabilityDays", "PoliciesLocked" }) settings[$"Holdfast__Clusters__1__{other}"] = settings[$"Holdfast__Clusters__0__{other}"];
        var refusal = Assert.Throws<ConfigurationException>(() => AppSettings.Read(Configuration(settings)));
        Assert.Contains(why, refusal.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("topsecret", refusal.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public void Without_a_cluster_or_an_application_it_serves_none_and_opens_nothing()
    {
        var settings = AppSettings.Read(Configuration(Deployed().Where(setting => !setting.Key.Contains("Clusters", StringComparison.Ordinal) && setting.Key != "Holdfast__ApiClientId").ToDictionary()));
        Assert.Empty(settings.Clusters);
        Assert.Null(settings.Entra);
    }

    [Fact]
    public void Escrow_is_left_out_only_by_saying_so()
    {
        var settings = Deployed();
        settings["Holdfast__Clusters__0__EscrowKey"] = "none";
        Assert.DoesNotContain(Assert.Single(AppSettings.Read(Configuration(settings)).Clusters).Recipients, recipient => recipient.Purpose == SlotPurpose.Escrow);
    }

    /// <summary>As App Service would hand them on: what only Azure knows is filled in, and the secret's reference followed.</summary>
    private static Dictionary<string, string> Deployed()
    {
        var settings = Written();
        foreach (var (name, value) in settings.Where(setting => setting.Value.StartsWith('[')).ToList())
            settings[name] = name.EndsWith("Uri", StringComparison.Ordinal) ? $"https://{name.ToLowerInvariant()}.example.net/" : Guid.NewGuid().ToString();
        settings["Repository__accountId"] = "/subscriptions/1/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/shop";
        settings["Holdfast__Clusters__0__ControlPlaneKey"] = Pinned.Value;
        settings["Holdfast__Clusters__0__EscrowKey"] = File.ReadAllText(Golden.PathOf("sealed", "escrow.jwk"));
        settings["Holdfast__Clusters__0__EqualityKey"] = Encoding.ASCII.GetString(EqualityKey.Generate().Write());
        return settings;
    }

    private static Dictionary<string, string> Written() => Deployment.Production.Value.Of("Microsoft.Web/sites").Single()
        .GetProperty("properties").GetProperty("siteConfig").GetProperty("appSettings").EnumerateArray()
        .ToDictionary(setting => setting.GetProperty("name").GetString()!, setting => setting.GetProperty("value").GetString()!);

    private static IConfigurationRoot Configuration(IReadOnlyDictionary<string, string> settings) =>
        new ConfigurationBuilder().AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create(setting.Key.Replace("__", ":", StringComparison.Ordinal), (string?)setting.Value))).Build();

    [GeneratedRegex(@"^\[format\('@Microsoft\.KeyVault\(SecretUri=")]
    private static partial Regex Expression();
}
