using System.Buffers.Binary;
using System.IO.Hashing;
using Google.Protobuf;
using Holdfast.Core.Repository.Packs;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>
/// Cuts files into shards. Where to cut is decided by each file alone (a hash of its identity against its size), so that one file more or less moves
/// no boundary but its neighbours': the other shards keep their bytes, their hash and their name. Readers do not depend on it.
/// </summary>
internal sealed class ShardWriter
{
    // Near 4 MiB: a shard takes at least 1 MiB, then ends within 3 MiB more on average, and at 10 MiB in any case: 16 are the format's bound.
    private const long Least = 1 << 20, Spread = 3 << 20, Most = 10 << 20;

    private FileRowsWriter _rows = new();
    private ExtentsWriter _extents = new(withSources: true);

    /// <summary>Whether there is anything to take.</summary>
    public bool IsEmpty => _rows.Count == 0;

    /// <summary>Rows since the last <see cref="Take"/>.</summary>
    public int Count => _rows.Count;

    /// <summary>Adds a file. True: the shard ends with it.</summary>
    public bool Add(ManifestFile file)
    {
        var before = Size;
        foreach (var extent in file.Extents) _extents.Append(_rows.Count, extent);
        _rows.Append(file.Row);
        return Size >= Most || (Size >= Least && IsBoundary(file.Row.Id, Size - before));
    }

    /// <summary>The shard's bytes; the next one begins.</summary>
    public byte[] Take()
    {
        var shard = new Wire.ManifestShard { Packs = _extents.Packs, Files = _rows.Files, Facts = _rows.FinishFacts(), Extents = _extents.Extents };
        shard.Sources.Add(_extents.Sources.Select(source => source.ToString()));
        (_rows, _extents) = (new FileRowsWriter(), new ExtentsWriter(withSources: true));
        return shard.ToByteArray();
    }

    private long Size => _rows.Size + _extents.Size;

    private static bool IsBoundary(FileId id, long size)
    {
        Span<byte> numbers = stackalloc byte[20];
        BinaryPrimitives.WriteUInt32LittleEndian(numbers, id.Tablespace);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[4..], id.Database);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[8..], id.Relation);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[12..], (uint)id.Fork);
        BinaryPrimitives.WriteUInt32LittleEndian(numbers[16..], id.Segment);
        var hash = XxHash3.HashToUInt64(id.Path, (long)XxHash3.HashToUInt64(numbers));
        return hash % (ulong)Spread < (ulong)size;
    }
}
