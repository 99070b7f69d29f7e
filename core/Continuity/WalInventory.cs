using System.Globalization;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Continuity;

/// <summary>A stretch of stored segments without a gap.</summary>
/// <param name="Range">Which.</param>
/// <param name="Bytes">What their blobs take, copies under <c>.{n}</c> included.</param>
/// <param name="LastStored">When the last of them was stored, by the store's clock.</param>
public readonly record struct StoredRange(WalRange Range, long Bytes, DateTimeOffset LastStored);

/// <summary>A blob of the WAL archive that is not a plain segment.</summary>
/// <param name="Name">Below <c>{s}/wal/</c>.</param>
/// <param name="Length">Bytes.</param>
public readonly record struct StoredExtra(string Name, long Length);

/// <summary>Blobs of one kind: how many, and the first <see cref="Kept"/> of them.</summary>
public sealed class StoredExtras
{
    /// <summary>How many are kept by name: whoever may create blobs must not be able to fill a reader's memory.</summary>
    public const int Kept = 1000;

    private readonly List<StoredExtra> _first = [];

    /// <summary>How many there are.</summary>
    public long Count { get; private set; }

    /// <summary>The first of them.</summary>
    public IReadOnlyList<StoredExtra> First => _first;

    internal void Add(StoredExtra extra)
    {
        Count++;
        if (_first.Count < Kept) _first.Add(extra);
    }
}

/// <summary>
/// What is stored of one history's WAL, from a listing alone: names and lengths, none of which was believed. Fed blob by blob, so that a
/// million segments take no more memory than their gaps.
/// </summary>
/// <param name="size">The cluster's segment size.</param>
public sealed class WalInventory(WalSegmentSize size)
{
    private readonly List<StoredRange> _ranges = [];
    private readonly SortedSet<uint> _histories = [];
    private Run? _run;

    /// <summary>The segment size.</summary>
    public WalSegmentSize Size => size;

    /// <summary>Unbroken stretches, by timeline, then start.</summary>
    public IReadOnlyList<StoredRange> Ranges
    {
        get
        {
            Close();
            return _ranges;
        }
    }

    /// <summary>Timelines whose history file is stored.</summary>
    public IEnumerable<TimelineId> Histories => _histories.Select(timeline => new TimelineId(timeline));

    /// <summary>Last segments of timelines that were left, incomplete.</summary>
    public StoredExtras Partial { get; } = new();

    /// <summary>Segments stored although they failed judgement.</summary>
    public StoredExtras Damaged { get; } = new();

    /// <summary>Blobs <c>{name}.{n}</c>: something was in the way of a name.</summary>
    public StoredExtras Alternates { get; } = new();

    /// <summary>Names that Holdfast does not make.</summary>
    public StoredExtras Foreign { get; } = new();

    /// <summary>Backup history files.</summary>
    public long BackupHistoryCount { get; private set; }

    /// <summary>Segments, each counted once.</summary>
    public long SegmentCount => Ranges.Sum(range => range.Range.SegmentCount);

    /// <summary>Bytes of all blobs.</summary>
    public long Bytes { get; private set; }

    /// <summary>Whether a name below <c>{s}/wal/</c> is, or lies beside, a segment's: its length tells the segment size.</summary>
    public static bool IsSegment(ReadOnlySpan<char> name) => SegmentPart(name) is { Length: WalSegmentName.Length };

    /// <summary>Adds a blob.</summary>
    /// <param name="name">Its name below <c>{s}/wal/</c>; names come in ordinal order, as a listing gives them.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="stored">When it was stored.</param>
    public void Add(string name, long length, DateTimeOffset stored)
    {
        Bytes += length;
        var extra = new StoredExtra(name, length);
        var file = SegmentPart(name);
        if (file.IsEmpty && name.Length >= 16 && TimelineHistory.TryParseFileName(name.AsSpan(0, 16), out var timeline)) AddHistory(extra, timeline, name.AsSpan(16));
        else if (file.Length < WalSegmentName.Length || !WalSegmentName.TryParse(file[..WalSegmentName.Length], size, out var segment)) Foreign.Add(extra);
        else AddBeside(extra, segment, file[WalSegmentName.Length..], stored);
    }

    private void AddHistory(StoredExtra extra, TimelineId timeline, ReadOnlySpan<char> suffix)
    {
        if (!suffix.IsEmpty && !IsAlternate(suffix))
        {
            Foreign.Add(extra);
            return;
        }
        _histories.Add(timeline.Value);
        if (!suffix.IsEmpty) Alternates.Add(extra);
    }

    private void AddBeside(StoredExtra extra, WalSegmentName segment, ReadOnlySpan<char> suffix, DateTimeOffset stored)
    {
        if (suffix.IsEmpty) AddSegment(segment, extra.Length, stored);
        else if (IsAlternate(suffix))
        {
            Alternates.Add(extra);
            AddSegment(segment, extra.Length, stored);
        }
        else if (suffix.StartsWith(".partial.")) Partial.Add(extra);
        else if (suffix.StartsWith(".damaged.")) Damaged.Add(extra);
        else if (suffix.EndsWith(".backup") && suffix.Length == 16) BackupHistoryCount++;
        else Foreign.Add(extra);
    }

    private void AddSegment(WalSegmentName segment, long length, DateTimeOffset stored)
    {
        if (_run is { } run && run.Timeline == segment.Timeline && segment.Number - run.Last <= 1)
        {
            _run = run with { Last = segment.Number, Bytes = run.Bytes + length, Stored = stored };
            return;
        }
        Close();
        _run = new Run(segment.Timeline, segment.Number, segment.Number, length, stored);
    }

    private void Close()
    {
        if (_run is not { } run) return;
        _run = null;
        var range = new WalRange(run.Timeline, new WalSegmentName(run.Timeline, run.First, size).Start, new WalSegmentName(run.Timeline, run.Last, size).End, (long)(run.Last - run.First) + 1);
        _ranges.Add(new StoredRange(range, run.Bytes, run.Stored));
    }

    /// <summary>What follows "{TLI}/{log hi}/", when it begins with a segment of that folder; else empty.</summary>
    private static ReadOnlySpan<char> SegmentPart(ReadOnlySpan<char> name) =>
        name.Length >= 18 + WalSegmentName.Length && name[8] == '/' && name[17] == '/' && name[..8].SequenceEqual(name[18..26]) && name[9..17].SequenceEqual(name[26..34])
        && WalSegmentName.LooksLikeSegment(name.Slice(18, WalSegmentName.Length))
            ? name[18..]
            : default;

    private static bool IsAlternate(ReadOnlySpan<char> suffix) =>
        suffix.Length is > 1 and < 6 && suffix[0] == '.' && suffix[1] != '0' && int.TryParse(suffix[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _);

    private readonly record struct Run(TimelineId Timeline, ulong First, ulong Last, long Bytes, DateTimeOffset Stored);
}
