using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Where a host says it is, from its heartbeat. A hint: what it names is looked for, not believed.</summary>
/// <param name="Timeline">Its timeline.</param>
/// <param name="ArchivedTo">The end of the last segment it archived; null when it said none.</param>
public readonly record struct ArchivingHint(TimelineId Timeline, Lsn? ArchivedTo);

/// <summary>
/// Follows an archive as it grows, and proves that it replays from a position on: each new segment is there, counts, and joins the one before. A look costs one or two listings, and one
/// ranged read for each new segment. Keeps one segment's end. Timelines are joined by position and records, since only a content key
/// opens a history file: the first stored segment of a timeline that counts repeats the older one's bytes up to the switch, so it must
/// carry on the older one's segment before, and what is missing between them is a gap.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="keyring">Holds an index key.</param>
/// <param name="system">The history.</param>
/// <param name="from">The first segment: that of a backup's start.</param>
public sealed class WalChainWatch(IObjectStore data, Keyring keyring, SystemIdentifier system, WalSegmentName from)
{
    private const int ReadAhead = 8;

    // Each is looked for again at every look.
    private const int GapsRevisited = 16;

    // Of which timeline a segment number is read: each the first segment of a timeline on the way, in order.
    private readonly List<WalSegmentName> _way = [from];
    private readonly List<WalBreak> _earlier = [];
    private WalChainVerifier _verifier = new([]);

    // The verifier was fed nothing, so it cannot know that something is missing before the first.
    private bool _isFresh = true;

    /// <summary>The first segment.</summary>
    public WalSegmentName From { get; } = from;

    /// <summary>The segment that is waited for.</summary>
    public WalSegmentName Next { get; private set; } = from;

    /// <summary>Places where WAL does not replay on.</summary>
    public long BreakCount => _earlier.Count + _verifier.BreakCount;

    /// <summary>The first of them.</summary>
    public IReadOnlyList<WalBreak> Breaks => [.. _earlier, .. _verifier.Breaks];

    /// <summary>WAL before this position is there and replays, from <see cref="From"/> on.</summary>
    public Lsn ReplaysTo => Breaks is [var first, ..] ? first.At : Next.Start;

    /// <summary>Looks at what was stored since the last look.</summary>
    /// <param name="trust">Judges signers.</param>
    /// <param name="hint">Where the host says it is; null when it is silent.</param>
    /// <param name="limit">Most segments to read.</param>
    /// <param name="cancellationToken">Cancels; the next look goes on.</param>
    /// <returns>Whether there is more to read now.</returns>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<bool> LookAsync(ISignerTrust trust, ArchivingHint? hint, int limit, CancellationToken cancellationToken)
    {
        var reader = new WalIndexReader(data, trust, keyring, system);
        if (await FilledGapAsync(reader, cancellationToken).ConfigureAwait(false) is { } filled) GoBackTo(filled);
        while (limit > 0)
        {
            var (before, read) = (Next, 0);
            foreach (var place in Places(hint))
            {
                read += await ReadFolderAsync(reader, place, limit - read, cancellationToken).ConfigureAwait(false);
                if (Next != before) break;
            }
            if (Next == before && !await FollowSwitchAsync(reader, hint, cancellationToken).ConfigureAwait(false)) return false;
            limit -= read;
        }
        return true;
    }

    /// <summary>Reads what a folder has from the next segment on; how many names that were.</summary>
    private async Task<int> ReadFolderAsync(WalIndexReader reader, WalSegmentName place, int limit, CancellationToken cancellationToken)
    {
        var stored = await ListAsync(BlobNames.WalFolder(system, place), Next, Math.Max(1, limit), cancellationToken).ConfigureAwait(false);
        foreach (var some in stored.Chunk(ReadAhead))
        {
            var readings = await Task.WhenAll(some.Select(one => reader.ReadAsync(one, _ => { }, cancellationToken))).ConfigureAwait(false);
            foreach (var reading in readings) Take(reading);
        }
        return stored.Count;
    }

    private void Take(SegmentReading reading)
    {
        // The name is that of a segment of another size (pg_resetwal): this one may still come.
        if (reading.IsAbsent) return;
        if (_isFresh && reading.Segment.Number > Next.Number)
        {
            var last = reading.Segment.Number - 1;
            _earlier.Add(WalBreak.Gap(Next, Next with { Number = last }));
        }
        _isFresh = false;
        if (reading.Summary is { } summary) _verifier.Add(summary);
        else _verifier.AddUnusable(reading.Segment, reading.Problem!);
        Next = reading.Segment.Next;
    }

    /// <summary>From the segment before it, whose seam is to be judged, on: what follows is judged anew, and no more than that.</summary>
    private void GoBackTo(WalBreak gap)
    {
        StartAnew(Breaks.TakeWhile(found => found != gap), []);
        _way.RemoveAll(first => first.Timeline.Value > gap.First.Timeline.Value);
        if (_way.Count == 0) _way.Add(From);
        Next = gap.First.Timeline == From.Timeline && gap.First.Number <= From.Number ? From : gap.First with { Number = gap.First.Number - 1 };
    }

    private void StartAnew(IEnumerable<WalBreak> kept, IEnumerable<WalJoint> joints)
    {
        var earlier = kept.ToList();
        _earlier.Clear();
        _earlier.AddRange(earlier);
        _verifier = new WalChainVerifier(joints);
        _isFresh = true;
    }

