namespace Holdfast.Core.Repository.Packs;

/// <summary>The numbers of packs (docs/format.md). Readers refuse what is beyond them.</summary>
public static class PackFormat
{
    /// <summary>Bytes of a block: PostgreSQL's page. A file's last block is filled up with zero bytes.</summary>
    public const int BlockSize = 8192;

    /// <summary>Sealed bytes of all frames of a pack: one Put Blob carries it, memory stays bounded.</summary>
    public const int MaxPayload = 16 << 20;

    /// <summary>Blocks in a pack, 128 MiB of them: its index, with 8 bytes a block, then comes with the first read.</summary>
    public const int MaxBlocks = 16384;

    /// <summary>Files and runs of blocks that a writer puts into one pack, and bytes of their paths: they are in its index, which is bounded.</summary>
    internal const int MaxRuns = 1 << 16, MaxPathBytes = 4 << 20;

    /// <summary>Workers of one attempt: their number has two digits in names.</summary>
    public const int MaxWorkers = 100;

    /// <summary>Packs of one worker: their number has six digits in names, which keeps listings in order.</summary>
    public const int MaxPacks = 1_000_000;

    /// <summary>
    /// Blocks in a frame by default, 256 KiB (docs/decisions/0007): smaller ones store the commonest tables in 3 to 4 % more, larger ones make a restore of
    /// scattered pages fetch more.
    /// </summary>
    public const int DefaultFrameBlocks = 32;

    /// <summary>Blocks in a frame at most.</summary>
    public const int MaxFrameBlocks = Sealing.SealedFormat.MaxFrame / BlockSize;
}
