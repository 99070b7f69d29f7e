using System.Text;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Restore;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Agent.Backup;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>
/// A data directory that was scanned, whose list of files went through the formats of a backup, and that was laid out and made elsewhere, as a
/// restore does it. What files hold is copied from where the backup would have read it.
/// </summary>
internal sealed class CopiedTree
{
    // Links that lead to each other make more paths than anyone can look at.
    private const int MaxSeenDepth = 4;

    private readonly RestoreLayout _layout;

    private CopiedTree(RestoreLayout layout) => _layout = layout;

    /// <summary>What becomes of links.</summary>
    public RestoreLinks Links => _layout.Links;

    /// <summary>Where tablespaces went.</summary>
    public IEnumerable<string> Tablespaces => _layout.Tablespaces.Select(tablespace => tablespace.Path);

    /// <summary>Scans, and makes the copy.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="root">The copy.</param>
    /// <param name="all">--link-all</param>
    /// <param name="links">--link-map</param>
    /// <param name="tablespaces">--tablespace-map</param>
    public static CopiedTree Make(SyntheticData data, string root, bool all = false, LinkMoves? links = null, TablespaceMoves? tablespaces = null)
    {
        var rows = Rows(data.Scan());
        var layout = new RestoreLayout(root, BackupWorld.VersionDirectory, new RestoreLinks(root, all, links ?? LinkMoves.None));
        layout.TakeLinks(rows, tablespaces ?? TablespaceMoves.None);
        foreach (var row in rows)
            layout.Take(new ManifestFile(row, row.Facts.BlockCount == 0 ? [] : [new Extent(row.Id, 0, row.Facts.BlockCount, null, 0)]));
        layout.Finish();
        foreach (var (_, handle) in RestoreTree.MakeFolders(layout, UnixFiles.MakeFolder)) handle.Dispose();
        foreach (var file in layout.Files.Append(layout.Control!))
            File.WriteAllBytes(file.Path, Content(data.Root, file));
        return new CopiedTree(layout);
    }

    /// <summary>The rows of a scan, written and read as a backup's list of files.</summary>
    public static FileRow[] Rows(ScannedFiles files)
    {
        var list = new FileListBuilder();
        for (var file = 0; file < files.Count; file++) list.Add(new FileRow(files.Id(file), files.Facts(file)));
        var message = list.Take();
        return FileFactsCodec.Decode(message.Files, message.Facts);
    }

    private static byte[] Content(byte[] root, RestoreFile file)
    {
        byte[] path = [.. root, (byte)'/', .. file.Row.Id.ToPath(BackupWorld.VersionDirectory)];
        using var handle = RawFiles.OpenFile(path) ?? throw new FileNotFoundException(RawFiles.Display(path));
        var content = new byte[file.Row.Facts.Length];
        Assert.Equal(content.Length, RawFiles.Read(handle, content, 0, path));
        return content;
    }

    /// <summary>Every regular file that is reached from a folder by a path of few parts, links followed: what a server sees.</summary>
    public static SortedDictionary<string, string> Seen(string root)
    {
        var seen = new SortedDictionary<string, string>(StringComparer.Ordinal);
        See(root, "", [], seen);
        return seen;
    }

    private static void See(string root, string below, HashSet<string> above, SortedDictionary<string, string> seen)
    {
        var path = Path.Combine(root, below);
        var real = Encoding.Latin1.GetString(RawFiles.RealPath(Encoding.UTF8.GetBytes(path)) ?? []);
        if (real.Length == 0 || below.Count(one => one == '/') > MaxSeenDepth || !above.Add(real)) return;
        if (File.Exists(path)) seen.Add(below, Convert.ToHexString(File.ReadAllBytes(path)));
        else if (Directory.Exists(path))
            foreach (var name in Directory.EnumerateFileSystemEntries(path).Select(Path.GetFileName)) See(root, Path.Combine(below, name!), above, seen);
        above.Remove(real);
    }
}
