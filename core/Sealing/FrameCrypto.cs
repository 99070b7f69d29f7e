using System.Buffers.Binary;
using System.Security.Cryptography;

namespace Holdfast.Core.Sealing;

/// <summary>AES-256-GCM as the format uses it: nonce and AAD from the frame's number, the tag behind the ciphertext, in place.</summary>
internal static class FrameCrypto
{
    /// <summary>Seals all but the last 16 bytes, where the tag goes.</summary>
    public static void Seal(AesGcm aes, ulong number, byte[] prefixHash, Span<byte> frame)
    {
        Span<byte> nonce = stackalloc byte[SealedFormat.NonceSize];
        Span<byte> aad = stackalloc byte[40];
        var text = frame[..^SealedFormat.TagSize];
        aes.Encrypt(Nonce(nonce, number), text, text, frame[^SealedFormat.TagSize..], Aad(aad, number, prefixHash));
    }

    /// <summary>Opens in place; the text is all but the last 16 bytes. False when it is not authentic.</summary>
    public static bool TryOpen(AesGcm aes, ulong number, byte[] prefixHash, ReadOnlySpan<byte> frame, Span<byte> text)
    {
        Span<byte> nonce = stackalloc byte[SealedFormat.NonceSize];
        Span<byte> aad = stackalloc byte[40];
        try
        {
            aes.Decrypt(Nonce(nonce, number), frame[..^SealedFormat.TagSize], frame[^SealedFormat.TagSize..], text, Aad(aad, number, prefixHash));
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            return false;
        }
    }

    private static ReadOnlySpan<byte> Nonce(Span<byte> nonce, ulong number)
    {
        nonce.Clear();
        BinaryPrimitives.WriteUInt64LittleEndian(nonce, number);
        return nonce;
    }

    // The index is number 0 and its AAD is H alone; frame n has H ‖ n, so that neither can stand for the other even under one key.
    private static ReadOnlySpan<byte> Aad(Span<byte> aad, ulong number, byte[] prefixHash)
    {
        prefixHash.CopyTo(aad);
        if (number == 0) return aad[..32];
        BinaryPrimitives.WriteUInt64LittleEndian(aad[32..], number);
        return aad;
    }
}
