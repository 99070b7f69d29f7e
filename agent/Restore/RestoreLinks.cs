using System.Diagnostics.CodeAnalysis;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Restore;

/// <summary>A link that is made in the restored data directory.</summary>
/// <param name="Path">The link (<see cref="RawPath"/>).</param>
/// <param name="Target">Where it leads: into the copy, or to a folder or file that the restore makes.</param>
internal readonly record struct RestoreLink(string Path, string Target);

/// <summary>A link of the backed-up data directory that does not become one.</summary>
/// <param name="Name">Its path below PGDATA (<see cref="RawPath"/>).</param>
/// <param name="Was">Where it led.</param>
/// <param name="IsKept">Whether what it led to is in the backup, and restored in its place; else it is left out.</param>
internal readonly record struct PlainLink(string Name, string Was, bool IsKept);

/// <summary>
/// What becomes of the links of a backed-up data directory that are no tablespaces: by default a folder or file holding what each led to, so
/// that a copy touches nothing else (I11). With --link-all or --link-map, links again, to what must be empty or missing. Links to other
/// places of the data directory stay links: they lead into the copy.
/// </summary>
/// <param name="root">The data directory that is made.</param>
/// <param name="all">--link-all</param>
/// <param name="moves">--link-map</param>
internal sealed class RestoreLinks(string root, bool all, LinkMoves moves)
{
    private const string Wal = "pg_wal";

    private readonly Dictionary<string, (string Target, bool IsFolder)> _placed = new(StringComparer.Ordinal);
    private readonly List<(string Name, string Target)> _inside = [];
    private readonly List<RestoreLink> _inTablespaces = [];
    private readonly List<PlainLink> _plain = [];

    /// <summary>Links that become folders or files, or nothing.</summary>
    public IReadOnlyList<PlainLink> Plain => _plain;

    /// <summary>Folders outside the data directory that links lead to.</summary>
    public IEnumerable<string> Folders => _placed.Values.Where(one => one.IsFolder).Select(one => one.Target);

    /// <summary>Files outside the data directory that links lead to.</summary>
    public IEnumerable<string> Files => _placed.Values.Where(one => !one.IsFolder).Select(one => one.Target);

    /// <summary>The links to be made.</summary>
    public IEnumerable<RestoreLink> Made =>
        _placed.Select(one => new RestoreLink(PathOfLink(one.Key), one.Value.Target))
            .Concat(_inside.Select(one => new RestoreLink(PathOfLink(one.Name), TargetInside(one.Name, one.Target))))
            .Concat(_inTablespaces);

    /// <summary>Takes a row of the backup that is no tablespace's.</summary>
    /// <param name="name">Below PGDATA.</param>
    /// <param name="facts">What the backup knows of it.</param>
    public void Take(string name, FileFacts facts)
    {
        var was = RawPath.ToText(facts.LinkTarget.Span);
        if (facts.Kind == FileKind.Link && name != Wal) TakeLink(name, was);
        else if (moves.Of(name) is { } moved) Place(name, moved, facts);
        else if (facts.LinkTarget.IsEmpty) return;
        else if (all && was.StartsWith('/')) Place(name, was, facts);
        else _plain.Add(new PlainLink(name, was, IsKept: true));
    }

    /// <summary>Takes a link that lies in a tablespace, and leads to another place of the backup.</summary>
    /// <param name="name">Below PGDATA, through pg_tblspc.</param>
    /// <param name="path">Where it is made.</param>
    /// <param name="was">Where it led, from the folder that its name is in.</param>
    public void TakeInTablespace(string name, string path, string was)
    {
        // From the tablespace's own place, only an absolute target leads back.
        if (was.StartsWith('/')) _plain.Add(new PlainLink(name, was, IsKept: false));
        else _inTablespaces.Add(new RestoreLink(path, Path.GetFullPath(was, Path.GetDirectoryName(Path.Combine(root, name))!)));
    }

