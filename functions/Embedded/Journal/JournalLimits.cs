using System.Text.Json;
using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>A row or transaction is larger than Azure Tables takes.</summary>
public sealed class JournalLimitException(string message) : HoldfastException(message, "This is a defect: report it with the workflow's name.");

/// <summary>
/// The bounds of Azure Tables, checked on our side, because not every server that speaks its protocol keeps them
/// (learn.microsoft.com: "Understanding the Table service data model", "Performing entity group transactions").
/// </summary>
public static class JournalLimits
{
    /// <summary>Rows in a transaction.</summary>
    public const int MaxWrites = 100;

    /// <summary>Bytes of a transaction's body.</summary>
    public const int MaxTransactionBytes = 4 * 1024 * 1024;

    /// <summary>Bytes of a row: names and values, texts as UTF-16.</summary>
    public const int MaxRowBytes = 1024 * 1024;

    /// <summary>Bytes of a text, as UTF-16.</summary>
    public const int MaxTextBytes = 64 * 1024;

    /// <summary>Characters of a key (Azure allows 1 KiB of UTF-16).</summary>
    public const int MaxKeyLength = 512;

    // What the batch protocol puts around each row: multipart boundary, headers, the row's URL.
    private const int BodyBytesPerWrite = 1024;

    /// <summary>Checks a transaction.</summary>
    /// <exception cref="JournalLimitException">A bound is exceeded.</exception>
    public static void Check(string partition, IReadOnlyList<JournalWrite> writes)
    {
        if (writes.Count is 0 or > MaxWrites) throw new JournalLimitException($"a transaction of {partition} has {writes.Count} rows, 1 to {MaxWrites} are allowed");
        if (writes.Select(write => write.Key).Distinct(StringComparer.Ordinal).Count() != writes.Count)
            throw new JournalLimitException($"a transaction of {partition} writes a row twice");
        foreach (var write in writes) CheckRow(partition, write);
        var bytes = writes.Sum(BodyBytes);
        if (bytes > MaxTransactionBytes) throw new JournalLimitException($"a transaction of {partition} has about {bytes} bytes, {MaxTransactionBytes} are allowed");
    }

    /// <summary>About how much a write adds to a transaction's body: never less than what is sent.</summary>
    public static int BodyBytes(JournalWrite write) => BodyBytesPerWrite + (write.Values ?? []).Sum(value =>
        value.Key.Length * 2 + 64 + (value.Value is string text ? JsonEncodedText.Encode(text).EncodedUtf8Bytes.Length : 32));

    private static void CheckRow(string partition, JournalWrite write)
    {
        if (write.Key.Length > MaxKeyLength || partition.Length > MaxKeyLength) throw new JournalLimitException($"the key of row {write.Key} of {partition} is too long");
        var row = 4 + (partition.Length + write.Key.Length) * 2;
        foreach (var (name, value) in write.Values ?? [])
        {
            var bytes = value is string text ? text.Length * 2 : 16;
            if (bytes > MaxTextBytes) throw new JournalLimitException($"{name} of row {write.Key} of {partition} has {bytes} bytes, {MaxTextBytes} are allowed");
            row += 8 + name.Length * 2 + bytes;
        }

        if (row > MaxRowBytes) throw new JournalLimitException($"row {write.Key} of {partition} has {row} bytes, {MaxRowBytes} are allowed");
    }
}
