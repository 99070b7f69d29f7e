using Google.Protobuf;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>Identities of files as the columns of <see cref="Wire.FileTable"/>: strictly ascending.</summary>
internal static class FileTableCodec
{
    /// <summary>Adds a row, which must come after those before.</summary>
    public static void Append(Wire.FileTable table, FileId id)
    {
        table.Tablespace.Add(id.Tablespace);
        table.Database.Add(id.Database);
        table.Relation.Add(id.Relation);
        table.Fork.Add((uint)id.Fork);
        table.Segment.Add(id.Segment);
        if (!id.IsRelation) table.Path.Add(ByteString.CopyFrom(id.Path));
    }

    /// <summary>The rows.</summary>
    /// <exception cref="SealedObjectException">Columns differ in length, rows do not ascend, or a row is no identity.</exception>
    public static FileId[] Decode(Wire.FileTable? table)
    {
        if (table is null) return [];
        var rows = table.Tablespace.Count;
        if (table.Database.Count != rows || table.Relation.Count != rows || table.Fork.Count != rows || table.Segment.Count != rows || table.Path.Count > rows)
            throw new SealedObjectException("the columns of its table of files differ in length");
        var ids = new FileId[rows];
        var paths = 0;
        for (var i = 0; i < rows; i++)
        {
            byte[] path = [];
            if (table.Relation[i] == 0)
                path = paths < table.Path.Count ? table.Path[paths++].ToByteArray() : throw new SealedObjectException("its table of files has fewer paths than files without a relation");
            ids[i] = FileId.FromColumns(table.Tablespace[i], table.Database[i], table.Relation[i], table.Fork[i], table.Segment[i], path, out var fault);
            if (fault is not null) throw new SealedObjectException($"row {i} of its table of files: {fault}");
            if (i > 0 && ids[i - 1] >= ids[i]) throw new SealedObjectException($"its table of files does not ascend: {ids[i]} after {ids[i - 1]}");
        }
        return paths == table.Path.Count ? ids : throw new SealedObjectException("its table of files has more paths than files without a relation");
    }
}
