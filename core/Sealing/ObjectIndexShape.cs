using static Holdfast.Core.Sealing.MessageShape;

namespace Holdfast.Core.Sealing;

/// <summary>The shapes of object_index.proto's messages. A field that is left out allocates nothing beside its message.</summary>
internal static class ObjectIndexShape
{
    private static readonly MessageShape FrameTable = new(4) { [1] = Bytes, [2] = Varints32, [3] = Varints32, [4] = Booleans };

    private static readonly MessageShape TransactionEnds =
        new(6) { [1] = Varints64, [2] = Varints32, [3] = Varints32, [4] = Varints64, [5] = Bytes, [6] = Varints32 };

    private static readonly MessageShape WalFragment = new(6) { [4] = Bytes };

    private static readonly MessageShape WalIndex = new(24)
    {
        [14] = One(WalFragment), [15] = One(WalFragment), [17] = One(new MessageShape(2)), [18] = One(TransactionEnds), [19] = List(new MessageShape(4) { [1] = Bytes }),
        [20] = List(new MessageShape(7)), [21] = List(new MessageShape(2)), [22] = Bytes,
        [23] = List(new MessageShape(8) { [5] = One(new MessageShape(2)) }), [24] = One(TransactionEnds),
    };

    private static readonly MessageShape Report = new(6)
    {
        [2] = One(new MessageShape(6) { [5] = Bytes, [6] = Bytes }), [3] = One(new MessageShape(4)), [4] = One(new MessageShape(10) { [1] = Bytes, [9] = Bytes }),
        [5] = One(new MessageShape(8) { [1] = Bytes }), [6] = One(new MessageShape(5) { [1] = Bytes, [3] = Bytes }),
    };

    private static readonly MessageShape FileTable =
        new(6) { [1] = Varints32, [2] = Varints32, [3] = Varints32, [4] = Varints32, [5] = Varints32, [6] = BytesList };

    private static readonly MessageShape ExtentTable =
        new(5) { [1] = Varints32, [2] = Varints32, [3] = Varints32, [4] = Varints32, [5] = Varints32 };

    private static readonly MessageShape PackTable = new(5) { [1] = Varints32, [2] = Varints32, [3] = Varints64, [4] = Varints32, [5] = Varints32 };

    private static readonly MessageShape FileFacts = new(9)
    {
        [1] = Bytes, [2] = Varints64, [3] = Varints32, [4] = Varints32, [5] = Varints32, [6] = Varints64, [7] = Fixed32, [8] = BytesList, [9] = BytesList,
    };

    private static readonly MessageShape BackupFiles = new(38)
    {
        [1] = Bytes, [17] = Bytes, [18] = Bytes, [20] = Varints32, [26] = List(new MessageShape(2) { [1] = One(FileTable) }), [29] = Bytes, [30] = Bytes, [31] = Bytes,
        [32] = List(new MessageShape(2) { [1] = Bytes, [2] = Bytes }), [34] = Bytes,
        [35] = BytesList, [37] = BytesList,
    };

    private static readonly MessageShape Catalog = new(9)
    {
        [2] = Bytes, [3] = Varints32, [4] = Varints32, [5] = Varints32, [6] = BytesList, [7] = BytesList, [8] = Bytes, [9] = Varints64,
    };

    private static readonly MessageShape Manifest =
        new(3) { [1] = One(BackupFiles), [2] = BytesList, [3] = List(new MessageShape(3) { [1] = Bytes }) };

    /// <summary>ManifestShard: what kind 33 has in its index as bytes.</summary>
    public static MessageShape Shard { get; } =
        new(5) { [1] = BytesList, [2] = One(PackTable), [3] = One(FileTable), [4] = One(FileFacts), [5] = One(ExtentTable) };

    private static readonly MessageShape Job =
        new(4) { [1] = Bytes, [3] = One(new MessageShape(3) { [1] = Bytes }), [4] = One(new MessageShape(2) { [1] = Bytes, [2] = Bytes }) };

    /// <summary>ObjectIndex: the plaintext of X.</summary>
    public static MessageShape Index { get; } = new(11)
    {
        [1] = One(FrameTable), [2] = One(WalIndex), [3] = One(Report),
        [4] = One(new MessageShape(3) { [1] = One(FileTable), [2] = One(ExtentTable), [3] = Bytes }),
        [5] = One(new MessageShape(3) { [1] = One(PackTable), [2] = One(FileTable), [3] = One(ExtentTable) }),
        [6] = One(new MessageShape(2) { [1] = One(FileTable), [2] = One(FileFacts) }),
        [7] = One(BackupFiles), [8] = One(Catalog), [9] = One(Manifest), [10] = Bytes, [11] = One(Job),
    };
}
