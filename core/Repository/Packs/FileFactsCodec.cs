using System.Text;
using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>Builds the columns of <see cref="Wire.FileTable"/> and <see cref="Wire.FileFacts"/> row by row.</summary>
internal sealed class FileRowsWriter
{
    private readonly Dictionary<string, uint> _names = new(StringComparer.Ordinal);
    private readonly List<byte> _kinds = [];

    public Wire.FileTable Files { get; } = new();

    public Wire.FileFacts Facts { get; } = new();

    public int Count => _kinds.Count;

    public FileId Last { get; private set; }

    /// <summary>About how many bytes the columns take.</summary>
    public long Size { get; private set; }

    public void Append(FileRow row)
    {
        var (id, facts) = row;
        if (Count > 0 && id <= Last) throw new ArgumentException($"files ascend: {id} comes after {Last}", nameof(row));
        if (FileFactsCodec.Fault(id, facts) is { } fault) throw new ArgumentException($"{id}: {fault}", nameof(row));
        FileTableCodec.Append(Files, id);
        var wasLink = facts.Kind != FileKind.Link && !facts.LinkTarget.IsEmpty;
        _kinds.Add((byte)((byte)facts.Kind | (wasLink ? FileFactsCodec.WasLink : 0)));
        Facts.Length.Add((ulong)facts.Length);
        Facts.Mode.Add(facts.Mode);
        Facts.Owner.Add(NameRow(facts.Owner));
        Facts.Group.Add(NameRow(facts.Group));
        Facts.Modified.Add(facts.Modified.Microseconds);
        Facts.Crc32C.Add(facts.Crc32C);
        if (!facts.LinkTarget.IsEmpty) Facts.LinkTarget.Add(ByteString.CopyFrom(facts.LinkTarget.Span));
        Last = id;
        Size += 40 + id.Path.Length + facts.LinkTarget.Length;
    }

    /// <summary>The facts, all columns set.</summary>
    public Wire.FileFacts FinishFacts()
    {
        Facts.Kind = ByteString.CopyFrom([.. _kinds]);
        return Facts;
    }

    private uint NameRow(string name)
    {
        if (_names.TryGetValue(name, out var row)) return row;
        _names.Add(name, row = (uint)_names.Count);
        Facts.Names.Add(name);
        return row;
    }
}

/// <summary>Facts of files as the columns of <see cref="Wire.FileFacts"/>, one row for each of the table of files.</summary>
internal static class FileFactsCodec
{
    /// <summary>Added to the byte of a kind: the name was a link, and what it led to is the row's content.</summary>
    public const byte WasLink = 0x80;

    private const int MaxName = 256;

    /// <summary>The rows.</summary>
    /// <exception cref="SealedObjectException">Columns differ in length, or a value is out of bounds.</exception>
    public static FileRow[] Decode(Wire.FileTable? files, Wire.FileFacts? facts)
    {
        var ids = FileTableCodec.Decode(files);
        facts ??= new Wire.FileFacts();
        var rows = ids.Length;
        if (facts.Kind.Length != rows || facts.Length.Count != rows || facts.Mode.Count != rows || facts.Owner.Count != rows || facts.Group.Count != rows
            || facts.Modified.Count != rows || facts.Crc32C.Count != rows || facts.LinkTarget.Count > rows)
            throw new SealedObjectException("the columns of its files' facts differ in length");
        var result = new FileRow[rows];
        var links = 0;
        for (var i = 0; i < rows; i++)
        {
            var kind = (FileKind)(facts.Kind[i] & ~WasLink);
            var hasTarget = kind == FileKind.Link || (facts.Kind[i] & WasLink) != 0;
            if (facts.Length[i] > FileFacts.MaxLength) throw new SealedObjectException($"file {ids[i]} claims {facts.Length[i]} bytes");
            if (hasTarget && links == facts.LinkTarget.Count) throw new SealedObjectException("it has fewer link targets than links");
            var fact = new FileFacts(kind, (long)facts.Length[i], facts.Mode[i], Name(facts, facts.Owner[i]), Name(facts, facts.Group[i]),
                new PostgresTime(facts.Modified[i]), facts.Crc32C[i], hasTarget ? facts.LinkTarget[links++].Memory : default);
            if (hasTarget && fact.LinkTarget.IsEmpty) throw new SealedObjectException($"file {ids[i]}: its link leads to nothing");
            if (Fault(ids[i], fact) is { } fault) throw new SealedObjectException($"file {ids[i]}: {fault}");
            result[i] = new FileRow(ids[i], fact);
        }
        return links == facts.LinkTarget.Count ? result : throw new SealedObjectException("it has more link targets than links");
    }

    /// <summary>Why these cannot be the facts of that file; null when they can.</summary>
    public static string? Fault(FileId id, FileFacts facts)
    {
        if (!Enum.IsDefined(facts.Kind)) return $"its kind {(byte)facts.Kind} is unknown to this program";
        if ((facts.Kind == FileKind.Relation) != id.IsRelation || (facts.Kind == FileKind.Outside) != id.IsOutside) return $"it is no {facts.Kind}";
        if (facts.HasContent && !id.IsRelation && id.Path.IsEmpty) return "it is a directory, not a file";
        if (facts.Length is < 0 or > FileFacts.MaxLength || (!facts.HasContent && (facts.Length != 0 || facts.Crc32C != 0))) return $"a {facts.Kind} has {facts.Length} bytes";
        if (facts.Mode > 0xFFF) return $"it has the mode {facts.Mode}";
        if (!IsName(facts.Owner) || !IsName(facts.Group)) return "its owner or group is no name";
        if (facts.Kind == FileKind.Link ? facts.LinkTarget.IsEmpty : facts.Kind == FileKind.Outside && !facts.LinkTarget.IsEmpty)
            return $"a {facts.Kind} has a target of {facts.LinkTarget.Length} bytes";
        if (facts.LinkTarget.Length > FileId.MaxPath || facts.LinkTarget.Span.Contains((byte)0))
            return $"its link has a target of {facts.LinkTarget.Length} bytes, or one with a zero byte";
        return null;
    }

    private static bool IsName(string name) => name.Length <= MaxName && !name.Any(char.IsControl) && Encoding.UTF8.GetByteCount(name) <= MaxName;

    private static string Name(Wire.FileFacts facts, uint row) =>
        row < facts.Names.Count ? facts.Names[(int)row] : throw new SealedObjectException($"it names row {row} of {facts.Names.Count} names");
}
