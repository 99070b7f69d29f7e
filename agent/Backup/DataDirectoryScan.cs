using System.Globalization;
using System.Text;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Backup;

/// <summary>
/// Lists what a backup holds (design §7.4; basebackup.c, sendDir): everything in the data directory and the tablespaces but what the server rebuilds or
/// resets when it starts. pg_control is listed as well, and read last by whoever reads.
/// </summary>
/// <param name="root">PGDATA, raw bytes.</param>
/// <param name="versionDirectory"><see cref="ControlFile.TablespaceVersionDirectory"/>: another major's files in a tablespace are not ours.</param>
/// <param name="warn">Told of what is left out although it is no part of PostgreSQL.</param>
/// <param name="unreadable">Collects what this user may not read; null: that is an error.</param>
/// <param name="excluded">What the operator leaves out; null: nothing.</param>
internal sealed class DataDirectoryScan(
    byte[] root, string versionDirectory, Action<string> warn, UnreadableFiles? unreadable = null, ExcludedFiles? excluded = null)
{
    private static readonly byte[] Tablespaces = "pg_tblspc"u8.ToArray(), Wal = "pg_wal"u8.ToArray(), ArchiveStatus = "pg_wal/archive_status"u8.ToArray();

    private readonly ScannedFiles _files = new(versionDirectory);
    private readonly AccountNames _accounts = new();
    private readonly byte[] _versionDirectory = Encoding.ASCII.GetBytes(versionDirectory);
    private readonly FollowedLinks _links = new(root, excluded);
    private readonly UnreadableFiles _unreadable = unreadable ?? new();
    private readonly ExcludedFiles _excluded = excluded ?? ExcludedFiles.None;

    /// <summary>Lists everything, sorted.</summary>
    /// <param name="outside">Absolute paths of configuration files that do not lie in PGDATA.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="HoldfastException">A folder cannot be listed, or a name not be examined; names it.</exception>
    public ScannedFiles Run(IEnumerable<byte[]> outside, CancellationToken cancellationToken)
    {
        if (RawFiles.Status(root, follow: true) is not { } status) throw new ConfigurationException($"backing up {RawFiles.Display(root)}: it does not exist", "name the data directory by pg-path");
        Add([], status);
        FindPlacesElsewhere();
        Walk([], _links.RealRoot, cancellationToken);
        foreach (var path in outside)
            if (!_excluded.Take(path) && _unreadable.Status(path, follow: true) is { Type: EntryType.File } file) AddOutside(path, file);
        if (unreadable is null) _unreadable.ThrowIfAny();
        _files.Sort();
        return _files;
    }

    /// <param name="folder">Below PGDATA.</param>
    /// <param name="real">Its path without links.</param>
    /// <param name="cancellationToken">Cancels.</param>
    private void Walk(byte[] folder, byte[] real, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        if (_unreadable.Names(Below(root, folder)) is not { } names) return;
        // What PostgreSQL needs is met first, and is stored under its own name whatever else leads to it.
        if (folder.Length == 0) names.Sort((one, other) => Exclusions.IsNeeded(other).CompareTo(Exclusions.IsNeeded(one)));
        var relations = Relations(folder, names, out var unlogged);
        for (var i = 0; i < names.Count; i++)
        {
            if (Exclusions.IsLeftOut(names[i]) || IsReset(relations?[i], unlogged)) continue;
            var path = Below(folder, names[i]);
            if (_excluded.Take(path)) continue;
            if (_unreadable.Status(Below(root, path)) is not { } status) continue; // vanished: normal
            if (folder.AsSpan().SequenceEqual(Tablespaces)) AddTablespace(path, names[i], status, cancellationToken);
            else AddEntry(path, Below(real, names[i]), status, cancellationToken);
        }
    }

    private void AddEntry(byte[] path, byte[] real, EntryStatus status, CancellationToken cancellationToken)
    {
        var isWal = path.AsSpan().SequenceEqual(Wal);
        if (isWal || Exclusions.IsKeptEmpty(path)) AddKeptEmpty(path, status, isWal);
        else if (status.Type == EntryType.File) Add(path, status);
        else if (status.Type == EntryType.Folder) AddFolder(path, real, status, cancellationToken);
        else if (status.Type == EntryType.Link) AddFollowed(path, status, cancellationToken);
        else warn($"{RawFiles.Display(path)} is no regular file: it is not backed up");
    }

    private void AddFolder(byte[] path, byte[] real, EntryStatus status, CancellationToken cancellationToken)
    {
        var elsewhere = _links.Elsewhere(real, path);
        if (elsewhere is not null && !_links.IsHome(path)) AddLinkRow(path, status, FollowedLinks.Relative(path, elsewhere));
        else if (Add(path, status) && elsewhere is null) Walk(path, real, cancellationToken);
    }

    private void AddLinkRow(byte[] path, EntryStatus status, byte[] target) =>
        _files.Add(FileId.FromPath(path, versionDirectory), Facts(FileKind.Link, status with { Length = 0 }) with { LinkTarget = target });

    private void AddFollowed(byte[] path, EntryStatus status, CancellationToken cancellationToken)
    {
        var isRelation = FileId.FromPath(path, versionDirectory).IsRelation;
        var link = _links.Decide(path, isRelation);
        if (link.Use == LinkUse.LeftOut)
        {
            if (RawFiles.Status(Below(root, path)) is null) return; // vanished: normal
            if (Exclusions.IsNeeded(path)) throw CannotFollow(path, link.Reason);
            warn($"{RawFiles.Display(path)} is a link that is not backed up: {link.Reason}");
            return;
        }
        // A relation's file is one under its own name, wherever it lies.
        if (link.Use == LinkUse.Inside && !isRelation) AddLinkRow(path, status, link.Target);
        else if (Add(path, link.Status, link.Target) && link.Status.Type == EntryType.Folder) Walk(path, link.Real, cancellationToken);
    }

    // The server makes what belongs into these; that they exist, and whose they are, is part of the backup. pg_wal may be a link to another disk, and
    // stays one; the others become folders, as pg_basebackup has it.
    private void AddKeptEmpty(byte[] path, EntryStatus status, bool isWal)
    {
        if (status.Type == EntryType.Link && isWal)
        {
            AddLink(path, status);
            return;
        }
        if (status.Type == EntryType.Link) status = FollowedLinks.Follow(Below(root, path)).Status ?? status with { Mode = 0x1C0 };
        _files.Add(FileId.FromPath(path, versionDirectory), Facts(FileKind.Directory, status));
        if (isWal && _unreadable.Status(Below(root, ArchiveStatus)) is { Type: EntryType.Folder } archive) Add(ArchiveStatus, archive);
    }

    private void AddTablespace(byte[] path, byte[] name, EntryStatus status, CancellationToken cancellationToken)
    {
        if (status.Type is not (EntryType.Link or EntryType.Folder) || !TryOid(name, out var oid))
        {
            warn($"{RawFiles.Display(path)} is no tablespace: it is not backed up");
            return;
        }
        if (status.Type == EntryType.Folder) Add(path, status);
        else
        {
            if (AddLink(path, status) is null) return;
            if (_unreadable.Status(Below(root, path), follow: true) is { Type: EntryType.Folder } target)
                _files.Add(FileId.OfTablespace(oid), Facts(FileKind.Directory, target));
        }
        var own = Below(path, _versionDirectory);
        var ours = _unreadable.Status(Below(root, own));
        if (ours is { Type: EntryType.Link } link) AddFollowed(own, link, cancellationToken);
        if (ours is not { Type: EntryType.Folder } folder) return; // being dropped, or another major's alone
        Add(own, folder);
        Walk(own, RawFiles.RealPath(Below(root, own)) ?? Below(root, own), cancellationToken);
    }

    private ConfigurationException CannotFollow(byte[] path, string? reason) => new(
        $"backing up {RawFiles.Display(root)}: {RawFiles.Display(path)} is a link, and cannot be followed: {reason}",
        "PostgreSQL needs what lies there: mend the link, or give the agent's user the right to enter the folders that it leads through");

    private byte[]? AddLink(byte[] path, EntryStatus status)
    {
        if (_links.TargetOf(path) is not { } target) return null;
        AddLinkRow(path, status, target);
        return target;
    }

    private bool Add(byte[] path, EntryStatus status, byte[]? link = null)
    {
        var id = FileId.FromPath(path, versionDirectory);
        var kind = status.Type == EntryType.Folder ? FileKind.Directory : id.IsRelation ? FileKind.Relation : FileKind.Other;
        // Whatever a folder's name looks like, it is no relation's file; PostgreSQL never makes one.
        if (kind == FileKind.Directory && id.IsRelation)
        {
            warn($"{RawFiles.Display(path)} is a folder where a relation's file belongs: it is not backed up");
            return false;
        }
        if (kind != FileKind.Directory) _unreadable.Examine(Below(root, path), status);
        _files.Add(id, Facts(kind, status) with { LinkTarget = link });
        return true;
    }

    private void AddOutside(byte[] path, EntryStatus status)
    {
        _unreadable.Examine(path, status);
        _files.Add(FileId.FromPath(path, versionDirectory), Facts(FileKind.Outside, status));
    }

    private FileFacts Facts(FileKind kind, EntryStatus status) =>
        new(kind, kind is FileKind.Directory ? 0 : status.Length, status.Mode, _accounts.User(status.User), _accounts.Group(status.Group), status.Modified);

    private RelationFileName?[]? Relations(byte[] folder, List<byte[]> names, out HashSet<uint> unlogged)
    {
        unlogged = [];
        if (!IsDatabase(folder)) return null;
        var relations = new RelationFileName?[names.Count];
        var prefix = Encoding.Latin1.GetString(folder) + "/";
        for (var i = 0; i < relations.Length; i++)
        {
            if (!RelationFileName.TryParse(prefix + Encoding.Latin1.GetString(names[i]), versionDirectory, out var name)) continue;
            relations[i] = name;
            if (name is { Fork: RelationFork.Init, IsTemporary: false }) unlogged.Add(name.RelFileNumber);
        }
        return relations;
    }

    // Temporary relations die with their session; unlogged ones are reset to their init fork after recovery (reinit.c).
    private static bool IsReset(RelationFileName? relation, HashSet<uint> unlogged) =>
        relation is { } name && (name.IsTemporary || name.Fork != RelationFork.Init && unlogged.Contains(name.RelFileNumber));

    private bool IsDatabase(ReadOnlySpan<byte> folder)
    {
        var slash = folder.LastIndexOf((byte)'/');
        if (slash < 0 || folder[(slash + 1)..].ContainsAnyExceptInRange((byte)'0', (byte)'9')) return false;
        var parent = folder[..slash];
        return parent.SequenceEqual("base"u8) || parent.StartsWith("pg_tblspc/"u8) && parent.EndsWith(_versionDirectory);
    }

    // CREATE TABLESPACE warns of a location inside the data directory, and allows it; pg_wal may lead to a folder there, too. Whatever the spelling: each is
    // read once, as what it is. Of a tablespace only this major's folder is one; what else lies beside it is not its.
    private void FindPlacesElsewhere()
    {
        // What may not be listed is found again, and counted, where it is walked.
        foreach (var name in new UnreadableFiles().Names(Below(root, Tablespaces)) ?? [])
            if (TryOid(name, out _)) _links.RegisterOwn(Below(Tablespaces, name), _versionDirectory);
        _links.RegisterOwn(Wal, []);
    }

    private static bool TryOid(ReadOnlySpan<byte> name, out uint oid) =>
        uint.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out oid) && name[0] != '0' && oid is not (RelationFileName.DefaultTablespace or RelationFileName.GlobalTablespace);

    private static byte[] Below(byte[] folder, byte[] name) => FollowedLinks.Below(folder, name);
}
