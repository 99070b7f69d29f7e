using CsCheck;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Restore;
using Holdfast.Core;
using Holdfast.Core.Repository.Packs;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>
/// What a backup admits, a restore accepts (design, I12): data directories put together at random, of everything that a file system has,
/// scanned, and restored elsewhere by the code of a restore. A server must see in the copy what it saw in the original, and nothing of the
/// copy may lead out of it.
/// </summary>
public sealed class AdmittedTreeTests
{
    private const string V = BackupWorld.VersionDirectory;

    private static readonly string[] Steps = ["claimed", "files made", "files written", "before sync", "synced", "pg_control"];

    private static readonly string[] Inside =
    [
        "", "log", "log/today", "a", "a/b", "a/b/c", "server.crt", "postgresql.conf", "postgresql.auto.conf", "PG_VERSION", "core",
        "lost+found", "base", "base/5", "base/5/1000", "base/5/1000.1", "base/5/1000_vm", "base/5/2000_init", "base/5/PG_VERSION",
        "base/5/5", "base/16384", "base/16384/1259", "base/1000", "base/5/99999999999", "global", "global/1262", "global/pg_filenode.map",
        "pg_xact", "pg_xact/0000", "pg_multixact/offsets", "pg_wal", "pg_wal/archive_status", "pg_wal/000000010000000000000001",
        "pg_tblspc", "pg_tblspc/16400", "pg_tblspc/16500", $"pg_tblspc/16400/{V}", $"pg_tblspc/16400/{V}/5", $"pg_tblspc/16400/{V}/5/4000",
        $"pg_tblspc/16400/{V}/5/PG_VERSION", $"pg_tblspc/16500/{V}/5/4000", "pg_tblspc/16400/notes", "pg_tblspc/notes",
        "spaces/one", $"spaces/one/{V}/5/4000", "pg_stat_tmp", "pg_stat_tmp/x", "pg_replslot/s/state", "pg_logical/mappings/m",
        "recovery.signal", "standby.signal", "holdfast.keys", "holdfast.outside/etc/pg.conf", "backup_label.old",
        "pgsql_tmp", "pgsql_tmp/x", "\uDCFF\uDCC0", "\uDCFE/x", "new\nline", "quo'te\"\\", " ", "-rf", "1000", "0",
    ];

    private static readonly string[] Outside =
    [
        "out", "out/a", "out/a/b", "out/a/b/c", "out/f", "out/up", "ts", $"ts/{V}", $"ts/{V}/5", $"ts/{V}/5/4000", $"ts/{V}/5/PG_VERSION",
        "ts/PG_16_202307071/5/4000", "ts/notes",
        "wal", "wal/archive_status", "wal/000000010000000000000001", "disk", "disk/5/1000", "disk/5", "disk/0000", "\uDCFDout/x",
    ];

    private static readonly Gen<string> Places = Gen.Frequency(
        (3, Any.Of(Inside).Select(path => path.Length == 0 ? "data" : "data/" + path)),
        (2, Any.Of(Outside)));

    private static readonly Gen<TreeEntry> Entries = Gen.Frequency(
        (4, Gen.Select(Places, Any.Of(0, 1, 100, 8192, 20000), (path, length) => new TreeEntry(TreeKind.File, path, "", length))),
        (3, Places.Select(path => new TreeEntry(TreeKind.Folder, path, "", 0))),
        (6, Gen.Select(Places, Targets(), (path, target) => new TreeEntry(TreeKind.Link, path, target, 0))),
        (1, Places.Select(path => new TreeEntry(TreeKind.Pipe, path, "", 0))));

    [Fact]
    public void Whatever_the_scan_admits_the_restore_accepts()
    {
        var admitted = 0;
        Gen.Select(Entries.Array[1, 25], Gen.Int[0, 7], Gen.Int[0, 3]).Sample((entries, chosen, moved) =>
        {
            if (Judge(entries, chosen, moved)) Interlocked.Increment(ref admitted);
        }, iter: 400, print: Shown);
        Assert.InRange(admitted, 200, 400); // the others were refused by name, before anything was read
    }

