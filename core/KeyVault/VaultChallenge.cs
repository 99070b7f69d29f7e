using System.Text.RegularExpressions;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// What a vault answers to a request without a token:
/// <c>WWW-Authenticate: Bearer authorization="https://login…/TENANT", resource="https://vault.azure.net"</c>
/// (learn.microsoft.com/azure/key-vault/general/authentication-requests-and-responses). Of it only the resource is used, and only when the vault lies
/// in the resource's domain: who answers in a vault's place could else have a token for whatever it names. The authority is never taken from it.
/// </summary>
internal static partial class VaultChallenge
{
    private const int MaxHeader = 4096;

    /// <summary>The scope to ask a token for; null when the challenge is none, or names what the vault does not belong to.</summary>
    /// <param name="header">The header's value.</param>
    /// <param name="vault">The vault that was asked.</param>
    /// <param name="resource">What the challenge names, for messages; null when nothing that could be said.</param>
    public static string? ScopeOf(string header, Uri vault, out string? resource)
    {
        resource = null;
        if (header.Length > MaxHeader || !header.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase)) return null;
        var named = Parameter().Matches(header).Select(match => (Name: match.Groups[1].Value, Value: match.Groups[2].Value))
            .Where(pair => pair.Name.Equals("resource", StringComparison.OrdinalIgnoreCase) || pair.Name.Equals("scope", StringComparison.OrdinalIgnoreCase))
            .Select(pair => pair.Value.EndsWith("/.default", StringComparison.Ordinal) ? pair.Value[..^"/.default".Length] : pair.Value).Distinct().ToList();
        if (named is not [var text] || !Uri.TryCreate(text, UriKind.Absolute, out var url)) return null;
        resource = url.GetLeftPart(UriPartial.Authority);
        var isPlain = url is { UserInfo: "", AbsolutePath: "/", Query: "", Fragment: "", IsDefaultPort: true } && url.Scheme == Uri.UriSchemeHttps;
        return isPlain && IsWithin(vault.Host, url.Host) ? $"https://{url.Host}/.default" : null;
    }

    private static bool IsWithin(string host, string domain) => host.Equals(domain, StringComparison.OrdinalIgnoreCase)
        || domain.Contains('.', StringComparison.Ordinal) && host.EndsWith("." + domain, StringComparison.OrdinalIgnoreCase);

    [GeneratedRegex("([A-Za-z_]{1,32})=\"?([^\",\\s]{1,2048})\"?", RegexOptions.CultureInvariant)]
    private static partial Regex Parameter();
}
