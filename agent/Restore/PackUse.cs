using Holdfast.Core;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Restore;

/// <summary>A pack, and what of it a restore needs.</summary>
/// <param name="Pack">Which.</param>
/// <param name="Pieces">What is written from it, in its order.</param>
internal sealed record PackUse(StoredPack Pack, RestorePiece[] Pieces)
{
    // Of a pack that is used for less than a quarter, the frames are fetched one by one.
    private const int FewShare = 4;

    private long Blocks => Pieces.Sum(piece => (long)piece.Extent.BlockCount);

    /// <summary>Whether its head is fetched first, and then the frames that are needed; else it is fetched whole.</summary>
    public bool IsFew => Blocks * FewShare < Pack.Blocks;

    /// <summary>About how many bytes are fetched: whole packs exactly, the others by their share.</summary>
    public long FetchedBytes => IsFew ? Math.Min(Pack.Length, SealedFormat.FirstRead + Pack.Length * Blocks / Pack.Blocks) : Pack.Length;

    /// <summary>The packs of pieces; zeros are in none.</summary>
    public static PackUse[] Of(IEnumerable<RestorePiece> pieces) =>
        [.. pieces.Where(piece => !piece.Extent.IsZero).GroupBy(piece => piece.Extent.Pack!).Select(group => new PackUse(group.Key, [.. group.OrderBy(piece => piece.Extent.PackBlock)]))];

    /// <summary>An error about the pack, with what cannot be restored without it.</summary>
    public DamagedException Describe(DamagedException e)
    {
        var files = Pieces.Select(piece => piece.File).Distinct().Count();
        var first = Pieces[0];
        return new DamagedException(
            $"{e.Message}\n  needed to restore this backup, made by {Pack.Attempt.Label}; without it {files} file{(files == 1 ? "" : "s")} ({first.File.Row.Id}, blocks {first.Extent.FirstBlock} to {first.Extent.EndBlock - 1}{(Pieces.Length > 1 ? ", …" : "")}) cannot be restored",
            $"bring the blob back from a replica, or from the account's soft delete; other backups may be whole: holdfast info, then holdfast restore --set=LABEL", e);
    }
}
