namespace Holdfast.Core.Postgres;

/// <summary>A record that crossed a seam between segments, whole and verified.</summary>
/// <param name="Start">Where it starts, in an earlier segment.</param>
/// <param name="End">Its aligned end, in the later segment.</param>
/// <param name="Previous">xl_prev.</param>
/// <param name="Xid">The transaction in its header; 0 for none.</param>
/// <param name="ResourceManager">Its resource manager.</param>
/// <param name="Info">xl_info.</param>
/// <param name="TotalLength">xl_tot_len.</param>
/// <param name="Facts">What it says; at most one fact.</param>
public sealed record WalCrossingRecord(
    Lsn Start, Lsn End, Lsn Previous, uint Xid, byte ResourceManager, byte Info, uint TotalLength, WalFacts Facts);

/// <summary>The later end of one or more stitched segments: all that the next seam needs to know.</summary>
public sealed class WalChainEnd
{
    /// <summary>The last segment.</summary>
    public required WalSegmentName Segment { get; init; }

    /// <summary>The cluster.</summary>
    public required SystemIdentifier? SystemIdentifier { get; init; }

    /// <summary>Its pages' magic.</summary>
    public required ushort PageMagic { get; init; }

    /// <summary>PostgreSQL's major version; null when it is newer than this code.</summary>
    public required int? Major { get; init; }

    /// <summary>The timeline of its last page.</summary>
    public required TimelineId Timeline { get; init; }

    /// <summary>Where valid WAL ends.</summary>
    public required Lsn ValidEnd { get; init; }

    /// <summary>The next segment carries on: WAL runs to the segment's end or to a switch record.</summary>
    public required bool ReachesNext { get; init; }

    /// <summary>
    /// The start of the last complete record, which the next record's xl_prev must name; <see cref="Lsn.Invalid"/> when the chain has not
    /// seen one.
    /// </summary>
    public required Lsn LastRecordStart { get; init; }

    /// <summary>
    /// What is there so far of a record that runs on into the next segment; null if none does. Its start is <see cref="Lsn.Invalid"/> when
    /// the chain begins in the middle of it.
    /// </summary>
    public required WalFragment? Pending { get; init; }

    /// <summary>The end of a chain of this one segment.</summary>
    public static WalChainEnd Of(WalSegmentSummary segment) => After(segment, segment.LastRecordStart, segment.Tail ?? PendingFrom(segment));

    /// <summary>The end of a chain that <paramref name="segment"/> was joined to.</summary>
    internal static WalChainEnd After(WalSegmentSummary segment, Lsn lastRecordStart, WalFragment? pending) => new()
    {
        Segment = segment.Segment,
        SystemIdentifier = segment.SystemIdentifier,
        PageMagic = segment.PageMagic,
        Major = segment.Major,
        Timeline = segment.LastPageTimeline,
        ValidEnd = segment.ValidEnd,
        ReachesNext = segment.EndsBySwitch || segment.ValidEnd == segment.Segment.End,
        LastRecordStart = lastRecordStart,
        Pending = pending,
    };

    /// <summary>The segment lies wholly inside a record whose beginning is not known.</summary>
    private static WalFragment? PendingFrom(WalSegmentSummary segment)
    {
        if (segment.Head is not { } head || head.Length == head.TotalLength || segment.OverwrittenRecord.IsValid) return null;
        return new WalFragment
        {
            Start = Lsn.Invalid,
            End = head.End,
            Length = head.Length,
            TotalLength = head.TotalLength,
            Bytes = head.Bytes,
            Crc = head.Crc,
        };
    }
}

/// <summary>What joining two neighbours proved.</summary>
/// <param name="End">The chain's end, for the next seam.</param>
/// <param name="Crossing">The record that crossed and is complete now; null if none did, it runs on, or its beginning is not known.</param>
/// <param name="Discarded">
/// The start of the record that a crash left open before the seam and that WAL says to forget; <see cref="Lsn.Invalid"/> if there is none.
/// </param>
/// <param name="IsProven">
/// Every record up to the chain's end is linked and verified. False when the chain began inside a record or with no record to link to, or
/// when the pages are of a PostgreSQL newer than this code.
/// </param>
public sealed record WalSeam(WalChainEnd End, WalCrossingRecord? Crossing, Lsn Discarded, bool IsProven);

