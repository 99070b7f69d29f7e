using Azure.Core.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>
/// A key encryption key that is renewed by new versions, as in Key Vault: the newest seals, any opens what was sealed to it. Which version a slot is for,
/// its thumbprint says; the key id in a slot may be compared with those that are known, and is never followed.
/// </summary>
public interface IVersionedKey
{
    /// <summary>The key, for messages.</summary>
    string Name { get; }

    /// <summary>The first of an object's slots that a version of this key is for; null when there is none.</summary>
    ValueTask<(KeySlot Slot, IKeyEncryptionKey Key)?> FindAsync(IReadOnlyList<KeySlot> slots, CancellationToken cancellationToken);

    /// <summary>The version to seal to from now on.</summary>
    ValueTask<(KeyThumbprint Thumbprint, IKeyEncryptionKey Key)> NewestAsync(CancellationToken cancellationToken);
}
