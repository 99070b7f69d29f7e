using Holdfast.Agent.Host;
using Holdfast.Core;

namespace Holdfast.Agent.Backup;

/// <summary>What a link in the data directory is to the backup.</summary>
internal enum LinkUse
{
    /// <summary>What it leads to is backed up under the link's own name.</summary>
    Followed,

    /// <summary>It leads to what the backup holds at another place: it is backed up as a link, relative to its folder.</summary>
    Inside,

    /// <summary>It is left out; why is said.</summary>
    LeftOut,
}

/// <summary>How a link is backed up.</summary>
/// <param name="Use">How.</param>
/// <param name="Target">Absolute, or relative to the link's folder when it leads to another place of the backup; raw bytes.</param>
/// <param name="Status">Of what it leads to, when it is followed.</param>
/// <param name="Real">The path without links of what it leads to.</param>
/// <param name="Reason">Why it is left out.</param>
internal readonly record struct LinkDecision(LinkUse Use, byte[] Target, EntryStatus Status, byte[] Real, string? Reason);

/// <summary>
/// Decides about links of a data directory by where they really lead, whatever the spelling, so that nothing is stored twice and no walk is
/// endless. Targets are made absolute here, where the folder that holds the link is known; what leads into the data directory itself becomes
/// relative, and so leads into the copy later.
/// </summary>
/// <param name="root">PGDATA, as it was named.</param>
/// <param name="excluded">What the operator leaves out; null: nothing.</param>
internal sealed class FollowedLinks(byte[] root, ExcludedFiles? excluded = null)
{
    private readonly byte[] _realRoot = RawFiles.RealPath(root) ?? root;
    private readonly byte[] _tablespaces = RawFiles.RealPath(Below(root, "pg_tblspc"u8.ToArray())) ?? root;
    private readonly Dictionary<string, byte[]> _places = new(StringComparer.Ordinal);
    private readonly HashSet<string> _homes = new(StringComparer.Ordinal);

    /// <summary>PGDATA without links.</summary>
    public byte[] RealRoot => _realRoot;

    /// <summary>A folder is backed up under this name, wherever else it is met.</summary>
    /// <param name="real">Its path without links.</param>
    /// <param name="place">Below PGDATA.</param>
    public void Register(byte[] real, byte[] place) => _places.TryAdd(Key(real), place);

    /// <summary>A tablespace's folder, or pg_wal, which may lie in the data directory itself, under any spelling.</summary>
    /// <param name="link">The link, below PGDATA.</param>
    /// <param name="own">What of it is read under the link's name, relative to the link; empty: all of it.</param>
    public void RegisterOwn(byte[] link, byte[] own)
    {
        if (RawFiles.RealPath(Below(root, Below(link, own))) is not { } real) return;
        if (IsWithin(_realRoot, real) || IsWithin(_tablespaces, real)) return; // what holds these is no place in them
        Register(real, Below(link, own));
        if (InsideOf(link) is { } home) _homes.Add(Key(Below(home, own)));
    }

    /// <summary>The name under which that folder is backed up, where it is another than the one it is met at; else null.</summary>
    public byte[]? Elsewhere(byte[] real, byte[] met) =>
        _places.TryGetValue(Key(real), out var known) && !known.AsSpan().SequenceEqual(met) ? known : null;

    /// <summary>Whether that is where a tablespace in the data directory really lies: its files come back there by the tablespace's name.</summary>
    public bool IsHome(byte[] path) => _homes.Contains(Key(path));

    /// <summary>The target of a link as a backup keeps it; null when the link is gone.</summary>
    /// <param name="path">The link, below PGDATA.</param>
    public byte[]? TargetOf(byte[] path)
    {
        if (RawFiles.LinkTarget(Below(root, path)) is not { } target) return null;
        if (InsideOf(path) is { } inside) return Relative(path, inside);
        if (target is [(byte)'/', ..]) return target;
        return RawFiles.RealPath(Below(root, path)) ?? Below(FolderOf(path), target);
    }

    /// <summary>Decides about a link that is no tablespace's and not pg_wal.</summary>
    /// <param name="path">The link, below PGDATA; it is there.</param>
    /// <param name="isRelation">Whether a relation's file belongs there: a folder is backed up under another name, if at all.</param>
    public LinkDecision Decide(byte[] path, bool isRelation)
    {
        var full = Below(root, path);
        var target = RawFiles.LinkTarget(full) ?? [];
        var (status, trouble) = Follow(full);
        if (status is not { } found || RawFiles.RealPath(full) is not { } real)
            return LeftOut(target, trouble ?? $"it leads to {RawFiles.Display(target)}, which is not there");
        if (found.Type == EntryType.Special) return LeftOut(target, $"it leads to {RawFiles.Display(real)}, which is no regular file");
        if (found.Type == EntryType.Folder && IsWithin(_realRoot, real))
            return LeftOut(target, $"it leads to {RawFiles.Display(real)}, in which the data directory itself lies");
        if (PlaceOf(real) is { } place && !place.AsSpan().SequenceEqual(path) && IsRead(place, Exclusions.IsNeeded(path)))
            return new LinkDecision(LinkUse.Inside, Relative(path, place), found, real, null);
        if (found.Type == EntryType.Folder && !isRelation) Register(real, path);
        return new LinkDecision(LinkUse.Followed, target is [(byte)'/', ..] ? target : real, found, real, null);
    }

