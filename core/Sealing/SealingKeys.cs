using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Sealing;

/// <summary>
/// Everything derived from a run's data key (docs/format.md, "Keys"). HKDF-SHA256 throughout; a derived key is bound to the object's salt, to
/// what it is for and to the object's name, so that no frame opens under another name.
/// </summary>
internal static class SealingKeys
{
    /// <summary>The index data key: what the control plane unwraps; says nothing about the data key.</summary>
    public static byte[] IndexDataKey(ReadOnlySpan<byte> dataKey) => Derive(dataKey, default, "index-data-key", "");

    /// <summary>Ki, from the index data key.</summary>
    public static byte[] IndexKey(ReadOnlySpan<byte> indexDataKey, ReadOnlySpan<byte> salt, string name) => Derive(indexDataKey, salt, "index", name);

    /// <summary>Kc, from the data key.</summary>
    public static byte[] ContentKey(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> salt, string name) => Derive(dataKey, salt, "content", name);

    /// <summary>commitIndex.</summary>
    public static byte[] CommitIndex(ReadOnlySpan<byte> indexDataKey, ReadOnlySpan<byte> salt, string name) => Derive(indexDataKey, salt, "commit-index", name);

    /// <summary>commitContent.</summary>
    public static byte[] CommitContent(ReadOnlySpan<byte> dataKey, ReadOnlySpan<byte> salt, string name) => Derive(dataKey, salt, "commit-content", name);

    // info = "HFS1" 0x00 purpose 0x00 name: purposes hold no zero byte, so the three parts cannot run into one another.
    private static byte[] Derive(ReadOnlySpan<byte> key, ReadOnlySpan<byte> salt, string purpose, string name)
    {
        var output = new byte[SealedFormat.KeySize];
        HKDF.DeriveKey(HashAlgorithmName.SHA256, key, output, salt, Encoding.UTF8.GetBytes($"HFS1\0{purpose}\0{name}"));
        return output;
    }
}
