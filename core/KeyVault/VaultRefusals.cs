using System.Text.Json;
using Holdfast.Core.Repository;

namespace Holdfast.Core.KeyVault;

/// <summary>From an answer's status and codes to what the operator is told (learn.microsoft.com/azure/key-vault/general/rest-error-codes).</summary>
internal static class VaultRefusals
{
    private const string ProxyHint =
        "something between this host and the vault may answer in its place; check the vault's name; proxies are not used";

    /// <summary>error.code and error.innererror.code of a refusal; null where it has none that could be one.</summary>
    public static (string? Code, string? Inner) CodesOf(byte[] body)
    {
        try
        {
            var error = JsonSerializer.Deserialize(body, VaultJson.Default.VaultErrorBody)?.Error;
            return (Word(error?.Code), Word(error?.Inner?.Code));
        }
        catch (JsonException)
        {
            return (null, null);
        }
    }

    /// <summary>A refusal that repeating would not change.</summary>
    public static KeyVaultException Of(StoreCall call, KeyVaultKeyId key, int status, (string? Code, string? Inner) error)
    {
        var (refusal, what, hint) = Judge(key, status, error);
        var codes = string.Join(", ", new[] { error.Code, error.Inner }.Where(code => code is not null));
        return new KeyVaultException($"could not {call}: {what} (HTTP {status}{(codes.Length == 0 ? "" : " " + codes)})", hint, refusal, status);
    }

    /// <summary>A call that the funnel gave up.</summary>
    public static KeyVaultException Of(StoreCallException failed) => failed.Status == 429
        ? new KeyVaultException(failed.Message,
            "the vault's limit is reached: 500 operations of a 3072-bit HSM key, 1000 of a software key, in 10 s for a vault, five times that for a subscription; give this cluster a vault of its own, or work with fewer processes",
            KeyVaultRefusal.Throttled, failed.Status)
        : new KeyVaultException(failed.Message, failed.Hint, KeyVaultRefusal.Unreachable, failed.Status);

    /// <summary>An answer that no vault gives.</summary>
    public static KeyVaultException NotUnderstood(StoreCall call, string what) =>
        new($"could not {call}: {what}", ProxyHint, KeyVaultRefusal.NotUnderstood);

    private static (KeyVaultRefusal Refusal, string What, string Hint) Judge(KeyVaultKeyId key, int status, (string? Code, string? Inner) error) => (status, error.Inner ?? error.Code) switch
    {
        (403, "KeyDisabled") => Disabled(key),
        (403, { } code) when code.StartsWith("KeyExpired", StringComparison.Ordinal) || code.StartsWith("KeyNotYetValid", StringComparison.Ordinal) =>
            (KeyVaultRefusal.OutsideValidity, "the version is not valid yet, or not any more: it unwraps, but neither wraps nor signs",
                $"make a new version (az keyvault key rotate), or set the times of this one: az keyvault key set-attributes --id {key} --expires …"),
        (403, "ForbiddenByFirewall" or "ForbiddenByConnection") => (KeyVaultRefusal.NotPermitted, "the vault's firewall lets nobody in from here",
            "let this host's address or subnet in, or use the vault's private endpoint"),
        (401 or 403, _) => (KeyVaultRefusal.NotPermitted, "this identity may not",
            $"grant it on this key alone (az role assignment create --scope …/keys/{key.Name}): get and list, and what it does with the key: unwrap to open, wrap to seal, sign to decide"),
        (404, "KeyNotFound") => (KeyVaultRefusal.Missing, "the vault has no such key, or no such version",
            $"if it was deleted: az keyvault key recover --name {key.Name}; if the whole vault was: az keyvault recover. Until then the escrow key opens what it sealed"),
        (409, _) => (KeyVaultRefusal.Missing, "the key is deleted, or is being deleted", $"az keyvault key recover --name {key.Name}; until then the escrow key opens what it sealed"),
        (400, _) => (KeyVaultRefusal.BadRequest, "the vault finds the request wrong", $"is {key} an RSA key of at least 3072 bits with the operations wrapKey and unwrapKey, or a P-256 key with sign?"),
        (404, null) => (KeyVaultRefusal.NotUnderstood, "an answer that is not Key Vault's", ProxyHint),
        _ => (KeyVaultRefusal.NotUnderstood, "an answer that is not expected", "see the vault's audit log"),
    };

    /// <summary>A version that does nothing while it is disabled.</summary>
    public static (KeyVaultRefusal Refusal, string What, string Hint) Disabled(KeyVaultKeyId key) => (KeyVaultRefusal.Disabled, "the version is disabled",
        $"what was sealed to it opens again once it is enabled: az keyvault key set-attributes --id {key} --enabled true; until then the escrow key opens it");

    private static string? Word(string? code) => code is { Length: > 0 and <= 64 } && code.All(char.IsAsciiLetterOrDigit) ? code : null;
}
