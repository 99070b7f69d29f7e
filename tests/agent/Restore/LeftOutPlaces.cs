using Holdfast.Agent.Backup;
using Holdfast.Agent.Host;
using Holdfast.Agent.Restore;
using Holdfast.Tests.Core.Repository.Packs;

namespace Holdfast.Tests.Agent.Restore;

/// <summary>
/// What a backup of a data directory may leave out: what PostgreSQL makes anew, what is no part of a tablespace, and what was warned of.
/// </summary>
internal sealed class LeftOutPlaces
{
    /// <summary>Made by a restore, whatever the original had of that name.</summary>
    public static readonly string[] Own =
    [
        "backup_label", "tablespace_map", "backup_manifest", "recovery.signal", "standby.signal", "holdfast.keys", "holdfast.restore",
        "postgresql.auto.conf",
        "postmaster.pid", "postmaster.opts",
    ];

    private static readonly string[] Emptied =
        ["pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];

    private readonly string _root;
    private readonly HashSet<string> _places = new(StringComparer.Ordinal);

    /// <param name="root">The data directory that was backed up.</param>
    /// <param name="warnings">What the scan said.</param>
    public LeftOutPlaces(string root, IReadOnlyCollection<string> warnings)
    {
        _root = root;
        foreach (var name in Own) _places.Add(Location(name));
        foreach (var name in Emptied) Add(name);
        // Whatever other name leads to the folder of WAL, on whatever disk.
        if (Real("pg_wal") is { } wal && !(_root + "/").StartsWith(wal + "/", StringComparison.Ordinal)) _places.Add(wal);
        foreach (var path in Everything("", 6))
            if (warnings.Any(warning => warning.StartsWith($"{RawPath.Display(path)} is ", StringComparison.Ordinal))) Add(path);
        foreach (var name in Names("pg_tblspc"))
            foreach (var other in Names($"pg_tblspc/{name}").Where(other => other != BackupWorld.VersionDirectory))
                Add($"pg_tblspc/{name}/{other}");
    }

    /// <summary>Whether a restore makes a file of that name itself.</summary>
    public bool IsOwn(string path) => Array.IndexOf(Own, path) >= 0 || _places.Contains(Real(path) ?? "");

    /// <summary>Whether a path leads through, or to, what is left out.</summary>
    public bool Contains(string path)
    {
        for (var end = path.IndexOf('/'); ; end = path.IndexOf('/', end + 1))
        {
            var way = end < 0 ? path : path[..end];
            if (IsLeftOut(Location(way)) || (Real(way) is { } real && IsLeftOut(real))) return true;
            if (end < 0) return false;
        }
    }

    private bool IsLeftOut(string place)
    {
        for (var path = place; path.Length > 1; path = Path.GetDirectoryName(path)!)
            if (_places.Contains(path) || Exclusions.IsLeftOut(RawPath.ToBytes(Path.GetFileName(path)))) return true;
        return false;
    }

    private void Add(string path)
    {
        _places.Add(Location(path));
        if (Real(path) is { } real && real.StartsWith(_root, StringComparison.Ordinal) && real != _root) _places.Add(real);
    }

    private string? Real(string path) =>
        RawFiles.RealPath(RawPath.ToBytes(Path.Combine(_root, path))) is { } real ? RawPath.ToText(real) : null;

    private string Location(string path) => Path.Combine(Real(Path.GetDirectoryName(path) ?? "") ?? "", Path.GetFileName(path));

    private IEnumerable<string> Everything(string below, int depth)
    {
        foreach (var name in Names(below))
        {
            var path = Path.Combine(below, name);
            yield return path;
            if (depth == 1) continue;
            foreach (var deeper in Everything(path, depth - 1)) yield return deeper;
        }
    }

    private IEnumerable<string> Names(string below) => Safe(Path.Combine(_root, below)).Select(name => RawPath.ToText(name));

    private static List<byte[]> Safe(string folder)
    {
        try { return RawFiles.Names(RawPath.ToBytes(folder)) ?? []; }
        catch (Holdfast.Core.HoldfastException) { return []; } // a circle
    }
}
