using Azure.Core.Cryptography;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Host;

/// <summary>Keys from files that the configuration names. What a blob says about keys is never followed.</summary>
public static class Recipients
{
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

    /// <summary>What this host can open: the private keys that its configuration names, maybe none.</summary>
    public static Keyring Keyring(ResolvedOptions options, params ReadOnlySpan<OptionRow<string>> rows)
    {
        var keys = new List<(KeyThumbprint, IKeyEncryptionKey)>();
        foreach (var row in rows)
        {
            if (options.Find(row) is not { } file) continue;
            var key = JsonWebKey.ReadRsa(Read(file), file, withPrivate: true);
            keys.Add((key.Thumbprint, key));
        }
        return new Keyring(keys);
    }

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
