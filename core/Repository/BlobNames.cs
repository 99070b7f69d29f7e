using System.Globalization;
using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// Names of blobs below their container (design §4). They are part of the repository's format: what was written under them must be found again.
/// </summary>
public static class BlobNames
{
    /// <summary>Most bytes of UTF-8 in a name (design §5); Azure allows 1,024 characters.</summary>
    public const int MaxBytes = 512;

    /// <summary>The largest number that keeps the log's names, of ten digits, in order.</summary>
    public const long MaxLogNumber = 9_999_999_999;

    private const int TagLength = 32;

    /// <summary><c>{s}/wal/</c>: the prefix of all WAL of one history.</summary>
    public static string WalPrefix(SystemIdentifier system) => $"{system}/wal/";

    /// <summary><c>{s}/wal/{TLI}/{log hi}/</c>: the prefix of the segments, and what lies beside them, in 4 GiB of a timeline.</summary>
    public static string WalFolder(SystemIdentifier system, WalSegmentName segment) =>
        $"{system}/wal/{segment.Timeline.ToFileName()}/{segment.LogFolder}/";

    /// <summary><c>{s}/wal/{TLI}/{log hi}/{segment}</c>.</summary>
    public static string WalSegment(SystemIdentifier system, WalSegmentName segment) => $"{WalFolder(system, segment)}{segment}";

    /// <summary><c>{s}/wal/{TLI}.history</c> (PostgreSQL's TLHistoryFileName).</summary>
    public static string WalHistory(SystemIdentifier system, TimelineId timeline) => $"{system}/wal/{timeline.ToFileName()}.history";

    /// <summary><c>…{segment}.{offset:X8}.backup</c>; the offset is the start LSN's within the segment (PostgreSQL's BackupHistoryFileName).</summary>
    public static string WalBackupHistory(SystemIdentifier system, WalSegmentName segment, uint offset) =>
        string.Create(CultureInfo.InvariantCulture, $"{WalSegment(system, segment)}.{offset:X8}.backup");

    /// <summary><c>…{segment}.partial.{tag}</c>: two promotions may leave two different ones, so the tag is in the name.</summary>
    /// <param name="system">The history.</param>
    /// <param name="segment">The segment that was not complete.</param>
    /// <param name="tag">32 bytes, written as 64 lower-case hexadecimal digits.</param>
    public static string WalPartial(SystemIdentifier system, WalSegmentName segment, ReadOnlySpan<byte> tag) =>
        $"{WalSegment(system, segment)}.partial.{TagText(tag)}";

    /// <summary><c>…{segment}.damaged.{tag}</c>: the true name stays free for a good copy from elsewhere (design §6).</summary>
    /// <param name="system">The history.</param>
    /// <param name="segment">The segment that failed judgement.</param>
    /// <param name="tag">32 bytes, written as 64 lower-case hexadecimal digits.</param>
    public static string WalDamaged(SystemIdentifier system, WalSegmentName segment, ReadOnlySpan<byte> tag) =>
        $"{WalSegment(system, segment)}.damaged.{TagText(tag)}";

    /// <summary><c>{s}/canary/{key}</c>: what <c>check</c> tries to overwrite, one for each host's key (I2).</summary>
    public static string Canary(SystemIdentifier system, KeyThumbprint key) => $"{system}/canary/{key}";

