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
    private readonly ConcurrentDictionary<string, OpenedKeys> _runs = new();

    /// <summary>A keyring of these private keys.</summary>
    public Keyring(IEnumerable<(KeyThumbprint Thumbprint, IKeyEncryptionKey Key)> keys) => _keys = keys.ToDictionary(k => (k.Thumbprint, WrapAlgorithm.RsaOaep256), k => k.Key);

    /// <summary>A host's keyring: opens what was sealed to it alone, its jobs.</summary>
    public Keyring(AgreementKey host) => _keys = new() { [(host.Thumbprint, WrapAlgorithm.EcdhP256)] = host };

    /// <summary>A keyring that opens nothing: signatures can still be checked.</summary>
    public static Keyring Empty { get; } = new([]);

    /// <summary>Whether there is any key.</summary>
    public bool IsEmpty => _keys.Count == 0;

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
        foreach (var slot in prefix.Slots.OrderBy(slot => slot.Purpose))
        {
            if (!_keys.TryGetValue((slot.Thumbprint, slot.Algorithm), out var key)) continue;
            var unwrapped = await UnwrapAsync(slot, key, cancellationToken).ConfigureAwait(false);
            return slot.Purpose == SlotPurpose.Index ? new OpenedKeys(unwrapped, null) : new OpenedKeys(SealingKeys.IndexDataKey(unwrapped), unwrapped);
        }
        throw new SealedObjectException(
            $"none of the {_keys.Count} keys at hand opens it; it is sealed to {string.Join(", ", prefix.Slots.Select(s => $"{s.Purpose} {s.Thumbprint.Short}"))}",
            "check content-private-key-file; after a rotation the old key must still be at hand");
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
