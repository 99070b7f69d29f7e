using System.Runtime.CompilerServices;
using Azure.Core.Cryptography;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Host;

/// <summary>Keys that the configuration names, in files or in Key Vault. What a blob says about keys is never followed.</summary>
public static class Recipients
{
    private static readonly ConditionalWeakTable<ResolvedOptions, KeyVaults> Opened = [];

    /// <summary>Whom this host seals to: the content and the index key, the escrow key if configured; public halves only.</summary>
    public static IReadOnlyList<Recipient> Of(ResolvedOptions options)
    {
        var recipients = new List<Recipient>(3)
        {
            Public(SlotPurpose.Content, options.Get(OptionTable.ContentKeyFile)),
            Public(SlotPurpose.Index, options.Get(OptionTable.IndexKeyFile)),
        };
        if (options.Find(OptionTable.EscrowKeyFile) is { } escrow) recipients.Add(Public(SlotPurpose.Escrow, escrow));
        return recipients;
    }

    /// <summary>What this host can open: the private keys that its configuration names, in files or in Key Vault; maybe none.</summary>
    /// <param name="options">The run's.</param>
    /// <param name="deadline">How long a vault may take to answer.</param>
    /// <param name="rows">The files; the keys in Key Vault that stand for them follow.</param>
    public static Keyring Keyring(ResolvedOptions options, TimeSpan deadline, params ReadOnlySpan<OptionRow<string>> rows)
    {
        var (keys, versioned) = (new List<(KeyThumbprint, IKeyEncryptionKey)>(), new List<IVersionedKey>());
        foreach (var row in rows)
        {
            foreach (var inVault in row == OptionTable.IndexPrivateKeyFile ? [OptionTable.IndexKey] : (OptionRow<KeyVaultKeyId>[])[OptionTable.ContentKey, OptionTable.EscrowKey])
                if (options.TryGet(inVault, out var id)) versioned.Add(Vaults(options, deadline).Versions(id));
            if (options.Find(row) is not { } file) continue;
            var key = JsonWebKey.ReadRsa(Read(file), file, withPrivate: true);
            keys.Add((key.Thumbprint, key));
        }
        return new Keyring(keys, versioned);
    }

    /// <summary>The control plane's signing key, in a file or in Key Vault; null when neither is configured.</summary>
    public static ISigningKey? Signing(ResolvedOptions options)
    {
        if (options.Find(OptionTable.SigningKeyFile) is { } file) return JsonWebKey.ReadSigning(Read(file), file);
        return options.TryGet(OptionTable.SigningKey, out var id) ? Vaults(options, StoreOptions.OperatorDeadline).Signing(id, options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey()) : null;
    }

    /// <summary>The vaults that the options mean; they live as long as the command, whose keys are used until its end.</summary>
    public static KeyVaults Vaults(ResolvedOptions options, TimeSpan deadline) => Opened.GetValue(options, opened => KeyVaults.Open(StoreOptions.KeyVault(opened, deadline)));

    /// <summary>A key file's bytes.</summary>
    public static byte[] Read(string file)
    {
        try { return File.ReadAllBytes(file); }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"key file {file} cannot be read: {e.Message}", "the configuration that init wrote names the files this host needs", e);
        }
    }

    private static Recipient Public(SlotPurpose purpose, string file)
    {
        var key = JsonWebKey.ReadRsa(Read(file), file, withPrivate: false);
        return new Recipient(purpose, key.Thumbprint, key);
    }
}
