using System.Security.Cryptography;
using Azure.Core.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>A public key that objects are sealed to.</summary>
/// <param name="Purpose">What it may open.</param>
/// <param name="Thumbprint">Of its public half; pinned in the configuration.</param>
/// <param name="Key">Wraps; the private half need not be here.</param>
/// <param name="Algorithm">How.</param>
public sealed record Recipient(SlotPurpose Purpose, KeyThumbprint Thumbprint, IKeyEncryptionKey Key, WrapAlgorithm Algorithm = WrapAlgorithm.RsaOaep256)
{
    /// <summary>A key with versions; null: there is only this one.</summary>
    private IVersionedKey? Versions { get; init; }

    /// <summary>Whoever holds a key with versions: each run is sealed to the one that is the newest when it begins.</summary>
    public static Recipient Newest(SlotPurpose purpose, IVersionedKey key) => new(purpose, default, null!) { Versions = key };

    /// <summary>This recipient, or the newest version of its key.</summary>
    internal async ValueTask<Recipient> ResolveAsync(CancellationToken cancellationToken)
    {
        if (Versions is null) return this;
        var (thumbprint, key) = await Versions.NewestAsync(cancellationToken).ConfigureAwait(false);
        return new Recipient(Purpose, thumbprint, key);
    }

    /// <summary>A host that alone shall read what is in an object, its index too.</summary>
    public static Recipient Host(AgreementPublicKey key) => new(SlotPurpose.Content, key.Thumbprint, new AgreementKey(key), WrapAlgorithm.EcdhP256);
}

/// <summary>
/// One run: a random 256-bit data key that lives as long as one backup or at most an hour of archiving, wrapped once for each recipient.
/// </summary>
public sealed class SealingRun : IDisposable
{
    internal const string RsaOaep256 = "RSA-OAEP-256";

    private SealingRun(byte[] dataKey, IReadOnlyList<KeySlot> slots)
    {
        DataKey = dataKey;
        IndexDataKey = SealingKeys.IndexDataKey(dataKey);
        Slots = slots;
    }

    /// <summary>16 random bytes that name the run.</summary>
    public ReadOnlyMemory<byte> RunId { get; } = RandomNumberGenerator.GetBytes(16);

    /// <summary>The wrapped keys that every object of the run carries.</summary>
    public IReadOnlyList<KeySlot> Slots { get; }

    internal byte[] DataKey { get; }

    internal byte[] IndexDataKey { get; }

    /// <summary>Makes a data key and wraps it.</summary>
    /// <param name="recipients">At least one for content and one for index; escrow is optional.</param>
    /// <param name="cancellationToken">Cancels a remote wrap.</param>
    public static async Task<SealingRun> StartAsync(IReadOnlyList<Recipient> recipients, CancellationToken cancellationToken)
    {
        if (!recipients.Any(r => r.Purpose == SlotPurpose.Content) || !recipients.Any(r => r.Purpose == SlotPurpose.Index))
            throw new ConfigurationException("sealing needs a content key and an index key", "set content-key-file and index-key-file, or content-key and index-key");
        return await WrapAsync(recipients, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>A run for one host alone: a job's.</summary>
    /// <param name="host">The host's registered agreement key.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public static Task<SealingRun> StartAsync(AgreementPublicKey host, CancellationToken cancellationToken) => WrapAsync([Recipient.Host(host)], cancellationToken);

    private static async Task<SealingRun> WrapAsync(IReadOnlyList<Recipient> recipients, CancellationToken cancellationToken)
    {
        var dataKey = RandomNumberGenerator.GetBytes(SealedFormat.KeySize);
        var indexDataKey = SealingKeys.IndexDataKey(dataKey);
        var slots = new List<KeySlot>(recipients.Count);
        foreach (var recipient in recipients)
        {
            var (purpose, thumbprint, key, algorithm) = await recipient.ResolveAsync(cancellationToken).ConfigureAwait(false);
            var secret = purpose == SlotPurpose.Index ? indexDataKey : dataKey;
            var wrapped = await key.WrapKeyAsync(algorithm.NameForKeys(), secret, cancellationToken).ConfigureAwait(false);
            slots.Add(new KeySlot(purpose, algorithm, thumbprint, key.KeyId, wrapped));
        }
        CryptographicOperations.ZeroMemory(indexDataKey);
        return new SealingRun(dataKey, slots);
    }

    /// <summary>Forgets the keys.</summary>
    public void Dispose()
    {
        CryptographicOperations.ZeroMemory(DataKey);
        CryptographicOperations.ZeroMemory(IndexDataKey);
    }
}
