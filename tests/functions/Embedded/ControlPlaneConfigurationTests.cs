using Holdfast.Agent.Init;
using Holdfast.Agent.Options;
using Holdfast.Core;
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
    public void Knows_whatever_init_writes()
    {
        var sas = new StoreCredential.ContainerSas("d", "l", "c", "w", "q", "j");
        var key = EcSigningKey.Generate().PublicKey;
        var store = new Uri("https://store.example");
        var written = RoleConfigurations.ControlPlane(new ClusterAddress("shop", store, store, store, HasAuthority: true, key, store), sas, hasIndexKey: true);
        var names = written.Split('\n').Where(line => line.Contains('=') && !line.StartsWith('#')).Select(line => line[..line.IndexOf('=')]).ToList();
        Assert.Contains("repo-sas-journal", names);
        Assert.DoesNotContain(names, name => !ClusterConfiguration.Options.Contains(name));
    }
}