/// <summary>
/// Proves that one segment carries on where its neighbour ends: same cluster, format and size; the next number; a timeline that does not
/// fall; the record across the seam, if there is one, whole by length and CRC-32C; and the first record's xl_prev. Pure.
/// <para>
/// For records that span three or more segments, hand the <see cref="WalSeam.End"/> of each join to the next. Across a switch of timelines,
/// the neighbour is the first segment of the new timeline whose number follows: it is a copy of the old one's WAL up to the switch point.
/// </para>
/// </summary>
public static class WalStitch
{
    /// <summary>Joins two neighbours.</summary>
    /// <exception cref="WalDamagedException">They are not neighbours in one history, or the record across the seam is damaged.</exception>
    public static WalSeam Join(WalSegmentSummary previous, WalSegmentSummary next) => Join(WalChainEnd.Of(previous), next, null);

    /// <summary>Joins the next segment to a chain.</summary>
    /// <exception cref="WalDamagedException">It does not carry the chain on, or the record across the seam is damaged.</exception>
    public static WalSeam Join(WalChainEnd previous, WalSegmentSummary next) => Join(previous, next, null);

    /// <summary>As <see cref="Join(WalChainEnd, WalSegmentSummary)"/>; <paramref name="visitor"/> sees the crossing record when it is whole.</summary>
    internal static WalSeam Join(WalChainEnd previous, WalSegmentSummary next, IWalRecordVisitor? visitor)
    {
        CheckNeighbours(previous, next);
        if (next.Major is null) return new WalSeam(WalChainEnd.Of(next), null, Lsn.Invalid, false);
        var pending = previous.Pending;
        if (next.OverwrittenRecord.IsValid) return Discard(previous, next);
        if (pending is null)
        {
            if (next.Head is not null) throw Damaged(next, $"continues a record, but the segment before ends with a whole one at {previous.ValidEnd}");
            return EndChain(next, previous.LastRecordStart, null, Lsn.Invalid);
        }
        if (next.Head is not { } head) throw Damaged(next, $"does not continue the record at {pending.Start}");
        if (head.TotalLength != pending.TotalLength - pending.Length)
            throw Damaged(next, $"{head.TotalLength} bytes are left of the record at {pending.Start}, expected {pending.TotalLength - pending.Length}");
        var merged = Merge(pending, head);
        if (head.Length < head.TotalLength)
            return new WalSeam(WalChainEnd.After(next, previous.LastRecordStart, merged), null, Lsn.Invalid, pending.Start.IsValid);
        if (!pending.Start.IsValid) return EndChain(next, Lsn.Invalid, null, Lsn.Invalid);
        var crossing = Verify(merged, previous.LastRecordStart, next, visitor);
        var seam = EndChain(next, crossing.Start, crossing, Lsn.Invalid);
        return seam with { IsProven = previous.LastRecordStart.IsValid };
    }

    private static void CheckNeighbours(WalChainEnd previous, WalSegmentSummary next)
    {
        var (from, to) = (previous.Segment, next.Segment);
        if (to.Size != from.Size || to.Number != from.Number + 1 || to.Timeline.CompareTo(from.Timeline) < 0)
            throw Damaged(next, $"does not follow segment {from}");
        if (next.SystemIdentifier != previous.SystemIdentifier)
            throw Damaged(next, $"system identifier is {next.SystemIdentifier}, expected {previous.SystemIdentifier} as in segment {from}");
        if (next.PageMagic != previous.PageMagic)
            throw Damaged(next, $"page magic is 0x{next.PageMagic:X4}, expected 0x{previous.PageMagic:X4} as in segment {from}");
        if (next.FirstPageTimeline.CompareTo(previous.Timeline) < 0)
            throw Damaged(next, $"timeline is {next.FirstPageTimeline}, expected at least {previous.Timeline} as at the end of segment {from}");
        if (!previous.ReachesNext) throw Damaged(next, $"WAL before it ends at {previous.ValidEnd}, within segment {from}");
    }

    /// <summary>After a crash in the middle of the crossing record: what was written of it is forgotten, by the record that says so.</summary>
    private static WalSeam Discard(WalChainEnd previous, WalSegmentSummary next)
    {
        var pending = previous.Pending;
        if (pending is null || pending.Start.IsValid && pending.Start != next.OverwrittenRecord)
            throw Damaged(next, $"overwrites the record at {next.OverwrittenRecord}, expected {(pending is null ? "none" : pending.Start)}");
        return EndChain(next, previous.LastRecordStart, null, next.OverwrittenRecord);
    }