    /// <summary>Everything was taken.</summary>
    /// <param name="names">Whether the backup has a folder or file of that name.</param>
    /// <exception cref="ConfigurationException">--link-map names what the backup does not have, or one place twice.</exception>
    public void Finish(Func<string, bool> names)
    {
        foreach (var (link, target) in moves.Moves)
        {
            if (link == Wal && !_placed.ContainsKey(Wal)) _placed.Add(Wal, (target, true));
            if (_placed.ContainsKey(link)) continue;
            var why = link.StartsWith("pg_tblspc", StringComparison.Ordinal) ? "tablespaces are moved by --tablespace-map"
                : names(link) ? "only folders, and files that are no relation's, can lie elsewhere"
                : "the backup has nothing of that name";
            throw new ConfigurationException($"--link-map={link}={target}: {why}", "name a path below the data directory, such as log or pg_wal");
        }
        var shared = _placed.Values.GroupBy(one => one.Target).FirstOrDefault(group => group.Count() > 1);
        if (shared is null) return;
        throw new ConfigurationException($"two links would lead to {RawPath.Display(shared.Key)}", "name a place for each: --link-map=LINK=TARGET");
    }

    /// <summary>Where what has that path below PGDATA goes.</summary>
    public string PathOf(string name)
    {
        if (TryPlaced(name, out var place, out var above)) return above.Length == 0 ? place : Path.Combine(place, above);
        return name.Length == 0 ? root : Path.Combine(root, name);
    }

    /// <summary>The folder outside the data directory that a file goes to; null: it goes to the data directory.</summary>
    public string? FolderOf(string name) => !TryPlaced(name, out var place, out var above) ? null : above.Length == 0 ? Path.GetDirectoryName(place) : place;

    /// <summary>Whether it is a link to another place of the data directory, or behind one: what it leads to is made there.</summary>
    public bool LeadsInside(string name) =>
        _inside.Exists(one => name == one.Name || name.StartsWith(one.Name + "/", StringComparison.Ordinal));

    /// <summary>Whether a link leads to what has exactly that name.</summary>
    public bool IsPlaced(string name) => _placed.ContainsKey(name);

    // A link without what it led to: into the data directory, or of a backup made before links were followed.
    private void TakeLink(string name, string was)
    {
        var folder = Path.GetDirectoryName(Path.Combine(root, name))!;
        var isInside = !was.StartsWith('/') && Path.GetFullPath(was, folder).StartsWith(root + "/", StringComparison.Ordinal);
        if (isInside) _inside.Add((name, was));
        else _plain.Add(new PlainLink(name, was, IsKept: false));
    }

    private void Place(string name, string target, FileFacts facts)
    {
        if (facts.Kind is FileKind.Directory or FileKind.Other) _placed.Add(name, (target, facts.Kind == FileKind.Directory));
        else if (name == Wal) _placed.Add(name, (target, true));
        else if (facts.Kind == FileKind.Relation && !facts.LinkTarget.IsEmpty) _placed.Add(name, (target, false));
    }

    // Below a folder that lies elsewhere, only an absolute target leads back.
    private string TargetInside(string name, string target)
    {
        var folder = Path.GetDirectoryName(name) ?? "";
        if (PathOf(folder) == (folder.Length == 0 ? root : Path.Combine(root, folder))) return target;
        return Path.GetFullPath(target, Path.Combine(root, folder));
    }

    private string PathOfLink(string name) => Path.Combine(PathOf(Path.GetDirectoryName(name) ?? ""), Path.GetFileName(name));

    /// <summary>The nearest link that a name goes through, where it leads, and what of the name lies below it.</summary>
    private bool TryPlaced(string name, [NotNullWhen(true)] out string? place, out string below)
    {
        (place, below) = (null, "");
        if (_placed.Count == 0) return false;
        for (var end = name.Length; end > 0; end = name.LastIndexOf('/', end - 1))
        {
            if (!_placed.TryGetValue(name[..end], out var known)) continue;
            place = known.Target;
            below = end == name.Length ? "" : name[(end + 1)..];
            return true;
        }
        return false;
    }
}
