using System.Globalization;
using System.Text;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Restore;

/// <summary>A run of a file's blocks to be written, and the CRC-32C of its bytes once it was.</summary>
internal sealed class RestorePiece(RestoreFile file, Extent extent)
{
    /// <summary>Whose it is.</summary>
    public RestoreFile File { get; } = file;

    /// <summary>Which blocks, and where they are.</summary>
    public Extent Extent { get; } = extent;

    /// <summary>Bytes of it in the file: a file's last block may be short.</summary>
    public long Length { get; } = Math.Min(extent.EndBlock * (long)PackFormat.BlockSize, file.Row.Facts.Length) - extent.FirstBlock * (long)PackFormat.BlockSize;

    /// <summary>CRC-32C of what was written so far.</summary>
    public uint Crc { get; set; }
}

/// <summary>A regular file to be made.</summary>
/// <param name="row">What the manifest says of it.</param>
/// <param name="name">Raw path below PGDATA.</param>
/// <param name="path">Where it goes (<see cref="RawPath"/>).</param>
internal sealed class RestoreFile(FileRow row, byte[] name, string path)
{
    /// <summary>What the manifest says of it.</summary>
    public FileRow Row => row;

    /// <summary>Raw path below PGDATA, through pg_tblspc for a tablespace's.</summary>
    public byte[] Name => name;

    /// <summary>Where it goes.</summary>
    public string Path => path;

    /// <summary>Its blocks, ascending, without gaps.</summary>
    public IReadOnlyList<RestorePiece> Pieces { get; set; } = [];

    /// <summary>Bytes that are written; the rest is zeros, and takes no room.</summary>
    public long StoredBytes => Pieces.Where(piece => !piece.Extent.IsZero).Sum(piece => piece.Length);

    /// <summary>The CRC-32C of the whole file, from its pieces'.</summary>
    public uint Crc()
    {
        var crc = 0u;
        foreach (var piece in Pieces)
            crc = Crc32C.Combine(crc, piece.Extent.IsZero ? Crc32C.OfZeros(piece.Length) : piece.Crc, piece.Length);
        return crc;
    }
}

/// <summary>A directory or link to be made.</summary>
/// <param name="Path">Where (<see cref="RawPath"/>).</param>
/// <param name="Facts">Mode and owner; null for one that every data directory has and the backup did not list.</param>
internal readonly record struct RestoreEntry(string Path, FileFacts? Facts);

/// <summary>A tablespace outside the data directory.</summary>
/// <param name="Oid">Its OID.</param>
/// <param name="Was">Where it was.</param>
/// <param name="Path">Where it goes.</param>
/// <param name="Facts">Of its folder, if the backup lists it.</param>
internal sealed record RestoreTablespace(uint Oid, string Was, string Path, FileFacts? Facts);

