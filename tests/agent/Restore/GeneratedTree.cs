using System.Runtime.InteropServices;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Host;
using Holdfast.Agent.Restore;
using Holdfast.Core;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>What an entry of a generated tree is.</summary>
internal enum TreeKind
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A FIFO.</summary>
    Pipe,
}

/// <summary>An entry of a generated tree; made if what is there already allows it.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">Below the tree's top (<see cref="RawPath"/>); its data directory is <c>data</c>.</param>
/// <param name="Target">Of a link; TOP stands for the top.</param>
/// <param name="Length">Bytes of a file.</param>
internal sealed record TreeEntry(TreeKind Kind, string Path, string Target, int Length);

/// <summary>A data directory and what lies beside it, made of entries in order; and its copy, judged by what a server sees.</summary>
internal sealed partial class GeneratedTree : IDisposable
{
    private const int Depth = 5;

    private const string V = BackupWorld.VersionDirectory;

    // No server starts where one of these is something else.
    private static readonly string[] Folders =
    [
        "base", "base/5", "base/16384", "global", "pg_tblspc", "pg_wal", "pg_wal/archive_status", "pg_xact", "pg_multixact",
        "pg_multixact/offsets", "pg_stat_tmp", "pg_replslot", "pg_logical", "pg_logical/mappings",
        "pg_tblspc/16400", "pg_tblspc/16500", $"pg_tblspc/16400/{V}", $"pg_tblspc/16400/{V}/5", $"pg_tblspc/16500/{V}",
        $"pg_tblspc/16500/{V}/5",
    ];

    private static readonly string[] Files = ["recovery.signal", "standby.signal", "postgresql.auto.conf", "holdfast.keys", "PG_VERSION"];

    private readonly string _top;

    /// <summary>Makes it, in memory where the machine has such a file system: a restore syncs each that it writes to.</summary>
    /// <param name="entries">What it is made of.</param>
    /// <param name="isMended">Whether links that are needed and lead nowhere are removed, for which the scan refuses it.</param>
    public GeneratedTree(IEnumerable<TreeEntry> entries, bool isMended)
    {
        var parent = Directory.Exists("/dev/shm") && UnixFiles.MayWrite("/dev/shm") ? "/dev/shm" : Path.GetTempPath();
        _top = Path.Combine(parent, $"hf-tree-{Guid.NewGuid():N}", "top");
        UnixFiles.MakeFolder($"{_top}/data/global");
        UnixFiles.MakeFolder($"{_top}/copies");
        UnixFiles.MakeLink($"{_top}/alias", _top);
        foreach (var entry in entries) Make(entry);
        foreach (var name in Folders) RemoveUnless(EntryType.Folder, $"{_top}/data/{name}");
        foreach (var name in Files) RemoveUnless(EntryType.File, $"{_top}/data/{name}");
        MakeControl();
        if (isMended) Mend("");
    }

    /// <summary>The data directory.</summary>
    public byte[] Root => RawPath.ToBytes($"{_top}/data");

    /// <summary>Where it is restored to.</summary>
    public string Copy => $"{_top}/copies/data";

    /// <summary>Where the copy's tablespaces and links may lead.</summary>
    public string Elsewhere => $"{_top}/copies";

    /// <summary>Judges the copy.</summary>
    /// <param name="warnings">What the scan said that it left out.</param>
    public void Compare(IReadOnlyCollection<string> warnings)
    {
        var left = new LeftOutPlaces($"{_top}/data", warnings);
        var original = Seen($"{_top}/data");
        var copy = Seen(Copy);
        foreach (var (path, content) in copy)
        {
            if (left.IsOwn(path)) continue;
            Assert.True(original.TryGetValue(path, out var was), $"{Display(path)} is in the copy alone");
            Assert.Equal(was, content);
        }
        foreach (var path in original.Keys)
            Assert.True(copy.ContainsKey(path) || left.Contains(path), $"{Display(path)} is not in the copy");
        StaysWithin(Elsewhere);
    }

    public void Dispose() => Remove(Path.GetDirectoryName(_top)!);

    /// <summary>Every path that leads to a regular file, at most so deep, and what is in it.</summary>
    private static Dictionary<string, string> Seen(string root)
    {
        var seen = new Dictionary<string, string>(StringComparer.Ordinal);
        See(root, "", Depth, seen);
        return seen;
    }

