namespace Holdfast.Core.Sealing;

/// <summary>Who may open what, by a slot.</summary>
public enum SlotPurpose : byte
{
    /// <summary>The data key itself, for restorers: opens content and, by derivation, the index.</summary>
    Content = 1,

    /// <summary>As <see cref="Content"/>, for the offline key.</summary>
    Escrow = 2,

    /// <summary>The index data key: all that the control plane can unwrap.</summary>
    Index = 3,
}

/// <summary>How the key in a slot is wrapped.</summary>
public enum WrapAlgorithm : byte
{
    /// <summary>RSA-OAEP with SHA-256 and MGF1-SHA-256 (RFC 8017; JWA "RSA-OAEP-256").</summary>
    RsaOaep256 = 1,

    /// <summary>To a host's agreement key: ECDH P-256, HKDF-SHA256, AES-256-GCM.</summary>
    EcdhP256 = 2,
}

/// <summary>What follows from an algorithm.</summary>
internal static class WrapAlgorithms
{
    /// <summary>What a key of <c>IKeyEncryptionKey</c> calls it.</summary>
    public static string NameForKeys(this WrapAlgorithm algorithm) => algorithm == WrapAlgorithm.EcdhP256 ? AgreementKey.Algorithm : SealingRun.RsaOaep256;
}

/// <summary>One wrapped copy of a run's data key, or of the index data key derived from it.</summary>
/// <param name="Purpose">What unwrapping it gives.</param>
/// <param name="Algorithm">How it is wrapped.</param>
/// <param name="Thumbprint">Of the key encryption key's public half.</param>
/// <param name="KeyId">Where that key lives, for people and for Key Vault versions; only ever looked up among configured keys, never dereferenced.</param>
/// <param name="Wrapped">The wrapped 32 bytes.</param>
public sealed record KeySlot(SlotPurpose Purpose, WrapAlgorithm Algorithm, KeyThumbprint Thumbprint, string KeyId, ReadOnlyMemory<byte> Wrapped);