    /// <summary>Links the next segment's first record to the last one before, and ends the chain with that segment's own last.</summary>
    private static WalSeam EndChain(WalSegmentSummary next, Lsn lastBefore, WalCrossingRecord? crossing, Lsn discarded)
    {
        if (lastBefore.IsValid && next.FirstRecordPrevious.IsValid && next.FirstRecordPrevious != lastBefore)
            throw new WalDamagedException(next.Segment, next.FirstRecordStart,
                $"record at {next.FirstRecordStart}: previous record is {next.FirstRecordPrevious}, expected {lastBefore}");
        var last = next.LastRecordStart.IsValid ? next.LastRecordStart : lastBefore;
        return new WalSeam(WalChainEnd.After(next, last, next.Tail), crossing, discarded, lastBefore.IsValid);
    }

    private static WalFragment Merge(WalFragment pending, WalFragment head) => new()
    {
        Start = pending.Start,
        End = head.End,
        Length = pending.Length + head.Length,
        TotalLength = pending.TotalLength,
        Bytes = Concatenate(pending, head),
        Crc = Crc32C.Combine(pending.Crc, head.Crc, head.Length),
    };

    private static ReadOnlyMemory<byte> Concatenate(WalFragment pending, WalFragment head)
    {
        var isTransactionEnd = pending.Bytes.Length >= WalRecordHeader.Length
            && WalResourceManager.IsTransactionEnd(pending.Bytes.Span[17], pending.Bytes.Span[16]);
        var limit = isTransactionEnd ? WalFragmentBuilder.MaxTransactionEndBytes : 2 * WalFragment.MaxBytes;
        var added = pending.IsTruncated ? 0 : Math.Min(head.Bytes.Length, limit - pending.Bytes.Length);
        if (added <= 0) return pending.Bytes;
        var bytes = new byte[pending.Bytes.Length + added];
        pending.Bytes.CopyTo(bytes);
        head.Bytes[..added].CopyTo(bytes.AsMemory(pending.Bytes.Length));
        return bytes;
    }

    private static WalCrossingRecord Verify(WalFragment whole, Lsn lastBefore, WalSegmentSummary next, IWalRecordVisitor? visitor)
    {
        var major = next.Major!.Value;
        var bytes = whole.Bytes.Span;
        if (bytes.Length < WalRecordHeader.Length) throw DamagedRecord(next, whole, $"only {bytes.Length} bytes of it are kept");
        var header = WalRecordHeader.Read(bytes);
        if (!WalResourceManager.IsValid(header.ResourceManager, major))
            throw DamagedRecord(next, whole, $"resource manager is {header.ResourceManager}, which PostgreSQL {major} does not have");
        if (lastBefore.IsValid ? header.Previous != lastBefore : header.Previous >= whole.Start)
            throw DamagedRecord(next, whole, $"previous record is {header.Previous}, expected {(lastBefore.IsValid ? lastBefore : "an earlier one")}");
        var crc = WalFragmentBuilder.RecordCrc(bytes, whole.Crc, whole.TotalLength);
        if (crc != header.Crc) throw DamagedRecord(next, whole, $"CRC-32C is {crc:X8}, expected {header.Crc:X8}");
        var endsBySwitch = next.EndsBySwitch && next.RecordCount == 0;
        if (header.IsSwitch != endsBySwitch)
            throw DamagedRecord(next, whole, header.IsSwitch ? "is a switch, but WAL goes on after it" : "is no switch, but WAL ends after it");
        if (!new WalRecordDecoder(major).TryDecode(bytes, header, whole.Start, whole.End, out var record, out var problem))
            throw DamagedRecord(next, whole, problem!);
        var facts = new WalFactsBuilder(major);
        facts.Add(record);
        visitor?.Visit(record);
        return new WalCrossingRecord(
            whole.Start, whole.End, header.Previous, header.Xid, header.ResourceManager, header.Info, header.TotalLength, facts.Build());
    }

    private static WalDamagedException Damaged(WalSegmentSummary next, string what) => new(next.Segment, next.Segment.Start, what);

    private static WalDamagedException DamagedRecord(WalSegmentSummary next, WalFragment record, string what) =>
        new(next.Segment, record.Start, $"record at {record.Start}: {what}");
}
