using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>Builds the columns of <see cref="Wire.ExtentTable"/>, and of the packs they point to.</summary>
internal sealed class ExtentsWriter
{
    private readonly Dictionary<StoredPack, uint> _packs = [];
    private readonly Dictionary<BackupAttempt, uint>? _sources;
    private uint _lastRow;

    /// <summary>A writer.</summary>
    /// <param name="withSources">Whether packs may be of several attempts: a manifest's.</param>
    public ExtentsWriter(bool withSources) => _sources = withSources ? [] : null;

    public Wire.ExtentTable Extents { get; } = new();

    public Wire.PackTable Packs { get; } = new();

    /// <summary>The attempts whose packs are pointed to, in the order of their rows.</summary>
    public IEnumerable<BackupAttempt> Sources => _sources?.Keys ?? Enumerable.Empty<BackupAttempt>();

    /// <summary>About how many bytes the columns take.</summary>
    public long Size => Extents.File.Count * 11L + _packs.Count * 11L;

    /// <summary>Adds an extent of the file in that row.</summary>
    public void Append(int fileRow, Extent extent)
    {
        Extents.File.Add((uint)fileRow - _lastRow);
        _lastRow = (uint)fileRow;
        Extents.FirstBlock.Add(extent.FirstBlock);
        Extents.BlockCount.Add(extent.BlockCount);
        Extents.Pack.Add(extent.Pack is null ? 0 : 1 + AddPack(extent.Pack));
        Extents.PackBlock.Add((uint)extent.PackBlock);
    }

    /// <summary>The row of a pack.</summary>
    public uint AddPack(StoredPack pack)
    {
        if (_packs.TryGetValue(pack, out var row)) return row;
        _packs.Add(pack, row = (uint)_packs.Count);
        Packs.Worker.Add((uint)pack.Worker);
        Packs.Number.Add((uint)pack.Number);
        Packs.Length.Add((ulong)pack.Length);
        Packs.Blocks.Add((uint)pack.Blocks);
        if (_sources is null) return row;
        if (!_sources.TryGetValue(pack.Attempt, out var source)) _sources.Add(pack.Attempt, source = (uint)_sources.Count);
        Packs.Source.Add(source);
        return row;
    }
}

/// <summary>Extents and packs as columns.</summary>
internal static class ExtentTableCodec
{
    // Beside its frames a pack has a prefix, and an index of 16 MiB at most.
    private const long MaxPackLength = PackFormat.MaxPayload + (17L << 20);

    /// <summary>The packs.</summary>
    /// <param name="table">The columns.</param>
    /// <param name="sources">The attempts that a row of the source column names; without that column, the one attempt.</param>
    /// <param name="withSources">Whether there must be such a column.</param>
    /// <exception cref="SealedObjectException">Columns differ in length, or a value is out of bounds.</exception>
    public static StoredPack[] DecodePacks(Wire.PackTable? table, IReadOnlyList<BackupAttempt> sources, bool withSources)
    {
        if (table is null) return [];
        var rows = table.Worker.Count;
        if (table.Number.Count != rows || table.Length.Count != rows || table.Blocks.Count != rows || table.Source.Count != (withSources ? rows : 0))
            throw new SealedObjectException("the columns of its table of packs differ in length");
        var packs = new StoredPack[rows];
        for (var i = 0; i < rows; i++)
        {
            var source = withSources ? table.Source[i] : 0;
            if (source >= sources.Count || table.Worker[i] >= PackFormat.MaxWorkers || table.Number[i] >= PackFormat.MaxPacks
                || table.Blocks[i] > PackFormat.MaxBlocks || table.Length[i] > MaxPackLength)
                throw new SealedObjectException($"row {i} of its table of packs is impossible: worker {table.Worker[i]}, number {table.Number[i]}, "
                    + $"{table.Length[i]} bytes, {table.Blocks[i]} blocks, source {source} of {sources.Count}");
            packs[i] = new StoredPack(sources[(int)source], (int)table.Worker[i], (int)table.Number[i], (long)table.Length[i], (int)table.Blocks[i]);
        }
        return packs;
    }

    /// <summary>The extents: ascending, not overlapping, each within its pack.</summary>
    /// <exception cref="SealedObjectException">Columns differ in length, or a value is out of bounds.</exception>
    public static Extent[] Decode(Wire.ExtentTable? table, IReadOnlyList<FileId> files, IReadOnlyList<StoredPack> packs)
    {
        if (table is null) return [];
        var rows = table.File.Count;
        if (table.FirstBlock.Count != rows || table.BlockCount.Count != rows || table.Pack.Count != rows || table.PackBlock.Count != rows)
            throw new SealedObjectException("the columns of its table of extents differ in length");
        var extents = new Extent[rows];
        var (file, end) = (0L, 0L);
        for (var i = 0; i < rows; i++)
        {
            if (table.File[i] != 0) end = 0;
            file += table.File[i];
            var (first, count, pack, packBlock) = (table.FirstBlock[i], table.BlockCount[i], table.Pack[i], table.PackBlock[i]);
            if (file >= files.Count || pack > packs.Count) throw new SealedObjectException($"extent {i} is of file {file} of {files.Count}, in pack {pack} of {packs.Count}");
            if (count == 0 || first < end || (long)first + count > uint.MaxValue)
                throw new SealedObjectException($"extent {i}, blocks {first} to {(long)first + count} of {files[(int)file]}, overlaps the one before, or is impossible");
            if (pack == 0 ? packBlock != 0 : (long)packBlock + count > packs[(int)pack - 1].Blocks)
                throw new SealedObjectException($"extent {i} of {files[(int)file]} lies beyond its pack: blocks {packBlock} to {(long)packBlock + count}");
            end = (long)first + count;
            extents[i] = new Extent(files[(int)file], first, count, pack == 0 ? null : packs[(int)pack - 1], (int)packBlock);
        }
        return extents;
    }
}