    // Absolute, relative, by another name of the same folder, spelled oddly, to itself.
    private static Gen<string> Targets() => Gen.Select(Places, Gen.Int[0, 7], (place, form) => form switch
    {
        0 or 1 => $"TOP/{place}",
        2 => $"../{place}",
        3 => $"../../{place}",
        4 => $"TOP/alias/{place}",
        5 => $"TOP//data/./../{place}/",
        6 => place[(place.LastIndexOf('/') + 1)..],
        _ => place.Length % 2 == 0 ? ".." : ".",
    });

    private static string Shown((TreeEntry[] Entries, int Chosen, int Moved) sample) =>
        $"{string.Join("\n", sample.Entries.Select(entry => entry.ToString()))}\nstep {sample.Chosen}, moved {sample.Moved}";

    private static bool Judge(TreeEntry[] entries, int chosen, int moved)
    {
        using var tree = new GeneratedTree(entries, isMended: moved != 0);
        var warnings = new List<string>();
        ScannedFiles files;
        try
        {
            files = new DataDirectoryScan(tree.Root, V, warnings.Add).Run([], default);
        }
        catch (ConfigurationException e) when (e.Hint!.Contains("mend the link", StringComparison.Ordinal))
        {
            return false;
        }
        var rows = CopiedTree.Rows(files);
        // A tablespace's folder that leads to global: reading begins by looking for pg_control, and refuses.
        if (!rows.Any(row => row.Id.Path.SequenceEqual("global/pg_control"u8))) return false;
        string[] words = [.. Tablespaces(rows, tree), .. Links(rows, tree, moved)];
        var restored = new RestoredTree(tree.Root, rows);
        if (chosen < Steps.Length) Assert.Throws<OperationCanceledException>(() => Restore(restored, tree, Steps[chosen], words));
        Restore(restored, tree, null, words);
        tree.Compare(warnings);
        return true;
    }

    private static void Restore(RestoredTree restored, GeneratedTree tree, string? end, string[] words) =>
        restored.RestoreAsync(tree.Copy, end, words).GetAwaiter().GetResult();

    // Those outside the data directory, where they would be refused as they are not empty, and those below a file.
    private static IEnumerable<string> Tablespaces(FileRow[] rows, GeneratedTree tree) =>
        from row in rows
        where row.Facts.Kind == FileKind.Link
        let name = RawPath.ToText(row.Id.ToPath(V))
        where name.StartsWith("pg_tblspc/16", StringComparison.Ordinal) && name.Length == 15 && (row.Facts.LinkTarget.Span[0] == '/' || IsBelowFile(row, rows))
        select $"--tablespace-map={name[10..]}={tree.Elsewhere}/ts{name[10..]}";

    private static bool IsBelowFile(FileRow tablespace, FileRow[] rows)
    {
        var place = Path.GetFullPath(RawPath.ToText(tablespace.Facts.LinkTarget.Span), "/pg_tblspc");
        return rows.Where(row => row.Facts.Kind is FileKind.Other or FileKind.Relation).Select(row => RawPath.ToText(row.Id.ToPath(V)))
            .Concat([.. RestoreRun.OwnNames, TargetDirectory.MarkerName]).Any(name => (place + "/").StartsWith($"/{name}/", StringComparison.Ordinal));
    }

    // One of the links that were followed leads elsewhere again.
    private static IEnumerable<string> Links(FileRow[] rows, GeneratedTree tree, int moved)
    {
        var followed = rows.Where(row => row.Facts.Kind is FileKind.Directory or FileKind.Other && !row.Facts.LinkTarget.IsEmpty)
            .Where(row => row.Id.Tablespace == 0).Select(row => RawPath.ToText(row.Id.ToPath(V)))
            .Where(name => !LeftOutPlaces.Own.Contains(name) && !name.Any(c => char.IsControl(c) || char.IsSurrogate(c) || c == '\\'))
            .ToArray();
        return moved < followed.Length ? [$"--link-map={followed[moved]}={tree.Elsewhere}/moved"] : [];
    }
}
