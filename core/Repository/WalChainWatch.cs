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
/// ranged read for each new segment. Keeps one segment's end. What lies across a switch of timelines is not judged here: that takes the history file, which only a content key
/// opens (<c>holdfast info --verify</c>).
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

    private readonly List<WalBreak> _earlier = [];
    private WalChainVerifier _verifier = new([]);

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
            if (Next == before && !await FollowSwitchAsync(hint, cancellationToken).ConfigureAwait(false)) return false;
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
        if (reading.Summary is { } summary) _verifier.Add(summary);
        else _verifier.AddUnusable(reading.Segment, reading.Problem!);
        Next = reading.Segment.Next;
    }

    /// <summary>From the segment before it, whose seam is to be judged, on: what follows is judged anew, and no more than that.</summary>
    private void GoBackTo(WalBreak gap)
    {
        var before = Breaks.TakeWhile(found => found != gap).ToList();
        _earlier.Clear();
        _earlier.AddRange(before);
        _verifier = new WalChainVerifier([]);
        Next = gap.First.Timeline == From.Timeline && gap.First.Number <= From.Number ? From : gap.First with { Number = gap.First.Number - 1 };
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
    private async Task<bool> FollowSwitchAsync(ArchivingHint? hint, CancellationToken cancellationToken)
    {
        const uint Ahead = 16; // a timeline may be left before it ever archived; a host may say anything
        var last = Math.Clamp(hint?.Timeline.Value ?? 0, Next.Timeline.Value + 1, Next.Timeline.Value + Ahead);
        for (var timeline = new TimelineId(Next.Timeline.Value + 1); timeline.Value <= last; timeline = new TimelineId(timeline.Value + 1))
        {
            var lowest = new WalSegmentName(timeline, 0, From.Size);
            if (await ListAsync($"{BlobNames.WalPrefix(system)}{timeline.ToFileName()}/", lowest, 1, cancellationToken).ConfigureAwait(false) is not [var found]) continue;
            Next = found;
            return true;
        }
        return false;
    }

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

    private async Task<WalBreak?> FilledGapAsync(WalIndexReader reader, CancellationToken cancellationToken)
    {
        foreach (var gap in Breaks.Where(found => found.Kind == WalBreakKind.Gap).Take(GapsRevisited))
            if (await data.GetPropertiesAsync(BlobNames.WalSegment(system, gap.First), cancellationToken).ConfigureAwait(false) is not null
                && !(await reader.ReadAsync(gap.First, _ => { }, cancellationToken).ConfigureAwait(false)).IsAbsent) return gap;
        return null;
    }
}
