using System.Buffers;
using System.Globalization;
using System.Text;

namespace Holdfast.Core.Postgres;

/// <summary>Where a tablespace was when the backup was taken.</summary>
/// <param name="Oid">The tablespace.</param>
/// <param name="RawPath">The target of its link in pg_tblspc as the file system has it: any bytes but NUL, which need not be UTF-8.</param>
public readonly record struct TablespaceLocation(uint Oid, ReadOnlyMemory<byte> RawPath)
{
    /// <summary>The path for people; bytes that are not UTF-8 show as replacement characters.</summary>
    public string DisplayPath => Encoding.UTF8.GetString(RawPath.Span);
}

/// <summary>
/// tablespace_map of PostgreSQL 14 to 18 (xlog.c, do_pg_backup_start; xlogrecovery.c, read_tablespace_map): a line for each tablespace, its OID, a
/// space and its path, in which a backslash stands before each line feed, carriage return and backslash.
/// </summary>
public sealed class TablespaceMap
{
    /// <summary>File name in PGDATA.</summary>
    public const string FileName = "tablespace_map";

    /// <summary>The largest file accepted, in bytes: thousands of tablespaces.</summary>
    public const int MaxBytes = 16 << 20;

    /// <summary>The longest path accepted, in bytes: PostgreSQL's MAXPGPATH less its terminator.</summary>
    public const int MaxPathBytes = 1023;

    private static readonly SearchValues<byte> Escaped = SearchValues.Create("\n\r\\"u8);

    private readonly SortedDictionary<uint, TablespaceLocation> _locations = [];

    /// <summary>A map of these tablespaces.</summary>
    /// <exception cref="DamagedException">An OID of zero or twice, or a path that is empty, too long or holds a NUL.</exception>
    public TablespaceMap(IEnumerable<TablespaceLocation> locations)
    {
        foreach (var location in locations) Add(location);
    }

    /// <summary>The tablespaces by ascending OID.</summary>
    public IReadOnlyCollection<TablespaceLocation> Locations => _locations.Values;

    /// <summary>Where a tablespace was; null when the map does not have it.</summary>
    public TablespaceLocation? this[uint oid] => _locations.TryGetValue(oid, out var location) ? location : null;

    /// <summary>Parses the file; an empty one has no tablespaces.</summary>
    /// <exception cref="DamagedException">Too long, cut short, or a malformed or repeated line.</exception>
    public static TablespaceMap Parse(ReadOnlySpan<byte> file)
    {
        if (file.Length > MaxBytes) throw new DamagedException($"tablespace_map has {file.Length} bytes, expected at most {MaxBytes}");
        var map = new TablespaceMap([]);
        var line = new ArrayBufferWriter<byte>(128);
        var escaped = false;
        foreach (var value in file)
        {
            if (escaped || !Escaped.Contains(value)) line.Write([value]);
            else if (value != '\\') EndLine(map, line);
            escaped = !escaped && value == '\\';
        }

        if (escaped || line.WrittenCount > 0) throw new DamagedException("tablespace_map ends in the middle of a line");
        return map;
    }

    /// <summary>The file as a server writes it.</summary>
    public byte[] Format()
    {
        var file = new ArrayBufferWriter<byte>(256);
        foreach (var (oid, path) in _locations.Values)
        {
            file.Write(Encoding.ASCII.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{oid} ")));
            foreach (var value in path.Span) file.Write(Escaped.Contains(value) ? [(byte)'\\', value] : [value]);
            file.Write("\n"u8);
        }

        return file.WrittenSpan.ToArray();
    }

    private static void EndLine(TablespaceMap map, ArrayBufferWriter<byte> line)
    {
        // A carriage return before the line feed leaves an empty line, which PostgreSQL skips as well.
        if (line.WrittenCount == 0) return;
        var text = line.WrittenSpan;
        var space = text.IndexOf((byte)' ');
        if (space <= 0 || text[0] == '0' || !uint.TryParse(text[..space], NumberStyles.None, CultureInfo.InvariantCulture, out var oid))
            throw new DamagedException($"tablespace_map has the line \"{Encoding.UTF8.GetString(text)}\", expected an OID, a space and a path");
        map.Add(new TablespaceLocation(oid, text[(space + 1)..].ToArray()));
        line.ResetWrittenCount();
    }

    private void Add(TablespaceLocation location)
    {
        if (location.Oid == 0) throw new DamagedException("tablespace_map names tablespace 0");
        if (location.RawPath.Length is 0 or > MaxPathBytes || location.RawPath.Span.Contains((byte)0))
            throw new DamagedException(
                $"tablespace {location.Oid} has a path of {location.RawPath.Length} bytes, expected 1 to {MaxPathBytes} without NUL");
        if (!_locations.TryAdd(location.Oid, location)) throw new DamagedException($"tablespace_map names tablespace {location.Oid} twice");
    }
}
