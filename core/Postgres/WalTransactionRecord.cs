using System.Buffers.Binary;

namespace Holdfast.Core.Postgres;

/// <summary>
/// Reads the end of a transaction: xl_xact_commit and xl_xact_abort (access/xact.h), in the order that ParseCommitRecord and
/// ParseAbortRecord (access/rmgrdesc/xactdesc.c) follow: i64 time, then, each only if its flag is set: u32 xinfo, database and
/// tablespace, sub-transactions, dropped relations, dropped statistics (15+), invalidations, the prepared transaction's xid, and more.
/// </summary>
internal static class WalTransactionRecord
{
    private const uint HasDatabase = 1 << 0, HasSubtransactions = 1 << 1, HasRelations = 1 << 2, HasInvalidations = 1 << 3,
        HasTwoPhase = 1 << 4, HasDroppedStatistics = 1 << 8;

    private const int DatabaseLength = 8, XidLength = 4, RelationLength = 12, InvalidationLength = 16;

    /// <summary>False when the record does not end a transaction, or is too short to say when.</summary>
    public static bool TryRead(in WalRecord record, int major, out WalTransactionEnd end)
    {
        end = default;
        var main = record.MainData;
        if (!WalResourceManager.IsTransactionEnd(record.Header.ResourceManager, record.Header.Info) || main.Length < 8) return false;
        var kind = (record.Header.Info & WalResourceManager.TransactionMask) switch
        {
            WalResourceManager.TransactionCommit => WalTransactionEndKind.Commit,
            WalResourceManager.TransactionAbort => WalTransactionEndKind.Abort,
            WalResourceManager.TransactionCommitPrepared => WalTransactionEndKind.CommitPrepared,
            _ => WalTransactionEndKind.AbortPrepared,
        };
        var time = new PostgresTime(BinaryPrimitives.ReadInt64LittleEndian(main));
        var (subtransactions, preparedXid) = ReadInfo(main[8..], record.Header.Info, major);
        var isPrepared = kind is WalTransactionEndKind.CommitPrepared or WalTransactionEndKind.AbortPrepared;
        end = new WalTransactionEnd(isPrepared ? preparedXid : record.Header.Xid, kind, record.Start, record.End, time, subtransactions);
        return true;
    }

    private static (int Subtransactions, uint PreparedXid) ReadInfo(ReadOnlySpan<byte> rest, byte info, int major)
    {
        uint flags = 0;
        if ((info & WalResourceManager.TransactionHasInfo) != 0 && rest.Length >= 4)
        {
            flags = BinaryPrimitives.ReadUInt32LittleEndian(rest);
            rest = rest[4..];
        }
        long position = (flags & HasDatabase) != 0 ? DatabaseLength : 0;
        var subtransactions = (flags & HasSubtransactions) != 0 ? SkipArray(rest, ref position, XidLength) : 0;
        if ((flags & HasRelations) != 0) SkipArray(rest, ref position, RelationLength);
        if ((flags & HasDroppedStatistics) != 0 && major >= 15) SkipArray(rest, ref position, major >= 18 ? 16 : 12);
        if ((flags & HasInvalidations) != 0) SkipArray(rest, ref position, InvalidationLength);
        var hasXid = (flags & HasTwoPhase) != 0 && position + XidLength <= rest.Length;
        return (subtransactions, hasXid ? BinaryPrimitives.ReadUInt32LittleEndian(rest[(int)position..]) : 0);
    }

    /// <summary>An i32 count and so many items; a count that cannot be moves the position past the end, where nothing more is read.</summary>
    private static int SkipArray(ReadOnlySpan<byte> rest, ref long position, int itemLength)
    {
        if (position + 4 > rest.Length)
        {
            position = long.MaxValue / 2;
            return 0;
        }
        var count = BinaryPrimitives.ReadInt32LittleEndian(rest[(int)position..]);
        if (count < 0)
        {
            position = long.MaxValue / 2;
            return 0;
        }
        position += 4 + (long)count * itemLength;
        return count;
    }
}
