using System.Collections.Concurrent;
using System.Formats.Tar;
using System.Globalization;
using Holdfast.Core.Postgres;
using ZstdSharp;

namespace Holdfast.Tests.Core.Postgres;

/// <summary>One major version's archive of tests/golden, unpacked in memory.</summary>
public sealed class GoldenWal
{
    private static readonly ConcurrentDictionary<int, Lazy<GoldenWal>> Opened = new();
    private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    private GoldenWal(int major)
    {
        Major = major;
        using var file = File.OpenRead(Path.Combine(AppContext.BaseDirectory, "golden", $"wal-{major}.tar.zst"));
        using var tar = new TarReader(new DecompressionStream(file));
        while (tar.GetNextEntry() is { } entry)
        {
            if (entry.DataStream is null) continue;
            var bytes = new byte[entry.Length];
            entry.DataStream.ReadExactly(bytes);
            _files[entry.Name.Replace("./", "", StringComparison.Ordinal)] = bytes;
        }
    }

    public static TheoryData<int> Majors => [14, 15, 16, 17, 18];

    public int Major { get; }

    public WalSegmentSize SegmentSize { get; } = new(1 << 20);

    /// <summary>From pg_controldata.</summary>
    public SystemIdentifier SystemIdentifier
    {
        get
        {
            var line = System.Text.Encoding.UTF8.GetString(this["controldata.txt"]).Split('\n').First(l => l.StartsWith("Database system identifier:", StringComparison.Ordinal));
            return SystemIdentifier.Parse(line[(line.IndexOf(':') + 1)..].Trim());
        }
    }

    /// <summary>The file's content.</summary>
    public byte[] this[string path] => _files[path];

    public static GoldenWal Open(int major) => Opened.GetOrAdd(major, m => new Lazy<GoldenWal>(() => new GoldenWal(m))).Value;

    /// <summary>Paths below a folder, in ordinal order.</summary>
    public IEnumerable<string> Under(string folder) => _files.Keys.Where(path => path.StartsWith(folder + "/", StringComparison.Ordinal));

    /// <summary>The complete segments of a timeline, in order.</summary>
    public List<(WalSegmentName Name, byte[] Bytes)> Segments(uint timeline) =>
    [
        .. from path in Under("wal")
           let file = path[4..]
           where WalSegmentName.LooksLikeSegment(file)
           let name = WalSegmentName.Parse(file, SegmentSize)
           where name.Timeline.Value == timeline
           orderby name.Number
           select (name, _files[path]),
    ];

    /// <summary>The segment that timeline 1 ends in.</summary>
    public (WalSegmentName Name, byte[] Bytes) Partial()
    {
        var path = Under("wal").Single(p => p.EndsWith(".partial", StringComparison.Ordinal));
        return (WalSegmentName.Parse(path.AsSpan(4, WalSegmentName.Length), SegmentSize), _files[path]);
    }

    /// <summary>pg_waldump's rows of a timeline.</summary>
    public IEnumerable<WaldumpRow> Waldump(uint timeline)
    {
        using var reader = new StreamReader(new MemoryStream(this[$"waldump-{timeline:X8}.txt"]));
        WaldumpRow? row = null;
        while (reader.ReadLine() is { } line)
        {
            if (line.StartsWith("\tblkref", StringComparison.Ordinal)) row!.Blocks.Add(line.TrimStart());
            if (!line.StartsWith("rmgr: ", StringComparison.Ordinal)) continue;
            if (row is not null) yield return row;
            row = WaldumpRow.Parse(line);
        }
        if (row is not null) yield return row;
    }
}

/// <summary>A record as pg_waldump prints it.</summary>
public sealed record WaldumpRow(string ResourceManager, uint TotalLength, uint Xid, Lsn Lsn, Lsn Previous, string Description, List<string> Blocks)
{
    public static WaldumpRow Parse(string line)
    {
        string Between(string from, string to)
        {
            var start = line.IndexOf(from, StringComparison.Ordinal) + from.Length;
            return line[start..line.IndexOf(to, start, StringComparison.Ordinal)].Trim();
        }
        return new WaldumpRow(
            Between("rmgr: ", " len"), uint.Parse(Between("tot):", ", tx:").Split('/')[1], CultureInfo.InvariantCulture),
            uint.Parse(Between("tx:", ","), CultureInfo.InvariantCulture), Lsn.Parse(Between("lsn: ", ",")), Lsn.Parse(Between("prev ", ",")),
            line[(line.IndexOf("desc: ", StringComparison.Ordinal) + 6)..].Trim(), []);
    }
}