    /// <summary><c>{s}/backup/{label}/{attempt}/</c>: the prefix of everything one attempt at a backup stores.</summary>
    public static string BackupAttempt(SystemIdentifier system, BackupName backup, int attempt)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(attempt, 1);
        return string.Create(CultureInfo.InvariantCulture, $"{system}/backup/{backup}/{attempt}/");
    }

    /// <summary><c>…/pack/{worker}-{n}</c>, two and six digits.</summary>
    public static string Pack(string attempt, int worker, int number) => Numbered(attempt, "pack", worker, number);

    /// <summary><c>…/index/{worker}-{n}</c>: the extents of some packs of a worker.</summary>
    public static string BackupExtents(string attempt, int worker, int number) => Numbered(attempt, "index", worker, number);

    /// <summary><c>…/list/{n}</c>: a part of the list of files.</summary>
    public static string BackupFileList(string attempt, int number) => string.Create(CultureInfo.InvariantCulture, $"{attempt}list/{number:D6}");

    /// <summary><c>…/catalog/{n}</c>: a part of the catalog snapshot.</summary>
    public static string CatalogSnapshot(string attempt, int number) => string.Create(CultureInfo.InvariantCulture, $"{attempt}catalog/{number:D6}");

    /// <summary><c>…/files</c>: written last, the attempt is complete.</summary>
    public static string BackupFiles(string attempt) => attempt + "files";

    /// <summary><c>{s}/manifest/{label}</c>, in the catalog.</summary>
    public static string Manifest(SystemIdentifier system, BackupName backup) => $"{system}/manifest/{backup}";

    /// <summary><c>{s}/shard/{hash}</c>, in the catalog.</summary>
    public static string ManifestShard(SystemIdentifier system, Sha256Digest hash) => $"{system}/shard/{hash}";

    /// <summary><c>log/{n:D10}</c>.</summary>
    public static string Log(long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(number, MaxLogNumber);
        return string.Create(CultureInfo.InvariantCulture, $"log/{number:D10}");
    }

    /// <summary><c>job/{host}/{n}</c>, polled by exact name.</summary>
    public static string Job(string host, long number) => Mail("job", host, number);

    /// <summary><c>report/{host}/{n}</c>.</summary>
    public static string Report(string host, long number) => Mail("report", host, number);

    /// <summary><c>{name}.{n}</c> from 1, where the object goes when junk took the name; 0 is the name itself (§4, junk).</summary>
    public static string Alternate(string name, int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        return number == 0 ? name : string.Create(CultureInfo.InvariantCulture, $"{name}.{number}");
    }

    /// <summary>
    /// Whether a store takes the name: 1 to <see cref="MaxBytes"/> bytes of UTF-8, without control characters, backslashes, empty segments,
    /// and segments that end with a dot. URLs (RFC 3986, 5.2.4) and Azure would turn those into another name.
    /// </summary>
    public static bool IsValid(string name)
    {
        if (name.Length is 0 or > MaxBytes || Encoding.UTF8.GetByteCount(name) > MaxBytes) return false;
        foreach (var c in name)
            if (c == '\\' || c == '\uFFFD' || char.IsControl(c) || c is '\uFFFE' or '\uFFFF') return false;
        foreach (var part in name.AsSpan().Split('/'))
            if (name.AsSpan()[part] is "" or [.., '.']) return false;
        return HasWholeSurrogates(name);
    }

    /// <summary>Throws where <see cref="IsValid"/> is false; the name is then a fault of the caller.</summary>
    /// <exception cref="ArgumentException">No store takes it.</exception>
    public static void Validate(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        if (!IsValid(name)) throw new ArgumentException($"\"{name}\" cannot name a blob", nameof(name));
    }

    private static bool HasWholeSurrogates(string name)
    {
        foreach (var rune in name.EnumerateRunes())
            if (rune == Rune.ReplacementChar) return false;
        return true;
    }

    private static string Numbered(string attempt, string kind, int worker, int number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(worker);
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        return string.Create(CultureInfo.InvariantCulture, $"{attempt}{kind}/{worker:D2}-{number:D6}");
    }

    private static string Mail(string kind, string host, long number)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(number);
        if (host.Contains('/')) throw new ArgumentException($"\"{host}\" cannot name a host", nameof(host));
        var name = string.Create(CultureInfo.InvariantCulture, $"{kind}/{host}/{number}");
        Validate(name);
        return name;
    }

    private static string TagText(ReadOnlySpan<byte> tag) => tag.Length == TagLength
        ? Convert.ToHexStringLower(tag)
        : throw new ArgumentException($"a tag has {TagLength} bytes, not {tag.Length}", nameof(tag));
}
