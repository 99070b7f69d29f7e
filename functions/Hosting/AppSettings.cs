using System.Globalization;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Api;

namespace Holdfast.Functions.Hosting;

/// <summary>
/// What a function app is told by its settings, as <c>bicep/modules/function-app.bicep</c> writes them: one repository account, one vault, a list of clusters. Nothing is
/// asked of them yet. Keys are the vault's; what a setting holds of them is public, but for the equality key, which is a reference to a secret.
/// </summary>
/// <param name="Clusters">The clusters; none before the first is made.</param>
/// <param name="Entra">Whose tokens open the HTTP interface; null: it is closed.</param>
public sealed record AppSettings(IReadOnlyList<ClusterSettings> Clusters, EntraSettings? Entra)
{
    private const string Section = "Holdfast", None = "none";

    /// <summary>Reads them.</summary>
    /// <exception cref="ConfigurationException">A setting is missing or wrong; its value is not repeated.</exception>
    public static AppSettings Read(IConfiguration configuration)
    {
        var (own, repository) = (configuration.GetSection(Section), configuration.GetSection("Repository"));
        var identity = new StoreCredential.ManagedIdentity(repository["clientId"]);
        var vaults = new Lazy<KeyVaults>(() => KeyVaults.Open(new KeyVaultSettings { Credential = identity, Calls = Calls }));
        var clusters = own.GetSection("Clusters").GetChildren().Select(cluster => ClusterOf(cluster, repository, StoreOf(repository, identity), UrlOf(own, "VaultUri"), vaults)).ToList();
        if (clusters.GroupBy(cluster => cluster.Cluster).FirstOrDefault(same => same.Count() > 1) is { Key: var twice })
            throw new ConfigurationException($"the app settings name cluster {twice} twice", "each cluster once: Holdfast__Clusters__0__Name, Holdfast__Clusters__1__Name, …");
        return new AppSettings(clusters, EntraOf(own));
    }

    private static StoreCallOptions Calls => new() { AttemptTimeout = ClusterSettings.RequestTimeout, Deadline = ClusterSettings.StoreDeadline };

    private static ClusterSettings ClusterOf(IConfigurationSection cluster, IConfigurationSection repository, StoreSettings store, Uri vault, Lazy<KeyVaults> vaults)
    {
        var names = new ContainerNames(Get(cluster, "Name"));
        KeyVaultVersions Key(string purpose) => vaults.Value.Versions(IdOf(vault, names.Cluster, purpose));
        var recipients = new List<Recipient> { Recipient.Newest(SlotPurpose.Index, Key("index")), Recipient.Newest(SlotPurpose.Content, Key("content")) };
        // Nobody is to lose the second way into the backups by a setting that was forgotten.
        var escrow = Get(cluster, "EscrowKey");
        if (escrow != None) recipients.Add(Escrow(JsonWebKey.ReadRsa(System.Text.Encoding.UTF8.GetBytes(escrow), Named(cluster, "EscrowKey"), withPrivate: false)));
        return new ClusterSettings(store with { Names = names },
            vaults.Value.Signing(IdOf(vault, names.Cluster, "signing"), Pinned(cluster)), new Keyring([], [Key("index")]), recipients,
            EqualityKey.Parse(System.Text.Encoding.ASCII.GetBytes(SecretOf(cluster, "EqualityKey")), Named(cluster, "EqualityKey")))
        {
            Immutability = new ImmutabilitySettings(UrlOf(repository, "managementUri"), Get(repository, "accountId"), DaysOf(cluster, "ImmutabilityDays"), DaysOf(cluster, "LogImmutabilityDays"),
                bool.TryParse(Get(cluster, "PoliciesLocked"), out var locked) ? locked : throw Wrong(cluster, "PoliciesLocked", "true or false")),
        };
    }

    private static StoreSettings StoreOf(IConfigurationSection repository, StoreCredential identity) => new()
    {
        // Which cluster's is said later.
        Names = new ContainerNames("none"),
        Credential = identity,
        Endpoint = UrlOf(repository, "blobServiceUri"),
        QueueEndpoint = UrlOf(repository, "queueServiceUri"),
        Calls = Calls,
    };

    private static EntraSettings? EntraOf(IConfigurationSection own)
    {
        if (string.IsNullOrEmpty(own["ApiClientId"])) return null;
        Guid Id(string name) => Guid.TryParse(Get(own, name), out var id) ? id : throw Wrong(own, name, "a GUID");
        var settings = new EntraSettings(Id("ApiTenantId"), Id("ApiClientId"));
        return string.IsNullOrEmpty(own["AuthorityHost"]) ? settings : settings with { AuthorityHost = UrlOf(own, "AuthorityHost") };
    }

    private static KeyVaultKeyId IdOf(Uri vault, string cluster, string purpose) =>
        KeyVaultKeyId.TryParse(new Uri(vault, $"keys/{cluster}-{purpose}").AbsoluteUri, out var id) ? id : throw new ConfigurationException($"setting {Section}__VaultUri: expected a vault's address, https://NAME.vault.azure.net/");

    private static int DaysOf(IConfigurationSection cluster, string name) =>
        int.TryParse(Get(cluster, name), NumberStyles.None, CultureInfo.InvariantCulture, out var days) && days > 0 ? days : throw Wrong(cluster, name, "days, 1 or more");

    private static VerifyingKey Pinned(IConfigurationSection cluster) =>
        PinnedKey.TryParse(Get(cluster, "ControlPlaneKey"), out var pinned) ? pinned.ToVerifyingKey() : throw Wrong(cluster, "ControlPlaneKey", PinnedKey.Expected);

    private static Recipient Escrow(RsaKey key) => new(SlotPurpose.Escrow, key.Thumbprint, key);

    // App Service leaves a reference as it is when it cannot follow it.
    private static string SecretOf(IConfigurationSection cluster, string name) => Get(cluster, name) is var value && value.StartsWith("@Microsoft.KeyVault", StringComparison.OrdinalIgnoreCase)
        ? throw new ConfigurationException($"setting {Named(cluster, name)} refers to a secret that could not be read", "is the secret in the vault, and may the app's identity read it? docs/azure.md, step 5")
        : value;

    private static Uri UrlOf(IConfigurationSection section, string name) =>
        Uri.TryCreate(Get(section, name), UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps ? url : throw Wrong(section, name, "an https address");

    private static string Get(IConfigurationSection section, string name) => section[name] is { Length: > 0 } value
        ? value : throw new ConfigurationException($"setting {Named(section, name)} is missing", "bicep/ sets it; docs/azure.md, step 5, says from what");

    private static ConfigurationException Wrong(IConfigurationSection section, string name, string expected) => new($"setting {Named(section, name)}: expected {expected}", "bicep/ sets it; docs/azure.md, step 5, says from what");

    private static string Named(IConfigurationSection section, string name) => $"{section.Path}:{name}".Replace(":", "__", StringComparison.Ordinal);
}
