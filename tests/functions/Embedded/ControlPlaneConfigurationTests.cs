using Holdfast.Agent.Init;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Embedded;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Functions.Embedded;

public class ControlPlaneConfigurationTests
{
    [Theory]
    [InlineData("escrow-key-flie = escrow.jwk", "escrow-key-flie")]
    [InlineData("wal-damaged = hold", "wal-damaged")]
    public void Refuses_what_it_has_no_option_for(string line, string named)
    {
        using var folder = new ScratchFolder();
        File.WriteAllText(folder["holdfast.conf"], $"[global]\nrepo-auth = managed\n[shop]\n{line}\n");
        var refusal = Assert.Throws<ConfigurationException>(() => ControlPlaneConfiguration.Read(folder["holdfast.conf"]));
        Assert.Contains($"[shop]: the control plane has no option \"{named}\"", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Each_of_its_options_is_one_of_the_documented_ones()
    {
        var documented = OptionTable.All.Select(row => row.Name).ToHashSet(StringComparer.Ordinal);
        Assert.DoesNotContain(ClusterConfiguration.Options, option => !documented.Contains(option));
    }

    [Fact]
    public void Reads_keys_in_key_vault_without_asking_for_them()
    {
        using var folder = new ScratchFolder();
        WriteWithVault(folder, "");
        var cluster = Assert.Single(ControlPlaneConfiguration.Read(folder["holdfast.conf"]).Clusters);
        Assert.IsType<KeyVaultSigningKey>(cluster.Settings.Signing);
        Assert.False(cluster.Settings.Index.IsEmpty);
        Assert.Equal([SlotPurpose.Index, SlotPurpose.Content, SlotPurpose.Escrow], cluster.Settings.Recipients.Select(recipient => recipient.Purpose));
    }

    [Theory]
    [InlineData("signing-key-file = signing.jwk", "signing-key: expected no signing-key-file beside it")]
    [InlineData("index-private-key-file = index.jwk", "index-key: expected no index-private-key-file beside it")]
    [InlineData("escrow-key = escrow.jwk", "escrow-key: expected a Key Vault key, https://VAULT/keys/NAME")]
    [InlineData("key-vault-auth = sas", "key-vault-auth: expected one of repo, managed, workload, service-principal")]
    [InlineData("control-plane-key = abc", "control-plane-key: expected THUMBPRINT:POINT")]
    public void Refuses_a_key_in_key_vault_that_is_not_certainly_meant(string line, string why)
    {
        using var folder = new ScratchFolder();
        WriteWithVault(folder, line);
        Assert.Contains(why, Assert.Throws<ConfigurationException>(() => ControlPlaneConfiguration.Read(folder["holdfast.conf"])).Message, StringComparison.Ordinal);
    }

    private static void WriteWithVault(ScratchFolder folder, string line)
    {
        File.WriteAllBytes(folder["equality.key"], EqualityKey.Generate().Write());
        File.Copy(Golden.PathOf("sealed", "content.jwk"), folder["content.jwk"]);
        var names = new Dictionary<string, string>
        {
            ["repo-endpoint"] = "https://store.example", ["repo-auth"] = "sas", ["equality-key-file"] = "equality.key", ["control-plane-api-key"] = "a key of enough characters",
            ["control-plane-key"] = PinnedKey.Format(EcSigningKey.Generate().PublicKey), ["signing-key"] = "https://shop.vault.azure.net/keys/signing",
            ["index-key"] = "https://shop.vault.azure.net/keys/index", ["content-key-file"] = "content.jwk", ["escrow-key"] = "https://safe.vault.azure.net/keys/escrow",
        };
        if (line.Split(" = ") is [var name, var value]) names[name] = value;
        File.WriteAllText(folder["holdfast.conf"], $"[shop]\n{string.Join('\n', names.Select(pair => $"{pair.Key} = {pair.Value}"))}\n");
    }

    [Fact]
    public void Knows_whatever_init_writes()
    {
        var sas = new StoreCredential.ContainerSas("d", "l", "c", "w", "q", "j");
        var key = EcSigningKey.Generate().PublicKey;
        var store = new Uri("https://store.example");
        var written = RoleConfigurations.ControlPlane(new ClusterAddress("shop", store, store, store, HasAuthority: true, key, store), sas, hasIndexKey: true)
            + RoleConfigurations.ControlPlane(new ClusterAddress("shop", store, store, store, HasAuthority: true, key, store), sas, hasIndexKey: false, new KeysInVault(InVault("signing"), InVault("index"), InVault("content")));
        static KeyVaultKeyId InVault(string name) => new(new Uri("https://shop.vault.azure.net"), name, null);
        var names = written.Split('\n').Where(line => line.Contains('=') && !line.StartsWith('#')).Select(line => line[..line.IndexOf('=')]).ToList();
        Assert.Contains("repo-sas-journal", names);
        Assert.Contains("signing-key", names);
        Assert.DoesNotContain(names, name => !ClusterConfiguration.Options.Contains(name));
    }
}
