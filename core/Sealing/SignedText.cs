using System.Buffers;
using System.Buffers.Text;
using System.Security.Cryptography;
using System.Text;

namespace Holdfast.Core.Sealing;

/// <summary>
/// Clear text whose last line is its signature: lines that an operator can read, then 86 characters of base64url (the 64 bytes of an
/// ECDSA P-256
/// signature, IEEE P1363) and a line feed. Signed is SHA-256(label ‖ every byte before the signature's line). Log entries, registration
/// requests
/// and replies use it, each with a label of its own, so that none passes for another.
/// </summary>
internal static class SignedText
{
    private const int LineSize = 87;

    /// <summary><paramref name="content"/> (which ends in a line feed), followed by the line of its signature.</summary>
    public static async ValueTask<byte[]> SignAsync(ReadOnlyMemory<byte> content, string label, ISigningKey key,
        CancellationToken cancellationToken)
    {
        var signature = await key.SignAsync(Digest(content.Span, label), cancellationToken).ConfigureAwait(false);
        return Append(content.Span, signature);
    }

    /// <summary>As <see cref="SignAsync"/>, with a signature made by other means.</summary>
    public static byte[] Append(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature)
    {
        var bytes = new byte[content.Length + LineSize];
        content.CopyTo(bytes);
        Base64Url.EncodeToUtf8(signature, bytes.AsSpan(content.Length));
        bytes[^1] = (byte)'\n';
        return bytes;
    }

    /// <summary>SHA-256(label ‖ content).</summary>
    public static byte[] Digest(ReadOnlySpan<byte> content, string label)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.ASCII.GetBytes(label));
        hash.AppendData(content);
        return hash.GetHashAndReset();
    }

    /// <summary>Which of <paramref name="keys"/> signed; null when none did. <paramref name="content"/> is all before the signature's
    /// line.</summary>
    public static VerifyingKey? FindSigner(
        ReadOnlyMemory<byte> bytes, string label, IReadOnlyList<VerifyingKey> keys, out ReadOnlyMemory<byte> content)
    {
        if (!TrySplit(bytes, out content, out var signature)) return null;
        var digest = Digest(content.Span, label);
        foreach (var key in keys)
            if (key.Verify(digest, signature)) return key;
        return null;
    }

    /// <summary>Splits off the signature's line. False when the end is not such a line in its only spelling.</summary>
    public static bool TrySplit(ReadOnlyMemory<byte> bytes, out ReadOnlyMemory<byte> content, out byte[] signature)
    {
        content = default;
        signature = new byte[VerifyingKey.SignatureSize];
        if (bytes.Length <= LineSize) return false;
        content = bytes[..^LineSize];
        var line = bytes.Span[^LineSize..];
        if (content.Span[^1] != '\n' || line[^1] != '\n' || line[..^1].ContainsAny(" \t\r\n="u8)) return false;
        if (Base64Url.DecodeFromUtf8(line[..^1], signature, out _, out var written) != OperationStatus.Done || written != signature.Length)
            return false;
        // Two spellings of one signature (the last character has four bits to spare) would be two entries with different hashes.
        return Append(content.Span, signature).AsSpan(content.Length).SequenceEqual(line);
    }

    /// <summary>The one line of JSON between the line <paramref name="magic"/> and the end; false when the content is anything
    /// else.</summary>
    public static bool TryBody(ReadOnlyMemory<byte> content, string magic, out ReadOnlyMemory<byte> body)
    {
        body = default;
        var first = Encoding.ASCII.GetBytes(magic + "\n");
        if (!content.Span.StartsWith(first) || content.Span[^1] != '\n') return false;
        body = content[first.Length..];
        if (body.IsEmpty) return false;
        body = body[..^1];
        return !body.IsEmpty && !body.Span.Contains((byte)'\n');
    }

    /// <summary>The magic's line, a line of JSON.</summary>
    public static byte[] Lines(string magic, ReadOnlySpan<byte> body) => [.. Encoding.ASCII.GetBytes(magic), (byte)'\n', .. body,
        (byte)'\n'];
}
