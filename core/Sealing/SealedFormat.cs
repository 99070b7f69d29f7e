namespace Holdfast.Core.Sealing;

/// <summary>The numbers of docs/format.md. A reader refuses what is larger before it allocates.</summary>
public static class SealedFormat
{
    /// <summary>The version this code writes and the only one it reads.</summary>
    public const byte Version = 1;

    /// <summary>|P|, bytes.</summary>
    public const int MaxPrefix = 16 << 10;

    /// <summary>Key slots.</summary>
    public const int MaxSlots = 16;

    /// <summary>|X|, bytes, its tag included, of any kind; most have less: <see cref="IndexBounds"/>.</summary>
    public const int MaxIndex = 64 << 20;

    /// <summary>Plaintext of one frame, bytes.</summary>
    public const int MaxFrame = 4 << 20;

    /// <summary>UTF-8 bytes of a name.</summary>
    public const int MaxName = 512;

    /// <summary>UTF-8 bytes of a key id in a slot (Key Vault ids are below 256).</summary>
    public const int MaxKeyId = 1024;

    /// <summary>Bytes of a wrapped key in a slot (RSA 8192 would be 1024).</summary>
    public const int MaxWrapped = 1024;

    /// <summary>Plaintext bytes of a whole object that this format describes: 1 TiB, far above the service's 5000 MiB for one Put Blob.</summary>
    public const long MaxPlain = 1L << 40;

    /// <summary>AES-256-GCM's authentication tag.</summary>
    public const int TagSize = 16;

    /// <summary>AES-256-GCM's nonce: the frame number, little-endian; 0 for the index.</summary>
    public const int NonceSize = 12;

    /// <summary>A data key, a derived key, a salt, a hash, a commitment, a key id: all 32 bytes.</summary>
    public const int KeySize = 32;

    /// <summary>The first ranged GET that nearly always brings P, S, X and G.</summary>
    public const int FirstRead = 256 << 10;

    /// <summary>Flag bits that a reader must know to go on; the others may be ignored.</summary>
    public const ushort CriticalFlags = 0x00FF;

    internal static ReadOnlySpan<byte> Magic => "HFS1"u8;

    internal static ReadOnlySpan<byte> SignatureDomain => "HFS1sig"u8;
}
