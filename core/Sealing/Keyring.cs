using System.Collections.Concurrent;
using System.Security.Cryptography;
using Azure.Core.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>The keys of one object, as far as a keyring could unwrap them.</summary>
/// <param name="IndexDataKey">Opens the index.</param>
/// <param name="DataKey">Opens the content; null for a keyring that holds an index key only.</param>
internal sealed record OpenedKeys(byte[] IndexDataKey, byte[]? DataKey);

/// <summary>
/// The private keys of a reader: index (control plane), content or escrow (restorer). A slot is matched by the thumbprint of its key among
/// these only; the key id in a blob is never followed. Unwrapped keys are kept by run. Safe to use from several threads.
/// </summary>
public sealed class Keyring
{
    // A restore reads a few runs an hour of WAL; the bound only keeps a hostile repository from filling memory.
    private const int MaxRuns = 4096;

    private readonly Dictionary<(KeyThumbprint, WrapAlgorithm), IKeyEncryptionKey> _keys;
    private readonly IReadOnlyList<IVersionedKey> _versioned = [];
    private readonly ConcurrentDictionary<string, OpenedKeys> _runs = new();

    /// <summary>A keyring of these private keys.</summary>
    /// <param name="keys">Keys at hand.</param>
    /// <param name="versioned">Keys that are asked when none at hand opens the content.</param>
    public Keyring(IEnumerable<(KeyThumbprint Thumbprint, IKeyEncryptionKey Key)> keys, IReadOnlyList<IVersionedKey>? versioned = null)
    {
        _keys = keys.ToDictionary(k => (k.Thumbprint, WrapAlgorithm.RsaOaep256), k => k.Key);
        _versioned = versioned ?? [];
    }

    /// <summary>A host's keyring: opens what was sealed to it alone, its jobs.</summary>
    public Keyring(AgreementKey host) => _keys = new() { [(host.Thumbprint, WrapAlgorithm.EcdhP256)] = host };

    /// <summary>A keyring that opens nothing: signatures can still be checked.</summary>
    public static Keyring Empty { get; } = new([]);

    /// <summary>Whether there is any key.</summary>
    public bool IsEmpty => _keys.Count + _versioned.Count == 0;

    /// <summary>The keys of an object, checked against its commitments.</summary>
    /// <exception cref="SealedObjectException">No slot is for a key of this ring, a slot does not unwrap, or a commitment does not match.</exception>
    internal async ValueTask<OpenedKeys> OpenAsync(SealedPrefix prefix, CancellationToken cancellationToken)
    {
        var run = Convert.ToHexString(prefix.RunId.Span);
        if (_runs.TryGetValue(run, out var cached) && Commits(prefix, cached)) return cached;
        var opened = await UnwrapAsync(prefix, cancellationToken).ConfigureAwait(false);
        if (!Commits(prefix, opened)) throw new SealedObjectException("its key slots hold another key than it commits to");
        if (_runs.Count < MaxRuns) _runs[run] = opened;
        return opened;
    }

    private static bool Commits(SealedPrefix prefix, OpenedKeys keys) =>
        CryptographicOperations.FixedTimeEquals(SealingKeys.CommitIndex(keys.IndexDataKey, prefix.Salt.Span, prefix.Name), prefix.CommitIndex.Span)
        && (keys.DataKey is null
            || CryptographicOperations.FixedTimeEquals(SealingKeys.CommitContent(keys.DataKey, prefix.Salt.Span, prefix.Name), prefix.CommitContent.Span));

    private async ValueTask<OpenedKeys> UnwrapAsync(SealedPrefix prefix, CancellationToken cancellationToken)
    {
        // Content before index: it opens both.
        var slots = prefix.Slots.OrderBy(slot => slot.Purpose).ToList();
        var first = slots.Find(slot => _keys.ContainsKey((slot.Thumbprint, slot.Algorithm)));
        if (first is null or { Purpose: SlotPurpose.Index } && await UnwrapRemotelyAsync(first is null ? slots : slots[..slots.IndexOf(first)], cancellationToken).ConfigureAwait(false) is { } opened)
            return opened;
        if (first is not null) return await OpenAsync(first, _keys[(first.Thumbprint, first.Algorithm)], cancellationToken).ConfigureAwait(false);
        throw new SealedObjectException(
            $"none of the {_keys.Count + _versioned.Count} keys at hand opens it; it is sealed to {string.Join(", ", prefix.Slots.Select(s => $"{s.Purpose} {s.Thumbprint.Short}"))}",
            "check content-private-key-file; after a rotation the old key must still be at hand, and its version in Key Vault enabled");
    }

    /// <summary>Asks one key after the other: an escrow key in another vault opens what the first vault does not. Null when none is for any of the slots.</summary>
    private async ValueTask<OpenedKeys?> UnwrapRemotelyAsync(List<KeySlot> slots, CancellationToken cancellationToken)
    {
        StoreException? failure = null;
        foreach (var versioned in _versioned)
        {
            try
            {
                if (await versioned.FindAsync(slots, cancellationToken).ConfigureAwait(false) is not var (slot, key)) continue;
                return await OpenAsync(slot, key, cancellationToken).ConfigureAwait(false);
            }
            catch (StoreException e)
            {
                failure ??= e;
            }
        }
        return failure is null ? null : throw failure;
    }

    private static async ValueTask<OpenedKeys> OpenAsync(KeySlot slot, IKeyEncryptionKey key, CancellationToken cancellationToken)
    {
        var unwrapped = await UnwrapAsync(slot, key, cancellationToken).ConfigureAwait(false);
        return slot.Purpose == SlotPurpose.Index ? new OpenedKeys(unwrapped, null) : new OpenedKeys(SealingKeys.IndexDataKey(unwrapped), unwrapped);
    }

    private static async ValueTask<byte[]> UnwrapAsync(KeySlot slot, IKeyEncryptionKey key, CancellationToken cancellationToken)
    {
        byte[] unwrapped;
        try { unwrapped = await key.UnwrapKeyAsync(slot.Algorithm.NameForKeys(), slot.Wrapped, cancellationToken).ConfigureAwait(false); }
        catch (CryptographicException e) { throw new SealedObjectException($"its {slot.Purpose} slot does not unwrap with key {slot.Thumbprint.Short}", inner: e); }
        return unwrapped.Length == SealedFormat.KeySize
            ? unwrapped
            : throw new SealedObjectException($"its {slot.Purpose} slot holds {unwrapped.Length} bytes, a data key has {SealedFormat.KeySize}");
    }
}
