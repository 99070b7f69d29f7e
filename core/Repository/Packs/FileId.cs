using System.Globalization;
using System.Text;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// Which file of a backup: a relation's (tablespace, database, relation, fork, segment), or, with relation 0, one known by its raw path below a
/// place: PGDATA (tablespace 0), a tablespace's folder (its OID), or nothing (an absolute path, a file outside PGDATA). A file has one
/// identity only, so a path never names what numbers can. Ordered by the numbers, then by the path's bytes: the order of all tables of files.
/// </summary>
public readonly struct FileId : IEquatable<FileId>, IComparable<FileId>
{
    /// <summary>Longest path, bytes (PATH_MAX without its terminator).</summary>
    public const int MaxPath = 4095;

    private readonly byte[]? _path;

    private FileId(uint tablespace, byte[] path) => (Tablespace, _path) = (tablespace, path);

    private FileId(RelationFileName name) =>
        (Tablespace, Database, Relation, Fork, Segment) = (name.Tablespace, name.Database, name.RelFileNumber, name.Fork, name.Segment);

    /// <summary>1663 for base, 1664 for global, else the tablespace's OID; 0: PGDATA, or an absolute path.</summary>
    public uint Tablespace { get; }

    /// <summary>OID; 0 in global, and for what has a path.</summary>
    public uint Database { get; }

    /// <summary>The number in a relation's file name; 0 for what has a path.</summary>
    public uint Relation { get; }

    /// <summary>A relation's fork.</summary>
    public RelationFork Fork { get; }

    /// <summary>A relation's segment.</summary>
    public uint Segment { get; }

    /// <summary>Raw bytes below the place, with slashes between the parts; empty for the place itself, and for relations.</summary>
    public ReadOnlySpan<byte> Path => _path;

    /// <summary>Whether it is a file of a relation.</summary>
    public bool IsRelation => Relation != 0;

    /// <summary>Whether it lies outside PGDATA and the tablespaces, at an absolute path.</summary>
    public bool IsOutside => _path is [(byte)'/', ..];

    /// <summary>The identity of a relation's file.</summary>
    /// <exception cref="ArgumentException">A temporary relation's.</exception>
    public static FileId Of(RelationFileName name) =>
        name.IsTemporary ? throw new ArgumentException("files of temporary relations are not backed up", nameof(name)) : new FileId(name);

    /// <summary>The identity of what has that path below PGDATA; an absolute path is outside.</summary>
    /// <param name="path">Raw bytes, slashes between the parts, none at the end; empty: PGDATA itself.</param>
    /// <param name="tablespaceVersionDirectory">As <see cref="RelationFileName.TryParse"/> takes it.</param>
    /// <exception cref="ArgumentException">No path that a backup may hold.</exception>
    public static FileId FromPath(ReadOnlySpan<byte> path, string tablespaceVersionDirectory)
    {
        if (TryRelation(path, tablespaceVersionDirectory, out var name)) return Of(name);
        if (path is [.., (byte)'/']) throw new ArgumentException("a path ends with a slash", nameof(path));
        var id = InTablespace(path, out var oid, out var below) ? new FileId(oid, below.ToArray()) : new FileId(0, path.ToArray());
        return id.Fault() is { } fault ? throw new ArgumentException(fault, nameof(path)) : id;
    }

    /// <summary>As the other, for text.</summary>
    /// <exception cref="ArgumentException">No path that a backup may hold.</exception>
    public static FileId FromPath(string path, string tablespaceVersionDirectory) => FromPath(Encoding.UTF8.GetBytes(path), tablespaceVersionDirectory);

    /// <summary>The folder of a tablespace, where its link in pg_tblspc leads: what its owner and mode are told by.</summary>
    public static FileId OfTablespace(uint oid) => new(oid, []);

    /// <summary>The path below PGDATA, or the absolute one.</summary>
    public byte[] ToPath(string tablespaceVersionDirectory)
    {
        if (IsRelation) return Encoding.ASCII.GetBytes(new RelationFileName(Tablespace, Database, Relation, Fork, Segment).ToPath(tablespaceVersionDirectory));
        if (Tablespace == 0) return Path.ToArray();
        var link = Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"pg_tblspc/{Tablespace}"));
        return Path.IsEmpty ? link : [.. link, (byte)'/', .. Path];
    }

    /// <summary>For people: the path; a tablespace's version directory is left out, bytes that are not UTF-8 are replaced.</summary>
    public override string ToString() => Encoding.UTF8.GetString(ToPath("*"));

    /// <inheritdoc/>
    public int CompareTo(FileId other)
    {
        var order = Tablespace.CompareTo(other.Tablespace);
        if (order == 0) order = Database.CompareTo(other.Database);
        if (order == 0) order = Relation.CompareTo(other.Relation);
        if (order == 0) order = ((uint)Fork).CompareTo((uint)other.Fork);
        if (order == 0) order = Segment.CompareTo(other.Segment);
        return order != 0 ? order : Path.SequenceCompareTo(other.Path);
    }

    /// <inheritdoc/>
    public bool Equals(FileId other) =>
        Relation == other.Relation && Segment == other.Segment && Tablespace == other.Tablespace && Database == other.Database && Fork == other.Fork
        && Path.SequenceEqual(other.Path);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FileId other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.Add(Tablespace);
        hash.Add(Database);
        hash.Add(Relation);
        hash.Add((uint)Fork << 24 ^ Segment);
        hash.AddBytes(Path);
        return hash.ToHashCode();
    }

    /// <summary>The same file.</summary>
    public static bool operator ==(FileId left, FileId right) => left.Equals(right);

    /// <summary>Another file.</summary>
    public static bool operator !=(FileId left, FileId right) => !left.Equals(right);

    /// <summary>Before, in the order of tables.</summary>
    public static bool operator <(FileId left, FileId right) => left.CompareTo(right) < 0;

    /// <summary>After, in the order of tables.</summary>
    public static bool operator >(FileId left, FileId right) => left.CompareTo(right) > 0;

    /// <summary>Not after.</summary>
    public static bool operator <=(FileId left, FileId right) => left.CompareTo(right) <= 0;

    /// <summary>Not before.</summary>
    public static bool operator >=(FileId left, FileId right) => left.CompareTo(right) >= 0;

    /// <summary>The identity that the columns of a table give; <paramref name="fault"/> says why there is none.</summary>
    internal static FileId FromColumns(uint tablespace, uint database, uint relation, uint fork, uint segment, byte[] path, out string? fault)
    {
        if (relation == 0)
        {
            var id = new FileId(tablespace, path);
            fault = database != 0 || fork != 0 || segment != 0 ? "a file known by its path has the numbers of a relation" : id.Fault();
            return id;
        }
        var isGlobal = tablespace == RelationFileName.GlobalTablespace;
        fault = tablespace == 0 || fork > (uint)RelationFork.Init || segment > RelationFileName.MaxSegment || isGlobal != (database == 0)
            ? $"no relation's file is {tablespace}/{database}/{relation}, fork {fork}, segment {segment}" : null;
        return new FileId(new RelationFileName(tablespace, database, relation, (RelationFork)fork, segment));
    }

    /// <summary>Why this path must not be in a backup; null when it may.</summary>
    private string? Fault()
    {
        if (Tablespace is RelationFileName.DefaultTablespace or RelationFileName.GlobalTablespace) return "a path in base or global is one below PGDATA";
        if (Path.Length > MaxPath) return $"a path has {Path.Length} bytes, at most {MaxPath} are allowed";
        if (IsOutside && Tablespace != 0) return "a path in a tablespace is absolute";
        if (Path.IsEmpty) return null;
        if (Path.Contains((byte)0)) return "a path has a zero byte";
        var rest = IsOutside ? Path[1..] : Path;
        foreach (var part in rest.Split((byte)'/'))
            if (rest[part] is [] or [(byte)'.'] or [(byte)'.', (byte)'.']) return $"path \"{this}\" has a part that is empty, \".\" or \"..\"";
        if (Tablespace == 0 ? InTablespace(Path, out _, out _) || TryRelation(Path, "", out _) : IsRelationBelow(Path))
            return $"path \"{this}\" is of a file that numbers identify";
        return null;
    }

    private static bool TryRelation(ReadOnlySpan<byte> path, string versionDirectory, out RelationFileName name)
    {
        name = default;
        if (path.Length > 256 || !(path.StartsWith("base/"u8) || path.StartsWith("global/"u8) || path.StartsWith("pg_tblspc/"u8))) return false;
        return RelationFileName.TryParse(Encoding.Latin1.GetString(path), versionDirectory, out name);
    }

    // Whatever the version directory is called: it is the first part.
    private static bool IsRelationBelow(ReadOnlySpan<byte> path) =>
        path.IndexOf((byte)'/') is var slash and > 0 && path.Length <= 256
        && RelationFileName.TryParse("pg_tblspc/1/" + Encoding.Latin1.GetString(path), Encoding.Latin1.GetString(path[..slash]), out _);

    private static bool InTablespace(ReadOnlySpan<byte> path, out uint oid, out ReadOnlySpan<byte> below)
    {
        oid = 0;
        below = default;
        if (!path.StartsWith("pg_tblspc/"u8)) return false;
        var rest = path["pg_tblspc/".Length..];
        var slash = rest.IndexOf((byte)'/');
        if (slash <= 0 || rest[0] == '0' || !uint.TryParse(rest[..slash], NumberStyles.None, CultureInfo.InvariantCulture, out oid)) return false;
        if (oid is RelationFileName.DefaultTablespace or RelationFileName.GlobalTablespace) return false;
        below = rest[(slash + 1)..];
        return true;
    }
}
