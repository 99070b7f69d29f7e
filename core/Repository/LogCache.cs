using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text.Json;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// A file that spares an agent reading the log again: the head's signed bytes and the folded state. The directory is the host's own and
/// trusted; a torn
/// or older file is not, so it carries its hash, and an unreadable one is as good as none.
/// <code>
/// "HFLOGC1\n" ‖ SHA-256 of all that follows (32) ‖ u32 length of the head entry's bytes, little-endian ‖ those bytes ‖ the state as JSON
/// </code>
/// </summary>
public static class LogCache
{
    private const int HashAt = 8, LengthAt = HashAt + 32, EntryAt = LengthAt + 4;

    private static ReadOnlySpan<byte> Magic => "HFLOGC1\n"u8;

    /// <summary>The file's bytes. Write them beside the file, sync, and rename.</summary>
    public static byte[] Encode(LogView view)
    {
        var entry = (view.Last ?? throw new ArgumentException("a view of no entry is not cached", nameof(view))).Bytes.Span;
        var state = JsonSerializer.SerializeToUtf8Bytes(view.State, LogJson.Default.ClusterState);
        byte[] bytes = [.. Magic, .. new byte[36], .. entry, .. state];
        BinaryPrimitives.WriteInt32LittleEndian(bytes.AsSpan(LengthAt), entry.Length);
        SHA256.HashData(bytes.AsSpan(LengthAt), bytes.AsSpan(HashAt));
        return bytes;
    }

    /// <summary>The view in a file's bytes; null when they are torn, of another version, or of a log that <paramref name="pinned"/> did
    /// not sign.</summary>
    public static LogView? TryDecode(ReadOnlyMemory<byte> bytes, IReadOnlyList<VerifyingKey> pinned)
    {
        var span = bytes.Span;
        if (span.Length < EntryAt || !span.StartsWith(Magic)) return null;
        if (!SHA256.HashData(span[LengthAt..]).AsSpan().SequenceEqual(span[HashAt..LengthAt])) return null;
        var length = BinaryPrimitives.ReadInt32LittleEndian(span[LengthAt..]);
        if (length < 0 || length > span.Length - EntryAt) return null;
        try
        {
            var state = JsonSerializer.Deserialize(span[(EntryAt + length)..], LogJson.Default.ClusterState);
            if (state?.Cluster is null || state.Next < 1) return null;
            return LogView.Restored(state, LogEntryCodec.Decode(bytes.Slice(EntryAt, length), state.Next - 1, pinned));
        }
        catch (Exception e) when (e is JsonException or HoldfastException)
        {
            return null;
        }
    }
}
