using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>A file with pages that fail their checksum.</summary>
/// <param name="File">Its path below PGDATA.</param>
/// <param name="Blocks">The blocks within the file, ascending.</param>
public sealed record CorruptFile(string File, IReadOnlyList<uint> Blocks)
{
    private const int Shown = 5;

    /// <summary>The file and the first of its blocks.</summary>
    public override string ToString()
    {
        var more = Blocks.Count > Shown ? $" and {Blocks.Count - Shown} more" : "";
        return $"{File} block{(Blocks.Count == 1 ? "" : "s")} {string.Join(", ", Blocks.Take(Shown))}{more}";
    }
}

/// <summary>What people should know of a backup before they rely on it, in the words of the host that made it.</summary>
/// <param name="Warnings">The first of them.</param>
/// <param name="WarningCount">All of them.</param>
/// <param name="Excluded">The rules by which the operator left files out.</param>
/// <param name="ExcludedCount">Files and folders that were left out for that.</param>
/// <param name="Corrupt">Files with corrupt pages, of the pages that are listed.</param>
/// <param name="CorruptPages">All corrupt pages.</param>
public sealed record BackupRemarks(
    IReadOnlyList<string> Warnings, long WarningCount, IReadOnlyList<string> Excluded, long ExcludedCount,
    IReadOnlyList<CorruptFile> Corrupt, long CorruptPages)
{
    /// <summary>What a backup's message says; without control characters, for they are shown on terminals.</summary>
    public static BackupRemarks Of(Wire.BackupFiles files) => new(
        [.. files.Warnings.Select(warning => RawText.Display(Encoding.UTF8.GetBytes(warning)))], (long)files.WarningCount,
        [.. files.Excluded.Select(path => RawText.Display(path.Span))], (long)files.ExcludedCount,
        [.. CorruptFiles(files.CorruptPages)], (long)files.CorruptPageCount);

    private static IEnumerable<CorruptFile> CorruptFiles(IEnumerable<Wire.CorruptPage> pages) => pages
        .GroupBy(page => FileOf(page.File), page => page.Block)
        .Select(file => new CorruptFile(file.Key, [.. file.Order()]));

    private static string FileOf(Wire.FileTable? file)
    {
        try { return FileTableCodec.Decode(file) is [var id, ..] ? RawText.Display(id.ToPath("*")) : "a file that is not named"; }
        catch (SealedObjectException) { return "a file that is not named"; } // the count is what matters
    }
}
