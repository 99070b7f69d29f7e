namespace Holdfast.Core.KeyVault;

/// <summary>
/// A key in a vault, or one version of it: <c>https://VAULT/keys/NAME[/VERSION]</c>. Made from configuration, or from an answer of a configured
/// vault; one that a blob says is only ever compared with these.
/// </summary>
/// <param name="Vault">The vault's address: https, host and port, nothing else.</param>
/// <param name="Name">1 to 127 letters, digits and dashes (learn.microsoft.com/azure/key-vault/general/about-keys-secrets-certificates).</param>
/// <param name="Version">32 letters and digits; null: all versions, the newest for what is sealed from now on.</param>
public sealed record KeyVaultKeyId(Uri Vault, string Name, string? Version)
{
    /// <summary>What <see cref="TryParse"/> takes, for messages.</summary>
    public const string Expected = "a Key Vault key, https://VAULT/keys/NAME or https://VAULT/keys/NAME/VERSION";

    /// <summary>Parses the address of a key.</summary>
    public static bool TryParse(string text, out KeyVaultKeyId id)
    {
        id = null!;
        if (!Uri.TryCreate(text, UriKind.Absolute, out var url) || url.Scheme != Uri.UriSchemeHttps || url is not { UserInfo: "", Query: "", Fragment: "" }) return false;
        var parts = url.AbsolutePath.Split('/');
        if (parts is not (["", "keys", _] or ["", "keys", _, _]) || !IsName(parts[2], 127) || parts.Length == 4 && !IsVersion(parts[3])) return false;
        id = new KeyVaultKeyId(new Uri(url.GetLeftPart(UriPartial.Authority)), parts[2], parts.Length == 4 ? parts[3] : null);
        return true;
    }

    /// <summary>Whether <paramref name="other"/> is this key, in whatever version. Hosts and names of keys know no case.</summary>
    public bool IsSameKey(KeyVaultKeyId other) => Vault.Host.Equals(other.Vault.Host, StringComparison.OrdinalIgnoreCase) && Vault.Port == other.Vault.Port
        && Name.Equals(other.Name, StringComparison.OrdinalIgnoreCase);

    /// <summary>Whether <paramref name="other"/> is this key in this version.</summary>
    public bool IsSameVersion(KeyVaultKeyId other) => IsSameKey(other) && string.Equals(Version, other.Version, StringComparison.OrdinalIgnoreCase);

    /// <summary>The key's name with its version, as messages say it beside the vault.</summary>
    public string Label => Version is null ? Name : $"{Name}/{Version}";

    /// <inheritdoc/>
    public override string ToString() => $"{Vault.GetLeftPart(UriPartial.Authority)}/keys/{Label}";

    internal static bool IsVersion(string text) => text.Length is > 0 and <= 64 && text.All(char.IsAsciiLetterOrDigit);

    private static bool IsName(string text, int longest) => text.Length > 0 && text.Length <= longest && text.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');
}
