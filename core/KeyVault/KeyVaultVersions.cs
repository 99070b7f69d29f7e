using Azure.Core.Cryptography;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// The versions of a configured key, found by the thumbprints of their public halves: what a blob says of a key id is compared, never followed. A public
/// half is fetched once; the listing again when something is not found, at most once a minute, so that a repository full of unknown keys costs a vault
/// nothing. Safe to use from several threads.
/// </summary>
/// <param name="client">The key's vault.</param>
/// <param name="key">The key; with a version, only that one is used.</param>
/// <param name="time">Null for the system's clock.</param>
public sealed class KeyVaultVersions(KeyVaultClient client, KeyVaultKeyId key, TimeProvider? time = null) : IVersionedKey
{
    private static readonly TimeSpan BetweenListings = TimeSpan.FromMinutes(1);

    private readonly TimeProvider _time = time ?? TimeProvider.System;
    private readonly SemaphoreSlim _gate = new(1);
    private readonly Dictionary<string, VaultKey?> _publicHalves = [];
    private IReadOnlyList<VaultKeyVersion> _versions = [];
    private long? _listed;

    /// <inheritdoc/>
    public string Name => key.ToString();

    /// <inheritdoc/>
    /// <exception cref="KeyVaultException">The vault cannot be asked, or the version that opens the object is disabled.</exception>
    public async ValueTask<(KeySlot Slot, IKeyEncryptionKey Key)?> FindAsync(IReadOnlyList<KeySlot> slots, CancellationToken cancellationToken)
    {
        KeySlot? SlotOf(VaultKey known) => known.Rsa is null ? null : slots.FirstOrDefault(slot => slot.Algorithm == WrapAlgorithm.RsaOaep256 && slot.Thumbprint == known.Thumbprint);
        if (await FindAsync(known => SlotOf(known) is not null, cancellationToken).ConfigureAwait(false) is { } found)
            return (SlotOf(found)!, new KeyVaultKey(client, found.Version.Id));
        // A disabled version may keep even its public half to itself; then the id that the sealer wrote down tells which it is.
        if (_versions.FirstOrDefault(version => !version.Enabled && slots.Any(slot => Names(slot, version))) is { } disabled) throw DisabledVersion(disabled);
        return null;
    }

    /// <inheritdoc/>
    /// <remarks>Its public half wraps in this process: who only seals needs no right but to read the key.</remarks>
    /// <exception cref="KeyVaultException">The vault cannot be asked, or no version is enabled and valid.</exception>
    public async ValueTask<(KeyThumbprint Thumbprint, IKeyEncryptionKey Key)> NewestAsync(CancellationToken cancellationToken)
    {
        var newest = await NewestPublicAsync(cancellationToken).ConfigureAwait(false);
        return newest.Rsa is { } rsa ? (rsa.Thumbprint, rsa) : throw Unusable("is no RSA key of 3072 to 8192 bits");
    }

    /// <summary>The public half of the newest version that is enabled and valid: what is sealed from now on is sealed to it.</summary>
    /// <inheritdoc cref="NewestAsync" path="/exception"/>
    public async Task<VaultKey> NewestPublicAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await ListAsync(cancellationToken).ConfigureAwait(false);
            var now = _time.GetUtcNow();
            var newest = _versions.FirstOrDefault(version => version.IsValidAt(now)) ?? throw Unusable("has no version that is enabled and valid");
            return await PublicHalfAsync(newest, cancellationToken).ConfigureAwait(false) ?? throw Unusable("is neither RSA of 3072 to 8192 bits nor EC P-256");
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>The version with that public half; null when there is none.</summary>
    /// <exception cref="KeyVaultException">The vault cannot be asked, or the version is disabled.</exception>
    public Task<VaultKey?> FindAsync(KeyThumbprint thumbprint, CancellationToken cancellationToken) => FindAsync(known => known.Thumbprint == thumbprint, cancellationToken);

    private async Task<VaultKey?> FindAsync(Func<VaultKey, bool> isWanted, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (Usable(_publicHalves.Values, isWanted) is { } known) return known;
            await ListAsync(cancellationToken).ConfigureAwait(false);
            foreach (var version in _versions)
                if (await PublicHalfAsync(version, cancellationToken).ConfigureAwait(false) is { } half && isWanted(half))
                    return version.Enabled ? half : throw DisabledVersion(version);
            return null;
        }
        finally
        {
            _gate.Release();
        }
    }

    private VaultKey? Usable(IEnumerable<VaultKey?> halves, Func<VaultKey, bool> isWanted) =>
        halves.FirstOrDefault(half => half is not null && isWanted(half) && _versions.Any(version => version.Enabled && version.Id.IsSameVersion(half.Version.Id)));

    /// <summary>Learns which versions there are, the newest first.</summary>
    private async Task ListAsync(CancellationToken cancellationToken)
    {
        if (_listed is { } before && _time.GetElapsedTime(before) < BetweenListings) return;
        var versions = await client.ListVersionsAsync(key, cancellationToken).ConfigureAwait(false);
        _versions = [.. versions.Where(version => key.Version is null || version.Id.IsSameVersion(key)).OrderByDescending(version => version.Created)];
        _listed = _time.GetTimestamp();
    }

    private async Task<VaultKey?> PublicHalfAsync(VaultKeyVersion version, CancellationToken cancellationToken)
    {
        if (_publicHalves.TryGetValue(version.Id.Version!, out var known)) return known;
        try { return _publicHalves[version.Id.Version!] = await client.GetAsync(version.Id, cancellationToken).ConfigureAwait(false); }
        catch (KeyVaultException e) when (e.Refusal == KeyVaultRefusal.Disabled) { return null; }
    }

    private static bool Names(KeySlot slot, VaultKeyVersion version) => KeyVaultKeyId.TryParse(slot.KeyId, out var id) && id.IsSameVersion(version.Id);

    private static KeyVaultException DisabledVersion(VaultKeyVersion version)
    {
        var (refusal, what, hint) = VaultRefusals.Disabled(version.Id);
        return new KeyVaultException($"{version.Id}: {what}", hint, refusal, 403);
    }

    private KeyVaultException Unusable(string why) => new($"{key} {why}", "look at its versions: az keyvault key list-versions; a new one is made by az keyvault key rotate", KeyVaultRefusal.OutsideValidity);
}
