namespace Holdfast.Core.Repository.Packs;

/// <summary>A pack that is stored, as index blobs and manifests know it.</summary>
/// <param name="Attempt">Whose it is.</param>
/// <param name="Worker">Who made it.</param>
/// <param name="Number">Which of the worker's, from 0.</param>
/// <param name="Length">Bytes of the blob.</param>
/// <param name="Blocks">Blocks of its content.</param>
public sealed record StoredPack(BackupAttempt Attempt, int Worker, int Number, long Length, int Blocks)
{
    /// <summary>The blob's name.</summary>
    public string Name => Attempt.Pack(Worker, Number);
}

/// <summary>Where a run of a file's blocks lies: in one pack, one after the other, or nowhere because they are all zero.</summary>
/// <param name="File">Which file.</param>
/// <param name="FirstBlock">The first block's number in the file.</param>
/// <param name="BlockCount">How many, at least 1.</param>
/// <param name="Pack">Where; null: every byte of them is zero, and they are stored nowhere.</param>
/// <param name="PackBlock">The first block's number in the pack's content; 0 for zeros.</param>
public readonly record struct Extent(FileId File, uint FirstBlock, uint BlockCount, StoredPack? Pack, int PackBlock)
{
    /// <summary>The block after the last.</summary>
    public uint EndBlock => FirstBlock + BlockCount;

    /// <summary>Whether the blocks are all zero.</summary>
    public bool IsZero => Pack is null;
}
