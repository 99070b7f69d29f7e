using System.Globalization;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>Makes the folders and links of a restored data directory; files are made by whoever writes them.</summary>
internal static class RestoreTree
{
    /// <summary>Makes them; what an interrupted restore left is taken over.</summary>
    /// <param name="layout">What is made where.</param>
    /// <param name="makeOutside">Makes a folder outside the data directory, and those it is in.</param>
    /// <returns>The folders of <see cref="RestoreLayout.Folders"/>, open, so that errors of writing back are told.</returns>
    public static List<(string Path, SafeFileHandle Handle)> MakeFolders(RestoreLayout layout, Action<string> makeOutside)
    {
        foreach (var folder in layout.Folders.Where(folder => !IsBelow(folder, layout.Root) && folder != layout.Root)) makeOutside(folder);
        // A name that led to what is made right there needs no link. Links come before what lies behind them.
        var own = layout.Tablespaces.Select(layout.VersionFolder).Concat(layout.Links.Folders).ToHashSet(StringComparer.Ordinal);
        var links = new Queue<RestoreLink>(layout.Links.Made.Where(link => !own.Contains(link.Path)).OrderBy(link => link.Path.Length));
        foreach (var (path, _) in layout.Directories)
        {
            while (links.TryPeek(out var next) && next.Path.Length < path.Length) MakeLink(links.Dequeue());
            if (IsBelow(path, layout.Root) && UnixFiles.Examine(path) is { IsLink: true } && !layout.Links.Made.Any(link => link.Path == path))
                UnixFiles.Remove(path); // of a restore with --link-all that is continued without
            UnixFiles.MakeFolder(path);
        }
        foreach (var link in links) MakeLink(link);
        foreach (var folder in layout.Folders) UnixFiles.MakeFolder(folder);
        foreach (var tablespace in layout.Tablespaces) MakeLink(new RestoreLink(LinkOf(layout, tablespace), tablespace.Path));
        return [.. layout.Folders.Select(folder => (folder, UnixFiles.OpenFolder(folder)))];
    }

    /// <summary>The link in pg_tblspc that leads to a tablespace.</summary>
    public static string LinkOf(RestoreLayout layout, RestoreTablespace tablespace) =>
        Path.Combine(layout.Links.PathOf("pg_tblspc"), tablespace.Oid.ToString(CultureInfo.InvariantCulture));

    private static void MakeLink(RestoreLink link)
    {
        UnixFiles.Remove(link.Path); // a link of the restore that is continued, which may have gone elsewhere
        UnixFiles.MakeLink(link.Path, link.Target);
    }

    private static bool IsBelow(string path, string folder) => path.StartsWith(folder + "/", StringComparison.Ordinal);
}
