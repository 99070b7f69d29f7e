using Azure.Core.Cryptography;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Sealing;

namespace Holdfast.Functions.Embedded;

/// <summary>A cluster's keys, each in a file or in Key Vault. One that is in neither is a mistake, and in both, too: which of them is meant?</summary>
internal sealed class ClusterKeys(ConfigurationSection options)
{
    // Used as long as the control plane runs.
    private readonly Lazy<KeyVaults> _vaults = new(() => KeyVaults.Open(ClusterConfiguration.VaultsOf(options)));

    /// <summary>Signs the log.</summary>
    public ISigningKey Signing() => Find("signing-key", "signing-key-file") is { } id
        ? _vaults.Value.Signing(id, Pinned())
        : options.ReadKey("signing-key-file", (bytes, source) => JsonWebKey.ReadSigning(bytes, source));

    /// <summary>Opens indexes.</summary>
    public Keyring Index()
    {
        if (Find("index-key", "index-private-key-file") is { } id) return new Keyring([], [_vaults.Value.Versions(id)]);
        var key = ReadIndex();
        return new Keyring([(key.Thumbprint, (IKeyEncryptionKey)key)]);
    }

    /// <summary>Whom manifests are sealed to: who restores, and this control plane.</summary>
    public IReadOnlyList<Recipient> Recipients()
    {
        var recipients = new List<Recipient> { Find("index-key", "index-private-key-file") is { } id ? Recipient.Newest(SlotPurpose.Index, _vaults.Value.Versions(id)) : Of(SlotPurpose.Index, ReadIndex()) };
        foreach (var (purpose, name) in new[] { (SlotPurpose.Content, "content-key"), (SlotPurpose.Escrow, "escrow-key") })
        {
            if (Find(name, name + "-file") is { } inVault) recipients.Add(Recipient.Newest(purpose, _vaults.Value.Versions(inVault)));
            else if (options.Find(name + "-file") is not null || purpose != SlotPurpose.Escrow)
                recipients.Add(Of(purpose, options.ReadKey(name + "-file", (bytes, source) => JsonWebKey.ReadRsa(bytes, source, withPrivate: false))));
        }
        return recipients;
    }

    private RsaKey ReadIndex() => options.ReadKey("index-private-key-file", (bytes, source) => JsonWebKey.ReadRsa(bytes, source, withPrivate: true));

    private static Recipient Of(SlotPurpose purpose, RsaKey key) => new(purpose, key.Thumbprint, key);

    private KeyVaultKeyId? Find(string option, string fileOption)
    {
        if (options.Find(option) is not { } text) return null;
        if (options.Find(fileOption) is not null) throw options.Wrong(option, $"no {fileOption} beside it");
        return KeyVaultKeyId.TryParse(text, out var id) ? id : throw options.Wrong(option, KeyVaultKeyId.Expected);
    }

    private VerifyingKey Pinned() => PinnedKey.TryParse(options.Get("control-plane-key"), out var pinned) ? pinned.ToVerifyingKey() : throw options.Wrong("control-plane-key", PinnedKey.Expected);
}