/// <summary>What is to be made where: the manifest's rows, sorted by what they are. Makes nothing itself.</summary>
internal sealed class RestoreLayout
{
    // PostgreSQL does not start without these, and a backup may leave out what is empty (basebackup.c, excludeDirContents).
    private static readonly string[] Always =
        ["pg_wal", "pg_wal/archive_status", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans", "pg_tblspc", "pg_twophase"];

    // Made by the restore itself, or a leftover of the backed-up server's own past. With a recovery.conf no server from 12 on starts.
    private static readonly string[] Skipped =
        [BackupLabel.FileName, TablespaceMap.FileName, BackupManifestWriter.FileName, "recovery.signal", "standby.signal", "recovery.conf", "promote", "fallback_promote", "postmaster.pid", "postmaster.opts", TargetDirectory.MarkerName, RestoredKeys.FileName];

    private readonly string _root;
    private readonly string _versionDirectory;
    private readonly Dictionary<uint, RestoreTablespace> _tablespaces = [];
    private readonly List<RestoreFile> _files = [];
    private readonly List<RestoreEntry> _directories = [];
    private readonly List<OutsideCopy> _outside = [];
    private readonly HashSet<string> _copies = new(StringComparer.Ordinal);

    /// <summary>Lays out.</summary>
    /// <param name="root">The data directory.</param>
    /// <param name="versionDirectory">Of tablespaces: <c>PG_17_202406281</c>.</param>
    /// <param name="links">What becomes of links; null: folders and files.</param>
    public RestoreLayout(string root, string versionDirectory, RestoreLinks? links = null)
    {
        _root = root;
        _versionDirectory = versionDirectory;
        Links = links ?? new RestoreLinks(root, all: false, LinkMoves.None);
    }

    /// <summary>The data directory.</summary>
    public string Root => _root;

    /// <summary>Regular files but pg_control, in the manifest's order.</summary>
    public IReadOnlyList<RestoreFile> Files => _files;

    /// <summary>global/pg_control, which comes last.</summary>
    public RestoreFile? Control { get; private set; }

    /// <summary>Directories, parents before children; the data directory itself is the first.</summary>
    public IReadOnlyList<RestoreEntry> Directories => _directories;

    /// <summary>Tablespaces outside the data directory.</summary>
    public IReadOnlyCollection<RestoreTablespace> Tablespaces => _tablespaces.Values;

    /// <summary>What becomes of links that are no tablespaces.</summary>
    public RestoreLinks Links { get; }

    /// <summary>Configuration files that lay outside the data directory; their copies are among <see cref="Files"/>.</summary>
    public IReadOnlyList<OutsideCopy> Outside => _outside;

    /// <summary>Bytes of all files.</summary>
    public long Bytes { get; private set; }

    /// <summary>Bytes to be fetched and written; the rest is zeros, and takes no room.</summary>
    public long StoredBytes { get; private set; }

    /// <summary>Takes the links first: whatever lies behind one goes where it goes.</summary>
    public void TakeLinks(IReadOnlyCollection<FileRow> rows, TablespaceMoves moves)
    {
        foreach (var (id, facts) in rows)
        {
            if (facts.Kind == FileKind.Outside || id.IsRelation && facts.LinkTarget.IsEmpty) continue;
            var name = RawPath.ToText(id.ToPath(_versionDirectory));
            if (Array.IndexOf(Skipped, name) >= 0) continue;
            if (facts.Kind == FileKind.Link && IsTablespace(name, out var oid)) TakeTablespace(oid, RawPath.ToText(facts.LinkTarget.Span), moves);
            else if (id.Tablespace == 0 || id.IsRelation) Links.Take(name, facts);
            else if (facts.Kind == FileKind.Link) Links.TakeInTablespace(name, PathOf(name), RawPath.ToText(facts.LinkTarget.Span));
        }
        Links.Finish(name => rows.Any(row => RawPath.ToText(row.Id.ToPath(_versionDirectory)) == name));
        foreach (var (old, _) in moves.Moves)
            if (!_tablespaces.Values.Any(tablespace => tablespace.Was == old || tablespace.Oid.ToString(CultureInfo.InvariantCulture) == old))
                throw new ConfigurationException($"--tablespace-map: the backup has no tablespace {old}", _tablespaces.Count == 0 ? "it has none at all" : $"it has: {string.Join(", ", _tablespaces.Values.Select(one => $"{one.Oid} at {RawPath.Display(one.Was)}"))}");
        if (_tablespaces.Values.GroupBy(tablespace => tablespace.Path).FirstOrDefault(group => group.Count() > 1) is { } shared)
            throw new ConfigurationException($"--tablespace-map: two tablespaces would go to {shared.Key}", "name a place for each");
    }

    // A relative target is resolved where its link will be: below this data directory, never against a working directory.
    private void TakeTablespace(uint oid, string was, TablespaceMoves moves)
    {
        var place = moves.Of(oid, was);
        if (!place.StartsWith('/')) place = Path.GetFullPath(place, Path.Combine(_root, "pg_tblspc"));
        _tablespaces.Add(oid, new RestoreTablespace(oid, was, place, null));
    }

    private static bool IsTablespace(string name, out uint oid)
    {
        oid = 0;
        return name.StartsWith("pg_tblspc/", StringComparison.Ordinal)
            && uint.TryParse(name.AsSpan(10), NumberStyles.None, CultureInfo.InvariantCulture, out oid);
    }

    /// <summary>Takes a file, directory or what lies outside.</summary>
    public void Take(ManifestFile one)
    {
        var (row, extents) = one;
        var (id, facts) = row;
        if (facts.Kind == FileKind.Link) return;
        var name = id.ToPath(_versionDirectory);
        if (facts.Kind == FileKind.Outside) name = [.. Encoding.ASCII.GetBytes(OutsideCopies.Folder), .. name];
        if (facts.Kind == FileKind.Directory)
        {
            if (id.Tablespace != 0 && id.Path.IsEmpty && _tablespaces.TryGetValue(id.Tablespace, out var tablespace)) _tablespaces[id.Tablespace] = tablespace with { Facts = facts };
            else _directories.Add(new RestoreEntry(PathOf(name), facts));
            return;
        }
        var file = new RestoreFile(row, name, PathOf(name));
        file.Pieces = [.. extents.Select(extent => new RestorePiece(file, extent))];
        if (one.CoverageFault() is { } fault) throw new DamagedException($"the backup's manifest does not add up: {fault}", "it cannot be restored whole: choose another with --set, and report this");
        var shown = RawPath.ToText(name);
        if (Array.IndexOf(Skipped, shown) >= 0) return;
        // What lies outside comes first in the order of files: an older copy, of the restore that the backed-up server came from, gives way.
        if (shown.StartsWith(OutsideCopies.Folder + "/", StringComparison.Ordinal) && !_copies.Add(shown)) return;
        if (facts.Kind == FileKind.Outside) _outside.Add(new OutsideCopy(RawPath.ToText(id.Path), file));
        if (shown == ControlFile.RelativePath) Control = file;
        else _files.Add(file);
        Bytes += facts.Length;
        StoredBytes += file.StoredBytes;
    }

    /// <summary>Everything was taken.</summary>
    /// <exception cref="DamagedException">There is no pg_control.</exception>
    /// <exception cref="ConfigurationException">A folder would be made where the backup has a file.</exception>
    public void Finish()
    {
        if (Control is null) throw new DamagedException($"the backup's manifest lists no {ControlFile.RelativePath}", "it cannot be restored: choose another with --set");
        var known = _directories.Select(directory => directory.Path).ToHashSet();
        foreach (var name in Always.Prepend("")) Need(name, known);
        foreach (var file in _files.Append(Control))
            if (!_tablespaces.ContainsKey(file.Row.Id.Tablespace) && !Links.IsPlaced(RawPath.ToText(file.Name)))
                Need(Path.GetDirectoryName(RawPath.ToText(file.Name)) ?? "", known);
        _directories.Sort((a, b) => a.Path.Length != b.Path.Length ? a.Path.Length.CompareTo(b.Path.Length) : string.CompareOrdinal(a.Path, b.Path));
        CheckWays();
    }

    // The link of a tablespace that was lost may lead anywhere in the data directory.
    private void CheckWays()
    {
        var own = RestoreRun.OwnNames.Append(TargetDirectory.MarkerName).Select(name => Path.Combine(_root, name));
        var files = _files.Append(Control!).Select(file => file.Path).Concat(own).ToHashSet(StringComparer.Ordinal);
        foreach (var tablespace in Tablespaces)
            if (Ways(tablespace.Path).FirstOrDefault(files.Contains) is { } file)
                throw new ConfigurationException(
                    $"tablespace {tablespace.Oid} would go to {RawPath.Display(tablespace.Path)}, and a restore makes the file {RawPath.Display(file)}",
                    $"give it a place of its own: --tablespace-map={tablespace.Oid}=/PATH");
        foreach (var folder in Links.Folders)
            if (Ways(folder).FirstOrDefault(files.Contains) is { } file)
                throw new ConfigurationException(
                    $"a link would lead to {RawPath.Display(folder)}, and a restore makes the file {RawPath.Display(file)}",
                    "give it a place of its own: --link-map=LINK=/PATH");
    }

    /// <summary>A folder and those it is in, within the data directory.</summary>
    public IEnumerable<string> Ways(string folder)
    {
        for (var way = folder; way.StartsWith(_root + "/", StringComparison.Ordinal); way = Path.GetDirectoryName(way)!)
            yield return way;
    }

    private void Need(string name, HashSet<string> known)
    {
        var path = Links.PathOf(name);
        if (Links.LeadsInside(name) || !known.Add(path)) return;
        if (name.Length > 0) Need(Path.GetDirectoryName(name) ?? "", known);
        _directories.Add(new RestoreEntry(path, null));
    }

    /// <summary>tablespace_map with the tablespaces where they go; empty when there are none.</summary>
    public byte[] Map(ReadOnlySpan<byte> was)
    {
        if (was.IsEmpty) return [];
        return new TablespaceMap(TablespaceMap.Parse(was).Locations.Select(location => _tablespaces.TryGetValue(location.Oid, out var tablespace)
            ? new TablespaceLocation(location.Oid, RawPath.ToBytes(tablespace.Path)) : location)).Format();
    }

    /// <summary>
    /// The folder in a tablespace's place that is this cluster's alone: its major's and catalogue's. What else is in the place is none of
    /// our business: <c>lost+found</c> of a mount point, another major's folder [tablespace.c, create_tablespace_directories].
    /// </summary>
    public string VersionFolder(RestoreTablespace tablespace) => Path.Combine(tablespace.Path, _versionDirectory);

    /// <summary>Folders that are written to: the data directory, tablespaces, where links lead.</summary>
    public IEnumerable<string> Folders =>
        Tablespaces.Select(tablespace => tablespace.Path).Prepend(_root).Concat(Links.Folders)
            .Concat(Links.Files.Select(file => Path.GetDirectoryName(file)!)).Distinct();

    /// <summary>Whether the backup has a file of that name in the data directory, or a link to one.</summary>
    public bool Has(string name) =>
        _files.Exists(file => RawPath.ToText(file.Name) == name) || Links.Made.Any(link => link.Path == Path.Combine(_root, name));

    /// <summary>Which of <see cref="Folders"/> a file goes to.</summary>
    public string FolderOf(RestoreFile file) =>
        _tablespaces.TryGetValue(file.Row.Id.Tablespace, out var tablespace) ? tablespace.Path : Links.FolderOf(RawPath.ToText(file.Name)) ?? _root;

    private string PathOf(byte[] name) => PathOf(RawPath.ToText(name));

    private string PathOf(string text)
    {
        foreach (var tablespace in _tablespaces.Values)
            if (text.StartsWith($"pg_tblspc/{tablespace.Oid}/", StringComparison.Ordinal))
                return Path.Combine(tablespace.Path, text[$"pg_tblspc/{tablespace.Oid}/".Length..]);
        return Links.PathOf(text);
    }
}