    /// <summary>Where the next segments may be: in its folder, or else in the following one, or else where the host says it is.</summary>
    private List<WalSegmentName> Places(ArchivingHint? hint)
    {
        var perFolder = (ulong)From.Size.SegmentsPerLog;
        var places = new List<WalSegmentName> { Next, Next with { Number = (Next.Number / perFolder + 1) * perFolder } };
        if (hint is { ArchivedTo: { } end } said && said.Timeline == Next.Timeline && end > Next.End) places.Add(WalSegmentName.Containing(Next.Timeline, new Lsn(end.Value - 1), From.Size));
        return places;
    }

    /// <summary>Goes on with a later timeline that has segments; false when there is none.</summary>
    private async Task<bool> FollowSwitchAsync(WalIndexReader reader, ArchivingHint? hint, CancellationToken cancellationToken)
    {
        const uint Ahead = 16; // a timeline may be left before it ever archived; a host may say anything
        var last = Math.Clamp(hint?.Timeline.Value ?? 0, Next.Timeline.Value + 1, Next.Timeline.Value + Ahead);
        for (var timeline = new TimelineId(Next.Timeline.Value + 1); timeline.Value <= last; timeline = new TimelineId(timeline.Value + 1))
        {
            if (await FirstThatCountsAsync(reader, timeline, cancellationToken).ConfigureAwait(false) is not { } first) continue;
            if (first.Segment.Number > Next.Number) StartAnew(Breaks, []);
            else await CarryOnAsync(reader, first.Segment, cancellationToken).ConfigureAwait(false);
            _way.Add(first.Segment);
            Take(first);
            return true;
        }
        return false;
    }

    /// <summary>The first segment of a timeline that counts: no name alone leads away from where the watch is (I10).</summary>
    private async Task<SegmentReading?> FirstThatCountsAsync(WalIndexReader reader, TimelineId timeline, CancellationToken cancellationToken)
    {
        const int HeadsTried = 16;
        var folder = $"{BlobNames.WalPrefix(system)}{timeline.ToFileName()}/";
        var lowest = new WalSegmentName(timeline, 0, From.Size);
        var listed = await ListAsync(folder, lowest, HeadsTried, cancellationToken).ConfigureAwait(false);
        foreach (var segment in listed)
        {
            var reading = await reader.ReadAsync(segment, _ => { }, cancellationToken).ConfigureAwait(false);
            if (reading.Summary is not null) return reading;
        }
        return null;
    }

    /// <summary>
    /// Makes ready to judge a later timeline's first segment by the one before it, which was looked at. Segments that older timelines have from
    /// there on are off the way, and so is what was wrong with them.
    /// </summary>
    private async Task CarryOnAsync(WalIndexReader reader, WalSegmentName first, CancellationToken cancellationToken)
    {
        var parent = _way.FindLast(older => older.Number < first.Number);
        if (parent == default)
        {
            // It begins at or before the backup's start: there is nothing to join it to, and what was found stands.
            StartAnew(Breaks, []);
            Next = first;
            return;
        }
        var before = parent with { Number = first.Number - 1 };
        var reading = await reader.ReadAsync(before, _ => { }, cancellationToken).ConfigureAwait(false);
        var kept = Breaks.Where(found => found.First.Number < first.Number).Select(found => UpTo(found, before.Number));
        StartAnew(kept, [new WalJoint(before, first)]);
        _way.RemoveAll(older => older.Number >= first.Number);
        if (reading.Summary is { } summary) _verifier.Add(summary); // else it has been reported
        Next = first;
    }

    private static WalBreak UpTo(WalBreak found, ulong last) =>
        found.Last.Number <= last ? found : WalBreak.Gap(found.First, found.First with { Number = last });

    private async Task<IReadOnlyList<WalSegmentName>> ListAsync(string folder, WalSegmentName lowest, int most, CancellationToken cancellationToken)
    {
        var found = new List<WalSegmentName>();
        await foreach (var entry in data.ListAsync(folder, cancellationToken).ConfigureAwait(false))
        {
            // Copies (.1) and damaged ones come right behind their segment's own name.
            if (StoredSegments.SegmentOf(entry.Name, From.Size) is not { } segment || segment.Timeline != lowest.Timeline) continue;
            if (segment.Number < lowest.Number || (found.Count > 0 && found[^1].Number >= segment.Number)) continue;
            found.Add(segment);
            if (found.Count == most) break;
        }
        return found;
    }

    /// <summary>A gap whose first segment has come: on its own timeline, or, before a switch, on one in between of which nothing was stored.</summary>
    private async Task<WalBreak?> FilledGapAsync(WalIndexReader reader, CancellationToken cancellationToken)
    {
        foreach (var gap in Breaks.Where(found => found.Kind == WalBreakKind.Gap).Take(GapsRevisited))
        {
            for (var timeline = gap.First.Timeline.Value; timeline <= Next.Timeline.Value; timeline++)
            {
                var segment = gap.First with { Timeline = new TimelineId(timeline) };
                if (await IsThereAsync(reader, segment, cancellationToken).ConfigureAwait(false)) return gap;
            }
        }
        return null;
    }

    private async Task<bool> IsThereAsync(WalIndexReader reader, WalSegmentName segment, CancellationToken cancellationToken)
    {
        var properties = await data.GetPropertiesAsync(BlobNames.WalSegment(system, segment), cancellationToken).ConfigureAwait(false);
        return properties is not null && !(await reader.ReadAsync(segment, _ => { }, cancellationToken).ConfigureAwait(false)).IsAbsent;
    }
}
