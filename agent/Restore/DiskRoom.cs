using Holdfast.Agent.Terminal;
using Holdfast.Core;

namespace Holdfast.Agent.Restore;

/// <summary>What a restore needs of one file system, and what is free there.</summary>
/// <param name="Folders">The data directory, tablespaces: what goes there.</param>
/// <param name="Needed">Bytes to be written, less what an interrupted restore's files give back. Holes take no room, and are not counted.</param>
/// <param name="Free">Bytes that are free for others than root.</param>
internal sealed record FileSystemRoom(IReadOnlyList<string> Folders, long Needed, long Free)
{
    /// <summary>Bytes missing; 0 when it fits.</summary>
    public long Missing => Math.Max(0, Needed - Free);
}

/// <summary>Whether a restore fits, judged before a byte is fetched: by file system, since tablespaces are on disks of their own, maybe.</summary>
internal static class DiskRoom
{
    /// <summary>Looks at each file system that is written to.</summary>
    /// <param name="layout">What is made where.</param>
    /// <param name="continues">Whether files of an interrupted restore are there, to be written anew.</param>
    public static IReadOnlyList<FileSystemRoom> Of(RestoreLayout layout, bool continues)
    {
        var needs = layout.Folders.ToDictionary(folder => folder, _ => 0L);
        foreach (var file in layout.Files.Append(layout.Control!))
        {
            needs[layout.FolderOf(file)] += file.StoredBytes;
            if (continues) needs[layout.FolderOf(file)] -= UnixFiles.Examine(file.Path)?.Allocated ?? 0;
        }
        return [.. needs.GroupBy(need => UnixFiles.Examine(Existing(need.Key), follow: true)!.Value.Device)
            .Select(system => new FileSystemRoom([.. system.Select(need => need.Key)], Math.Max(0, system.Sum(need => need.Value)), UnixFiles.FreeSpace(Existing(system.First().Key))))];
    }

    /// <summary>Refuses what does not fit.</summary>
    /// <exception cref="ConfigurationException">Names the folders, what they need and what is free.</exception>
    public static void Check(IReadOnlyList<FileSystemRoom> rooms)
    {
        var full = rooms.Where(room => room.Missing > 0).ToArray();
        if (full.Length == 0) return;
        throw new ConfigurationException(string.Join("\n  ", full.Select(room => $"{Display(room)} has room for {Quantity.Bytes(room.Free)}, the restore needs {Quantity.Bytes(room.Needed)}: {Quantity.Bytes(room.Missing)} are missing")),
            "nothing was changed. Make room, restore elsewhere, or move a tablespace with --tablespace-map; if the file system compresses, --skip-space-check tries it");
    }

    /// <summary>The folders, for people.</summary>
    public static string Display(FileSystemRoom room) =>
        room.Folders.Count == 1 ? RawPath.Display(room.Folders[0]) : $"the file system of {string.Join(", ", room.Folders.Select(RawPath.Display))}";

    /// <summary>The folder, or the nearest above it that is there: where it will be made.</summary>
    public static string Existing(string folder)
    {
        while (UnixFiles.Examine(folder, follow: true) is null) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
