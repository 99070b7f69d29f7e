using Google.Protobuf;
using Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Sealing;

/// <summary>How long an object's index may be, by its kind (docs/format.md, 2.6), and its parsing within bounds.</summary>
internal static class IndexBounds
{
    private const int Kibi = 1 << 10;
    private const int Mebi = 1 << 20;

    private static readonly MessageParser<ObjectIndex> Parser = ObjectIndex.Parser.WithDiscardUnknownFields(true);

    /// <summary>Most bytes of X, its tag included.</summary>
    /// <param name="kind">What the object holds.</param>
    /// <param name="plainLength">Bytes of content, as its prefix says.</param>
    public static int Of(SealedKind kind, long plainLength) => kind switch
    {
        // Two parts of records of 1 MiB, and what is said of each record: the longest restore point takes less in the index than in WAL.
        SealedKind.WalSegment or SealedKind.WalPartial or SealedKind.WalDamaged => (int)Math.Clamp(3 * Mebi + plainLength, 3 * Mebi, SealedFormat.MaxIndex),
        SealedKind.TimelineHistory or SealedKind.BackupHistory or SealedKind.Report or SealedKind.Canary => 256 * Kibi,
        SealedKind.Job => Mebi,
        // 16384 blocks at most, with 8 bytes each, and paths: a writer closes a pack whose files have 4 MiB of them.
        SealedKind.Pack => 16 * Mebi,
        SealedKind.BackupFiles => 4 * Mebi,
        // Parts of lists, cut at some MiB each, and the references to them.
        SealedKind.BackupExtents or SealedKind.BackupFileList or SealedKind.CatalogSnapshot or SealedKind.ManifestRoot or SealedKind.ManifestShard => 16 * Mebi,
        _ => throw new ArgumentOutOfRangeException(nameof(kind), kind, "a kind without a bound"),
    };

    /// <summary>Parses X's plaintext. Fields that this program does not know are skipped, and cost nothing.</summary>
    /// <exception cref="SealedObjectException">No index, or one that would take too much memory.</exception>
    public static ObjectIndex Parse(ReadOnlySpan<byte> plain)
    {
        IndexScan.Check(plain, ObjectIndexShape.Index);
        try { return Parser.ParseFrom(plain); }
        catch (InvalidProtocolBufferException e) { throw new SealedObjectException("its index does not parse", inner: e); }
    }

    /// <summary>Parses a shard's bytes, as its index has them, within the same bounds.</summary>
    /// <exception cref="SealedObjectException">No shard, or one that would take too much memory.</exception>
    public static ManifestShard ParseShard(ByteString bytes)
    {
        IndexScan.Check(bytes.Span, ObjectIndexShape.Shard);
        try { return ManifestShard.Parser.WithDiscardUnknownFields(true).ParseFrom(bytes); }
        catch (InvalidProtocolBufferException e) { throw new SealedObjectException("its shard does not parse", inner: e); }
    }
}
