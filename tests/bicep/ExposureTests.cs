using System.Text.Json;

namespace Holdfast.Tests.Bicep;

/// <summary>What can be reached, by whom, and what protects it. Also with no parameter but the three that must be given.</summary>
public class ExposureTests
{
    private static readonly string[] Networked = ["Microsoft.Storage/storageAccounts", "Microsoft.KeyVault/vaults", "Microsoft.Web/sites"];

    public static TheoryData<string> Deployments => ["development", "production", "default"];

    [Theory]
    [InlineData("production")]
    [InlineData("default")]
    public void Nothing_is_public_by_default(string deployment)
    {
        foreach (var resource in Networked.SelectMany(Get(deployment).Of))
            Assert.True(Property(resource, "publicNetworkAccess").GetString() == "Disabled", $"{resource.GetProperty("id")} can be reached from the internet");
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void What_can_be_reached_lets_nobody_in_who_is_not_named(string deployment)
    {
        foreach (var resource in Get(deployment).Of("Microsoft.Storage/storageAccounts").Concat(Get(deployment).Of("Microsoft.KeyVault/vaults")))
        {
            var rules = Property(resource, "networkAcls");
            Assert.Equal("Deny", rules.GetProperty("defaultAction").GetString());
            Assert.Equal("None", rules.GetProperty("bypass").GetString());
        }
        foreach (var app in Get(deployment).Of("Microsoft.Web/sites"))
        {
            Assert.Equal("Deny", Property(app, "siteConfig").GetProperty("ipSecurityRestrictionsDefaultAction").GetString());
            Assert.True(Property(app, "siteConfig").GetProperty("scmIpSecurityRestrictionsUseMain").GetBoolean());
            Assert.True(Property(app, "httpsOnly").GetBoolean());
        }
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void No_key_or_password_opens_anything(string deployment)
    {
        foreach (var account in Get(deployment).Of("Microsoft.Storage/storageAccounts"))
        {
            Assert.False(Property(account, "allowSharedKeyAccess").GetBoolean());
            Assert.False(Property(account, "allowBlobPublicAccess").GetBoolean());
            Assert.False(Property(account, "isLocalUserEnabled").GetBoolean());
            Assert.Equal("TLS1_2", Property(account, "minimumTlsVersion").GetString());
            Assert.True(Property(account, "supportsHttpsTrafficOnly").GetBoolean());
        }
        foreach (var container in Get(deployment).Of("Microsoft.Storage/storageAccounts/blobServices/containers")) Assert.Equal("None", Property(container, "publicAccess").GetString());
        foreach (var credentials in Get(deployment).Of("Microsoft.Web/sites/basicPublishingCredentialsPolicies")) Assert.False(Property(credentials, "allow").GetBoolean());
        foreach (var insights in Get(deployment).Of("Microsoft.Insights/components")) Assert.True(Property(insights, "DisableLocalAuth").GetBoolean());
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Keys_outlive_a_mistake_and_no_key_leaves_its_vault(string deployment)
    {
        foreach (var vault in Get(deployment).Of("Microsoft.KeyVault/vaults"))
        {
            Assert.True(Property(vault, "enablePurgeProtection").GetBoolean());
            Assert.True(Property(vault, "enableSoftDelete").GetBoolean());
            Assert.True(Property(vault, "enableRbacAuthorization").GetBoolean());
        }
        foreach (var key in Get(deployment).Of("Microsoft.KeyVault/vaults/keys"))
        {
            var properties = key.GetProperty("properties");
            Assert.False(properties.GetProperty("attributes").GetProperty("exportable").GetBoolean());
            var signs = key.GetProperty("name").GetString()!.EndsWith("-signing", StringComparison.Ordinal);
            Assert.Equal(signs ? ["sign", "verify"] : ["wrapKey", "unwrapKey"], properties.GetProperty("keyOps").EnumerateArray().Select(operation => operation.GetString()!));
            if (signs) Assert.Equal("P-256", properties.GetProperty("curveName").GetString());
            else Assert.Equal(3072, properties.GetProperty("keySize").GetInt32());
            Assert.False(signs && properties.TryGetProperty("rotationPolicy", out _), "agents pin the signing key: a new version would make them refuse the log");
        }
    }

    [Fact]
    public void Escrow_is_in_another_vault_than_what_it_stands_in_for()
    {
        string Vault(string key) => Deployment.Production.Value.Of("Microsoft.KeyVault/vaults/keys").Select(found => found.GetProperty("name").GetString()!).Single(name => name.EndsWith('/' + key)).Split('/')[0];
        Assert.NotEqual(Vault("shop-content"), Vault("shop-escrow"));
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Data_log_and_catalog_are_immutable_and_overwrites_have_no_way_round(string deployment)
    {
        var policies = Get(deployment).Of("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies").Select(policy => policy.GetProperty("name").GetString()!.Split('/')[2]).ToArray();
        foreach (var container in Get(deployment).Of("Microsoft.Storage/storageAccounts/blobServices/containers").Select(container => container.GetProperty("name").GetString()!.Split('/')[2]))
            Assert.Equal(!container.EndsWith("-work", StringComparison.Ordinal) && container != "package", policies.Contains(container));
        foreach (var policy in Get(deployment).Of("Microsoft.Storage/storageAccounts/blobServices/containers/immutabilityPolicies")) Assert.False(Property(policy, "allowProtectedAppendWrites").GetBoolean());
        foreach (var service in Get(deployment).Of("Microsoft.Storage/storageAccounts/blobServices").Where(service => service.GetProperty("id").GetString()!.Contains("repo", StringComparison.Ordinal)))
            Assert.False(Property(service, "isVersioningEnabled").GetBoolean());
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void No_lifecycle_rule_deletes(string deployment)
    {
        foreach (var policy in Get(deployment).AnyOf("Microsoft.Storage/storageAccounts/managementPolicies"))
            Assert.DoesNotContain("delete", policy.GetRawText(), StringComparison.OrdinalIgnoreCase);
    }

    [Fact]
    public void Packs_move_down_only_where_they_stay_long_enough_and_WAL_never()
    {
        var rule = Assert.Single(Property(Assert.Single(Deployment.Production.Value.Of("Microsoft.Storage/storageAccounts/managementPolicies")), "policy").GetProperty("rules").EnumerateArray());
        Assert.Equal("ledger-data/7498765432109876543/backup/", Assert.Single(rule.GetProperty("definition").GetProperty("filters").GetProperty("prefixMatch").EnumerateArray()).GetString());
    }

    [Theory]
    [MemberData(nameof(Deployments))]
    public void Deletes_and_uses_of_keys_are_recorded(string deployment)
    {
        var settings = Get(deployment).Of("Microsoft.Insights/diagnosticSettings");
        var ofBlobs = Assert.Single(settings, setting => Scope(setting).Contains("/blobServices/default", StringComparison.Ordinal));
        Assert.Contains(Property(ofBlobs, "logs").EnumerateArray(), log => log.GetProperty("category").GetString() == "StorageDelete" && log.GetProperty("enabled").GetBoolean());
        var ofVaults = settings.Where(setting => Scope(setting).Contains("/vaults/", StringComparison.Ordinal)).ToArray();
        Assert.Equal(Get(deployment).Of("Microsoft.KeyVault/vaults").Length, ofVaults.Length);
        foreach (var setting in ofVaults) Assert.Contains(Property(setting, "logs").EnumerateArray(), log => log.GetProperty("categoryGroup").GetString() == "audit" && log.GetProperty("enabled").GetBoolean());
    }

    private static string Scope(JsonElement resource) => resource.GetProperty("id").GetString()!;

    private static Deployment Get(string deployment) => deployment switch
    {
        "development" => Deployment.Development.Value,
        "production" => Deployment.Production.Value,
        _ => Deployment.Default.Value,
    };

    private static JsonElement Property(JsonElement resource, string name) => resource.GetProperty("properties").GetProperty(name);
}