    private static void See(string root, string below, int depth, Dictionary<string, string> seen)
    {
        foreach (var name in Names(Path.Combine(root, below)))
        {
            var path = Path.Combine(below, name);
            var full = RawPath.ToBytes(Path.Combine(root, path));
            var type = TypeOf(full, follow: true);
            if (type == EntryType.File) seen.Add(path, Read(full));
            else if (type == EntryType.Folder && depth > 1) See(root, path, depth - 1, seen);
        }
    }

    /// <summary>No link in a folder, whether it leads anywhere or not, leads out of it.</summary>
    private static void StaysWithin(string folder, string? top = null)
    {
        top ??= folder;
        foreach (var name in Names(folder))
        {
            var path = Path.Combine(folder, name);
            var type = TypeOf(RawPath.ToBytes(path), follow: false);
            if (type == EntryType.Folder) StaysWithin(path, top);
            if (type != EntryType.Link) continue;
            var real = RawFiles.RealPath(RawPath.ToBytes(path));
            var target = RawPath.ToText(RawFiles.LinkTarget(RawPath.ToBytes(path))!);
            var leads = real is null ? Path.GetFullPath(target, folder) : RawPath.ToText(real);
            Assert.True((leads + "/").StartsWith(top + "/", StringComparison.Ordinal), $"{Display(path)} leads to {Display(leads)}");
        }
    }

    private void Make(TreeEntry entry)
    {
        try
        {
            var path = Path.Combine(_top, entry.Path);
            if (entry.Path.Contains('/')) UnixFiles.MakeFolder(Path.GetDirectoryName(path)!);
            if (TypeOf(RawPath.ToBytes(path), follow: false) is not null) return;
            if (entry.Kind == TreeKind.Folder) UnixFiles.MakeFolder(path);
            else if (entry.Kind == TreeKind.Link) UnixFiles.MakeLink(path, entry.Target.Replace("TOP", _top, StringComparison.Ordinal));
            else if (entry.Kind == TreeKind.Pipe) _ = MakePipe(RawPath.Terminated(path), 0x180);
            else Write(path, Agent.Backup.SyntheticData.Bytes(path, entry.Length));
        }
        catch (IOException)
        {
            // Its folder is a file, or its link leads nowhere.
        }
    }

    private void Mend(string below)
    {
        foreach (var name in Names($"{_top}/data/{below}"))
        {
            var path = Path.Combine(below, name);
            var bytes = RawPath.ToBytes($"{_top}/data/{path}");
            if (TypeOf(bytes, follow: false) == EntryType.Folder) Mend(path);
            if (TypeOf(bytes, follow: true) is null && Exclusions.IsNeeded(RawPath.ToBytes(path))) Remove($"{_top}/data/{path}");
        }
    }

    private static void RemoveUnless(EntryType type, string path)
    {
        if (TypeOf(RawPath.ToBytes(path), follow: true) is { } other && other != type) Remove(path);
    }

    private void MakeControl()
    {
        var path = $"{_top}/data/global/pg_control";
        UnixFiles.MakeFolder(Path.GetDirectoryName(path)!);
        if (TypeOf(RawPath.ToBytes(path), follow: true) is EntryType.File) return;
        Write(path, File.ReadAllBytes(Golden.PathOf("control", "17", "pg_control")));
    }

    private static void Write(string path, byte[] content)
    {
        using var file = UnixFiles.Create(path);
        UnixFiles.Write(file, content, 0, path);
    }

    private static string Read(byte[] path)
    {
        using var file = RawFiles.OpenFile(path)!;
        var content = new byte[RandomAccess.GetLength(file)];
        RawFiles.Read(file, content, 0, path);
        return Convert.ToHexString(content);
    }

    private static IEnumerable<string> Names(string folder) =>
        (RawFiles.Names(RawPath.ToBytes(folder)) ?? []).Select(name => RawPath.ToText(name));

    private static EntryType? TypeOf(byte[] path, bool follow)
    {
        try { return RawFiles.Status(path, follow)?.Type; }
        catch (HoldfastException) { return null; } // a circle
    }

    private static string Display(string path) => RawPath.Display(path);

    private static void Remove(string path)
    {
        if (TypeOf(RawPath.ToBytes(path), follow: false) != EntryType.Folder)
        {
            UnixFiles.Remove(path);
            return;
        }
        foreach (var name in Names(path)) Remove(Path.Combine(path, name));
        _ = RemoveFolder(RawPath.Terminated(path));
    }

    [LibraryImport("libc", EntryPoint = "mkfifo")]
    private static partial int MakePipe(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "rmdir")]
    private static partial int RemoveFolder(byte[] path);
}