    /// <summary>What a link leads to; null when that is not there, or, with the trouble, when it cannot be told.</summary>
    /// <param name="full">The link's path.</param>
    public static (EntryStatus? Status, string? Trouble) Follow(byte[] full)
    {
        try
        {
            return (RawFiles.Status(full, follow: true), null);
        }
        catch (HoldfastException e)
        {
            return (null, e.Message); // a circle of links, or a folder that this user may not enter
        }
    }

    /// <summary>A path below a folder; the folder itself where there is nothing below.</summary>
    public static byte[] Below(byte[] folder, byte[] name)
    {
        if (folder.Length == 0) return name;
        return name.Length == 0 ? folder : [.. folder, (byte)'/', .. name];
    }

    /// <summary>Where in the data directory a link leads, by its spelling or in truth; null: elsewhere.</summary>
    private byte[]? InsideOf(byte[] link)
    {
        if (RawFiles.LinkTarget(Below(root, link)) is not { } target) return null;
        foreach (var path in (ReadOnlySpan<byte[]?>)[RawFiles.RealPath(Below(root, link)), target])
            foreach (var folder in (ReadOnlySpan<byte[]>)[_realRoot, root])
                if (path is not null && path.Length > folder.Length && IsWithin(path, folder) && !HasDots(path))
                    return path.AsSpan(folder.Length + 1).TrimEnd((byte)'/').ToArray();
        return null;
    }

    /// <summary>Where the backup holds that file or folder, below PGDATA; null: nowhere.</summary>
    private byte[]? PlaceOf(byte[] real)
    {
        for (var folder = real; folder.Length > 1; folder = folder[..Math.Max(1, folder.AsSpan().LastIndexOf((byte)'/'))])
            if (_places.TryGetValue(Key(folder), out var place)) return [.. place, .. real.AsSpan(folder.Length)];
        return IsWithin(real, _realRoot) && real.Length > _realRoot.Length ? real[(_realRoot.Length + 1)..] : null;
    }

    /// <summary>
    /// Whether the backup has what lies at a place: nothing is read in pg_wal and in what the server empties, nor what is left out by name. A link
    /// into such a place is followed; one to the folder itself leads to it in the copy, unless PostgreSQL needs what is in it by the link's name.
    /// </summary>
    private bool IsRead(byte[] place, bool isNeeded)
    {
        if (excluded?.Covers(place) == true) return false;
        for (var end = place.Length; end > 0; end = place.AsSpan(0, end).LastIndexOf((byte)'/'))
        {
            var way = place.AsSpan(0, end);
            if (Exclusions.IsLeftOut(way[(way.LastIndexOf((byte)'/') + 1)..])) return false;
            var isEmptied = way.SequenceEqual("pg_wal"u8) || Exclusions.IsKeptEmpty(way);
            if (isEmptied && (isNeeded || end < place.Length)) return false;
        }
        return true;
    }

    private byte[] FolderOf(byte[] path)
    {
        var slash = path.AsSpan().LastIndexOf((byte)'/');
        return slash < 0 ? root : Below(root, path[..slash]);
    }

    private static LinkDecision LeftOut(byte[] target, string reason) => new(LinkUse.LeftOut, target, default, [], reason);

    private static bool HasDots(ReadOnlySpan<byte> path)
    {
        foreach (var part in path.Split((byte)'/'))
            if (path[part] is [(byte)'.'] or [(byte)'.', (byte)'.']) return true;
        return false;
    }

    /// <summary>A way from the folder that holds the link to another place, both below PGDATA.</summary>
    public static byte[] Relative(byte[] link, byte[] place)
    {
        var way = new List<byte>();
        foreach (var _ in link.Where(one => one == (byte)'/')) way.AddRange("../"u8);
        way.AddRange(place);
        return way.Count == 0 ? "."u8.ToArray() : [.. way];
    }

    private static bool IsWithin(ReadOnlySpan<byte> path, ReadOnlySpan<byte> folder) =>
        path.StartsWith(folder) && (path.Length == folder.Length || folder is [(byte)'/'] || path[folder.Length] == (byte)'/');

    private static string Key(byte[] path) => Convert.ToHexString(path);
}
