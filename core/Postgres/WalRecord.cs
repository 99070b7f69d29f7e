namespace Holdfast.Core.Postgres;

/// <summary>A block that a WAL record refers to (XLogRecordBlockHeader and what follows it, access/xlogrecord.h).</summary>
/// <param name="Id">The record's own number of the reference, 0 to 32, rising.</param>
/// <param name="Tablespace">Tablespace oid.</param>
/// <param name="Database">Database oid; 0 for shared relations.</param>
/// <param name="RelationNumber">The relation's file number.</param>
/// <param name="ForkNumber">0 main, 1 fsm, 2 vm, 3 init.</param>
/// <param name="BlockNumber">The page within the fork.</param>
/// <param name="HasImage">A full-page image is carried.</param>
/// <param name="AppliesImage">The image is restored in recovery; otherwise it is there for wal_consistency_checking only.</param>
/// <param name="IsImageCompressed">The image is compressed (pglz; from 15 also lz4 and zstd).</param>
/// <param name="WillInit">Recovery makes the page anew.</param>
/// <param name="ImageLength">Bytes of image in the record.</param>
/// <param name="DataLength">Bytes of other data in the record.</param>
internal readonly record struct WalBlockReference(
    byte Id, uint Tablespace, uint Database, uint RelationNumber, byte ForkNumber, uint BlockNumber,
    bool HasImage, bool AppliesImage, bool IsImageCompressed, bool WillInit, ushort ImageLength, ushort DataLength);

/// <summary>One whole, verified WAL record as a visitor sees it; the spans are only good during the visit.</summary>
internal readonly ref struct WalRecord
{
    /// <summary>Where the record starts.</summary>
    public required Lsn Start { get; init; }

    /// <summary>The aligned end: what PostgreSQL calls the record's end LSN.</summary>
    public required Lsn End { get; init; }

    /// <summary>The record's own header.</summary>
    public required WalRecordHeader Header { get; init; }

    /// <summary>The blocks it refers to, in the record's order.</summary>
    public required ReadOnlySpan<WalBlockReference> Blocks { get; init; }

    /// <summary>The resource manager's own data; empty when <see cref="IsMainDataMissing"/>.</summary>
    public required ReadOnlySpan<byte> MainData { get; init; }

    /// <summary>
    /// The record is larger than what is gathered (1 MiB, or 64 MiB for the end of a transaction), so <see cref="MainData"/> holds only as
    /// much of the main data as was within that, possibly nothing.
    /// </summary>
    public required bool IsMainDataMissing { get; init; }

    /// <summary>The transaction's top-level parent, if the record names it (wal_level=logical); otherwise 0.</summary>
    public required uint TopLevelXid { get; init; }
}

/// <summary>
/// The seam for digests: sees every complete record of a segment, in LSN order, after its CRC was verified. A record that crosses into the
/// next segment is seen by the visitor given to <see cref="WalStitch"/>.
/// </summary>
internal interface IWalRecordVisitor
{
    /// <summary>Called once per record.</summary>
    void Visit(in WalRecord record);
}
