using System.Runtime.InteropServices;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Backup;

/// <summary>
/// What a scan found, in the order of <see cref="FileId"/>: 60 bytes a relation's file, since a cluster may have a million of them and this list lives as
/// long as the backup. What reading finds out (length, CRC, that a file is gone) is noted here, too.
/// </summary>
internal sealed class ScannedFiles
{
    private const int ChunkSize = 4096;

    private readonly List<Row[]> _chunks = [];
    private readonly List<byte> _bytes = [];
    private readonly List<string> _names = [];
    private readonly Dictionary<string, ushort> _nameNumbers = new(StringComparer.Ordinal);
    private readonly string _versionDirectory;
    private int[] _order = [];

    /// <summary>An empty list.</summary>
    /// <param name="versionDirectory"><see cref="ControlFile.TablespaceVersionDirectory"/></param>
    public ScannedFiles(string versionDirectory) => _versionDirectory = versionDirectory;

    /// <summary>Rows, those of files that vanished included.</summary>
    public int Count { get; private set; }

    /// <summary>Bytes of all files, as they were when they were scanned.</summary>
    public long TotalBytes { get; private set; }

    /// <summary>Adds a row; its facts' CRC does not matter.</summary>
    public void Add(FileId id, FileFacts facts)
    {
        if (Count == _chunks.Count * ChunkSize) _chunks.Add(new Row[ChunkSize]);
        At(Count++) = new Row
        {
            Tablespace = id.Tablespace, Database = id.Database, Relation = id.Relation, Fork = (byte)id.Fork, Segment = id.Segment,
            Path = id.IsRelation ? -1 : Keep(id.Path), Link = facts.LinkTarget.IsEmpty ? -1 : Keep(facts.LinkTarget.Span),
            Kind = facts.Kind, Length = facts.Length, Modified = facts.Modified.Microseconds, Mode = (ushort)facts.Mode, Owner = Name(facts.Owner), Group = Name(facts.Group),
        };
        if (facts.HasContent) TotalBytes += facts.Length;
    }

    /// <summary>Sorts the rows; numbers of files are places in this order.</summary>
    public void Sort()
    {
        _order = [.. Enumerable.Range(0, Count)];
        _order.AsSpan().Sort(Compare);
    }

    /// <summary>The identity of a file.</summary>
    public FileId Id(int file)
    {
        ref var row = ref Of(file);
        if (row.Relation != 0) return FileId.Of(new RelationFileName(row.Tablespace, row.Database, row.Relation, (RelationFork)row.Fork, row.Segment));
        if (row.Tablespace == 0) return FileId.FromPath(Kept(row.Path), _versionDirectory);
        var below = Kept(row.Path);
        return below.IsEmpty ? FileId.OfTablespace(row.Tablespace) : FileId.FromPath([.. System.Text.Encoding.ASCII.GetBytes($"pg_tblspc/{row.Tablespace}/"), .. below], _versionDirectory);
    }

    /// <summary>Whether it has bytes to read.</summary>
    public bool HasContent(int file) => Of(file).Kind is FileKind.Relation or FileKind.Other or FileKind.Outside;

    /// <summary>What it is.</summary>
    public FileKind Kind(int file) => Of(file).Kind;

    /// <summary>Bytes: when it was scanned, and, after <see cref="Note"/>, as backed up.</summary>
    public long Length(int file) => Of(file).Length;

    /// <summary>Whether it was gone before a byte of it was read: it is not in the backup.</summary>
    public bool IsGone(int file) => Of(file).IsGone;

    /// <summary>What was read of a file.</summary>
    public void Note(int file, long length, uint crc32C)
    {
        ref var row = ref Of(file);
        (row.Length, row.Crc32C) = (length, crc32C);
    }

    /// <summary>The file vanished before a byte of it was read.</summary>
    public void NoteGone(int file) => Of(file).IsGone = true;

    /// <summary>The facts as the list of files has them.</summary>
    public FileFacts Facts(int file)
    {
        ref var row = ref Of(file);
        return new FileFacts(row.Kind, row.Length, row.Mode, _names[row.Owner], _names[row.Group], new PostgresTime(row.Modified), row.Crc32C,
            row.Link < 0 ? default : Kept(row.Link).ToArray());
    }

    private ref Row At(int index) => ref _chunks[index / ChunkSize][index % ChunkSize];

    private ref Row Of(int file) => ref At(_order[file]);

    private int Compare(int left, int right)
    {
        ref var a = ref At(left);
        ref var b = ref At(right);
        var order = a.Tablespace.CompareTo(b.Tablespace);
        if (order == 0) order = a.Database.CompareTo(b.Database);
        if (order == 0) order = a.Relation.CompareTo(b.Relation);
        if (order == 0) order = a.Fork.CompareTo(b.Fork);
        if (order == 0) order = a.Segment.CompareTo(b.Segment);
        return order != 0 || a.Relation != 0 ? order : Kept(a.Path).SequenceCompareTo(Kept(b.Path));
    }

    // Length (2), then the bytes.
    private int Keep(ReadOnlySpan<byte> bytes)
    {
        var at = _bytes.Count;
        _bytes.Add((byte)bytes.Length);
        _bytes.Add((byte)(bytes.Length >> 8));
        _bytes.AddRange(bytes);
        return at;
    }

    private ReadOnlySpan<byte> Kept(int at)
    {
        var bytes = CollectionsMarshal.AsSpan(_bytes)[at..];
        return bytes.Slice(2, bytes[0] | bytes[1] << 8);
    }

    private ushort Name(string name)
    {
        if (_nameNumbers.TryGetValue(name, out var number)) return number;
        _names.Add(name);
        return _nameNumbers[name] = checked((ushort)(_names.Count - 1));
    }

    private struct Row
    {
        public long Length, Modified;
        public uint Tablespace, Database, Relation, Segment, Crc32C;
        public int Path, Link;
        public ushort Mode, Owner, Group;
        public byte Fork;
        public FileKind Kind;
        public bool IsGone;
    }
}
