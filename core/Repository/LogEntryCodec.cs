using System.Text.Json;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// The bytes of a log entry: three lines, each ended by a line feed (<c>docs/format.md</c>).
/// <code>
/// HFLOG1
/// {"n":1,"previous":"…","time":"…","signer":"…","event":{"type":"…",…}}
/// base64url of the ECDSA P-256 signature over SHA-256("HFL1sig" ‖ the two lines before, line feeds included)
/// </code>
/// The signature is checked before anything is parsed. Unknown events and fields are refused, not skipped: a reader that ignores what it
/// does not
/// understand folds another state than the writer, and could count a host that was revoked.
/// </summary>
public static class LogEntryCodec
{
    /// <summary>An entry without state.</summary>
    public const int MaxEntryBytes = 64 << 10;

    /// <summary>An entry with state.</summary>
    public const int MaxCheckpointBytes = 16 << 20;

    private const string Magic = "HFLOG1", Label = "HFL1sig";

    /// <summary>The most bytes that entry <paramref name="number"/> may have.</summary>
    public static int MaxBytes(long number) => LogEntry.IsCheckpoint(number) ? MaxCheckpointBytes : MaxEntryBytes;

    /// <summary>Writes and signs an entry.</summary>
    /// <exception cref="RefusedException">It would be larger than readers accept.</exception>
    public static async ValueTask<SignedLogEntry> SignAsync(LogEntry entry, ISigningKey key, CancellationToken cancellationToken)
    {
        if (entry.Signer != key.PublicKey.Thumbprint) throw new ArgumentException("an entry names the key that signs it", nameof(key));
        var body = JsonSerializer.SerializeToUtf8Bytes(entry, LogJson.Default.LogEntry);
        var bytes = await SignedText.SignAsync(SignedText.Lines(Magic, body), Label, key, cancellationToken).ConfigureAwait(false);
        return bytes.Length <= MaxBytes(entry.Number)
            ? new SignedLogEntry(entry, bytes)
            : throw new RefusedException($"writing log entry {entry.Number}: it has {bytes.Length} bytes, at most {MaxBytes(entry.Number)} are allowed");
    }

    /// <summary>Verifies and parses the bytes of entry <paramref name="number"/>.</summary>
    /// <exception cref="DamagedException">Not an entry, not that entry, or not signed by one of <paramref name="pinned"/>.</exception>
    /// <exception cref="RefusedException">Validly signed, but this version of Holdfast does not understand it.</exception>
    public static SignedLogEntry Decode(ReadOnlyMemory<byte> bytes, long number, IReadOnlyList<VerifyingKey> pinned)
    {
        if (bytes.Length > MaxBytes(number))
            throw Damaged(number, $"it has {bytes.Length} bytes, at most {MaxBytes(number)} are allowed");
        if (SignedText.FindSigner(bytes, Label, pinned, out var content) is not { } signer)
            throw new DamagedException(
                $"reading log entry {number}: expected a signature by {string.Join(" or ", pinned.Select(key => key.Thumbprint.Short))}, found none that is valid",
                "the entry was changed, or belongs to a cluster with another control plane key: compare the pinned key with the recovery kit's");
        if (!SignedText.TryBody(content, Magic, out var body)) throw Newer(number, $"it does not start with the line {Magic}");
        var entry = Parse(body, number);
        if (entry.Number != number) throw Damaged(number, $"the blob holds entry {entry.Number}");
        if (entry.Signer != signer.Thumbprint) throw Damaged(number,
            $"it names signer {entry.Signer.Short}, but {signer.Thumbprint.Short} signed it");
        CheckShape(entry);
        return new SignedLogEntry(entry, bytes);
    }

    private static LogEntry Parse(ReadOnlyMemory<byte> body, long number)
    {
        try
        {
            using var document = JsonDocument.Parse(body, LogJson.Strict);
            if (UnknownEvent(document.RootElement) is { } type) throw Newer(number, $"its event is of the unknown type \"{type}\"");
            if (HasNull(document.RootElement, except: "previous")) throw Newer(number, "it has a null where none may be");
            return document.Deserialize(LogJson.Default.LogEntry) ?? throw Newer(number, "its body is null");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or NotSupportedException)
        {
            throw Newer(number, e.Message, e);
        }
    }

    private static string? UnknownEvent(JsonElement root)
    {
        if (!root.TryGetProperty("event", out var logEvent) || !logEvent.TryGetProperty("type", out var element)) return null;
        var type = element.GetString() ?? "";
        var known = LogJson.Default.LogEvent.PolymorphismOptions!.DerivedTypes;
        return known.Any(derived => type.Equals(derived.TypeDiscriminator)) ? null : type[..Math.Min(type.Length, 64)];
    }

    /// <summary>The serializer minds nulls in properties, but not in lists. Depth is bounded by the parser.</summary>
    private static bool HasNull(JsonElement element, string? except = null) => element.ValueKind switch
    {
        JsonValueKind.Null => true,
        JsonValueKind.Object => element.EnumerateObject().Any(property => property.Name != except && HasNull(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().Any(item => HasNull(item)),
        _ => false,
    };

    private static void CheckShape(LogEntry entry)
    {
        if (entry.Number == 0 != entry.Previous is null) throw Damaged(entry.Number, "entry 0, and no other, has no previous entry");
        if (LogEntry.IsCheckpoint(entry.Number) != entry.State is not null)
            throw Damaged(entry.Number, $"every {LogEntry.CheckpointInterval}th entry carries the state, and no other does");
        if (entry.State is { } state && (state.Next != entry.Number || state.Cluster is null))
            throw Damaged(entry.Number, $"its state is that of {state.Next} entries, expected {entry.Number}");
    }

    private static DamagedException Damaged(long number, string why) =>
        new($"reading log entry {number}: {why}", "the blob was changed or moved: bring back the original from a replica");

    private static RefusedException Newer(long number, string why, Exception? inner = null) =>
        new($"reading log entry {number}: it is validly signed, but written by a newer Holdfast: {why}", "upgrade Holdfast on this machine",
            inner);
}
