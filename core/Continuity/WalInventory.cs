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

    internal void AddUnnamed(long count) => Count += count;
}

/// <summary>
/// What is stored of one history's WAL, from a listing alone: names and lengths, none of which was believed. Fed blob by blob, so that a
/// million segments take no more memory than their gaps.
/// </summary>
public sealed class WalInventory
{
    private readonly List<StoredRange> _ranges = [];
    private readonly SortedSet<uint> _histories = [];

    // One for each segment size: where it changes, names of both are mingled.
    private readonly Dictionary<WalSegmentSize, Run> _runs = [];
    private WalSegmentName? _named;

    /// <summary>The segment size of the newest stretch; <see cref="WalSegmentSize.Default"/> while nothing is stored.</summary>
    public WalSegmentSize Size => Ranges is [.., var newest] ? newest.Range.Size : WalSegmentSize.Default;

    /// <summary>Unbroken stretches, by timeline, then start.</summary>
    public IReadOnlyList<StoredRange> Ranges
    {
        get
        {
            if (_runs.Count > 0)
            {
                foreach (var run in _runs.Values) Close(run);
                _runs.Clear();
                _ranges.Sort(ByPosition);
            }
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

    /// <summary>Whether a name below <c>{s}/wal/</c> is a segment's, or <c>{segment}.{n}</c>: what may be one, whatever its size.</summary>
    public static bool IsSegment(ReadOnlySpan<char> name) =>
        SegmentPart(name) is { Length: >= WalSegmentName.Length } file
        && (file.Length == WalSegmentName.Length || IsAlternate(file[WalSegmentName.Length..]));

    /// <summary>Whether the segment that has a position is stored.</summary>
    /// <param name="timeline">The timeline.</param>
    /// <param name="at">The position.</param>
    public bool Holds(TimelineId timeline, Lsn at) =>
        Ranges.Any(stored => stored.Range.Timeline == timeline && stored.Range.Start <= at && at < stored.Range.End);

    /// <summary>The segment size at a position, or where nothing is stored there, of what is stored before it; else the newest.</summary>
    /// <param name="timeline">The timeline.</param>
    /// <param name="at">The position.</param>
    public WalSegmentSize SizeAt(TimelineId timeline, Lsn at)
    {
        var before = Ranges.Where(stored => stored.Range.Timeline == timeline && stored.Range.Start <= at).ToList();
        return before.Count > 0 ? before[^1].Range.Size : Size;
    }

    /// <summary>Adds a folder of which all segments have one size; folders come in order.</summary>
    /// <param name="folder">Its names.</param>
    /// <param name="size">Their size.</param>
    public void Add(WalFolder folder, WalSegmentSize size)
    {
        foreach (var run in folder.Runs)
        {
            Bytes += run.Bytes;
            var last = Math.Min(run.Last, (uint)size.SegmentsPerLog - 1);
            if (run.First <= last) AddRun(Name(folder, run.First, size), last - run.First, run.Bytes, run.LastStored);
            for (long low = Math.Max(run.First, (long)size.SegmentsPerLog); low <= run.Last; low++)
                Foreign.Add(new StoredExtra(folder.Name((uint)low), 0));
        }
        foreach (var alternate in folder.Alternates) Alternates.Add(alternate);
        Alternates.AddUnnamed(folder.AlternateCount - folder.Alternates.Count);
    }

    /// <summary>Adds a blob that is in no folder of segments, or is none of them.</summary>
    /// <param name="name">Its name below <c>{s}/wal/</c>.</param>
    /// <param name="length">Its bytes.</param>
    public void AddOther(string name, long length)
    {
        if (!IsSegment(name))
        {
            Add(name, length, default, WalSegmentSize.Smallest);
            return;
        }
        Bytes += length;
        Foreign.Add(new StoredExtra(name, length));
    }

    /// <summary>Adds a blob.</summary>
    /// <param name="name">Its name below <c>{s}/wal/</c>; names come in ordinal order, as a listing gives them.</param>
    /// <param name="length">Its bytes.</param>
    /// <param name="stored">When it was stored.</param>
    /// <param name="size">Its size, if it is a segment.</param>
    public void Add(string name, long length, DateTimeOffset stored, WalSegmentSize size)
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
        if (suffix.IsEmpty)
        {
            _named = segment;
            AddSegment(segment, extra.Length, stored);
        }
        else if (IsAlternate(suffix))
        {
            if (Holds(segment) || !IsNamedAsOneOfAnotherSize(segment)) Alternates.Add(extra);
            AddSegment(segment, extra.Length, stored);
        }
        else if (suffix.StartsWith(".partial.")) Partial.Add(extra);
        else if (suffix.StartsWith(".damaged.")) Damaged.Add(extra);
        else if (IsBackupHistory(suffix)) BackupHistoryCount++;
        else Foreign.Add(extra);
    }

    private static WalSegmentName Name(WalFolder folder, uint low, WalSegmentSize size) =>
        WalSegmentName.Parse(WalSegmentName.In(folder.Name(low)), size);

    private void AddSegment(WalSegmentName segment, long length, DateTimeOffset stored) => AddRun(segment, 0, length, stored);

    private void AddRun(WalSegmentName first, uint more, long length, DateTimeOffset stored)
    {
        var last = first.Number + more;
        if (_runs.TryGetValue(first.Size, out var run))
        {
            if (run.Timeline == first.Timeline && first.Number - run.Last <= 1)
            {
                _runs[first.Size] = run with { Last = last, Bytes = run.Bytes + length, Stored = stored };
                return;
            }
            Close(run);
        }
        _runs[first.Size] = new Run(first.Timeline, first.Size, first.Number, last, length, stored);
    }

    /// <summary>Then it is a segment in its own right, and nothing that should not be there was in its way.</summary>
    private bool IsNamedAsOneOfAnotherSize(WalSegmentName segment) =>
        _named is { } named && named.Size != segment.Size && named.ToString() == segment.ToString();

    private bool Holds(WalSegmentName segment) =>
        _runs.TryGetValue(segment.Size, out var run) && run.Timeline == segment.Timeline
        && run.First <= segment.Number && segment.Number <= run.Last;

    private void Close(Run run)
    {
        var (first, last) = (new WalSegmentName(run.Timeline, run.First, run.Size), new WalSegmentName(run.Timeline, run.Last, run.Size));
        var range = new WalRange(run.Timeline, first.Start, last.End, (long)(run.Last - run.First) + 1);
        _ranges.Add(new StoredRange(range, run.Bytes, run.Stored));
    }

    private static int ByPosition(StoredRange left, StoredRange right)
    {
        var (a, b) = (left.Range, right.Range);
        return new WalPosition(a.Timeline, a.Start).CompareTo(new WalPosition(b.Timeline, b.Start));
    }

    /// <summary>What follows "{TLI}/{log hi}/", when it begins with a segment of that folder; else empty.</summary>
    private static ReadOnlySpan<char> SegmentPart(ReadOnlySpan<char> name) =>
        name.Length >= 18 + WalSegmentName.Length && name[8] == '/' && name[17] == '/' && name[..8].SequenceEqual(name[18..26]) && name[9..17].SequenceEqual(name[26..34])
        && WalSegmentName.LooksLikeSegment(name.Slice(18, WalSegmentName.Length))
            ? name[18..]
            : default;

    private static bool IsAlternate(ReadOnlySpan<char> suffix) =>
        suffix.Length is > 1 and < 6 && suffix[0] == '.' && suffix[1] != '0' && int.TryParse(suffix[1..], NumberStyles.None, CultureInfo.InvariantCulture, out _);

    /// <summary>{offset}.backup, also beside one of the same name.</summary>
    private static bool IsBackupHistory(ReadOnlySpan<char> suffix) =>
        suffix.Length >= 16 && suffix[..16].EndsWith(".backup") && (suffix.Length == 16 || IsAlternate(suffix[16..]));

    private readonly record struct Run(
        TimelineId Timeline, WalSegmentSize Size, ulong First, ulong Last, long Bytes, DateTimeOffset Stored);
}
