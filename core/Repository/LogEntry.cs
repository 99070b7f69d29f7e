using System.Globalization;
using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>The body of one entry of a cluster's log (<c>docs/format.md</c>).</summary>
/// <param name="Number">From 0, dense.</param>
/// <param name="Previous">SHA-256 of the whole bytes of the entry before; null for entry 0 only.</param>
/// <param name="Time">The writer's clock.</param>
/// <param name="Signer">Thumbprint of the control plane's key that signed.</param>
/// <param name="Event">What was decided or found.</param>
/// <param name="State">The fold of all entries before this one, in every 256th entry but the first; null in all others.</param>
public sealed record LogEntry(
    [property: JsonPropertyName("n")] long Number,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.Never)] Sha256Digest? Previous,
    PostgresTime Time, KeyThumbprint Signer, LogEvent Event, ClusterState? State = null)
{
    /// <summary>Every so many entries, one carries the folded state.</summary>
    public const int CheckpointInterval = 256;

    /// <summary>The largest number a blob's name can carry.</summary>
    public const long MaxNumber = 9_999_999_999;

    /// <summary>Whether an entry carries the state.</summary>
    public static bool IsCheckpoint(long number) => number > 0 && number % CheckpointInterval == 0;

    /// <summary>The blob of an entry: <c>log/{n:D10}</c>.</summary>
    public static string BlobName(long number) =>
        number is >= 0 and <= MaxNumber
            ? string.Create(CultureInfo.InvariantCulture, $"log/{number:D10}")
            : throw new ArgumentOutOfRangeException(nameof(number), number, "a log entry's number has at most ten digits");
}

/// <summary>An entry with its bytes: signed, and verified when it was read.</summary>
public sealed class SignedLogEntry
{
    internal SignedLogEntry(LogEntry entry, ReadOnlyMemory<byte> bytes)
    {
        (Entry, Bytes) = (entry, bytes);
        Head = new LogHead(entry.Number, Sha256Digest.Of(bytes.Span));
    }

    /// <summary>The body.</summary>
    public LogEntry Entry { get; }

    /// <summary>The blob's bytes.</summary>
    public ReadOnlyMemory<byte> Bytes { get; }

    /// <summary>Number and hash.</summary>
    public LogHead Head { get; }

    /// <summary>What a fold may know of the entry.</summary>
    public EntryStamp Stamp => new(Entry.Number, Head.Hash, Entry.Time, Entry.Signer);
}

/// <summary>A place in the log that somebody has seen: whoever knows one notices a log that was replaced or went backwards.</summary>
/// <param name="Number">The entry's number.</param>
/// <param name="Hash">SHA-256 of its bytes.</param>
public sealed record LogHead(long Number, Sha256Digest Hash);
