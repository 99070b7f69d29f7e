using Holdfast.Core.Repository.Packs;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>A file of a backup, with where each of its blocks lies.</summary>
/// <param name="Row">Which file, and what is known of it.</param>
/// <param name="Extents">By block, without gaps: together they have every block of the file once. Empty for directories, links and empty files.</param>
public sealed record ManifestFile(FileRow Row, IReadOnlyList<Extent> Extents)
{
    /// <summary>Why these extents are not every block of the file exactly once; null when they are.</summary>
    public string? CoverageFault()
    {
        var (blocks, next) = (Row.Facts.BlockCount, 0u);
        foreach (var extent in Extents)
        {
            if (extent.File != Row.Id) return $"blocks of {extent.File} are among those of {Row.Id}";
            if (extent.FirstBlock > next) return $"blocks {next} to {extent.FirstBlock - 1} of {Row.Id} are stored nowhere";
            if (extent.FirstBlock < next) return $"block {extent.FirstBlock} of {Row.Id} is stored twice{In(extent)}";
            next = extent.EndBlock;
        }
        if (next < blocks) return $"blocks {next} to {blocks - 1} of {Row.Id} are stored nowhere";
        return next > blocks ? $"{Row.Id} has {blocks} blocks, but block {next - 1} of it is stored{In(Extents[^1])}" : null;
    }

    private static string In(Extent extent) => extent.Pack is { } pack ? $" in {pack.Name}" : " as zeros";
}
