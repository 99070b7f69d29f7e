using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Digests;

/// <summary>Between what the walker found (<see cref="WalSegmentSummary"/>) and its form in a segment's index (object_index.proto).</summary>
public static class WalIndexCodec
{
    /// <summary>The message.</summary>
    public static Wire.WalIndex Encode(WalSegmentSummary summary)
    {
        var index = new Wire.WalIndex
        {
            PageMagic = summary.PageMagic,
            Major = (uint)(summary.Major ?? 0),
            SystemIdentifier = summary.SystemIdentifier?.Value ?? 0,
            Start = summary.Segment.Start.Value,
            SegmentSize = (uint)summary.Segment.Size.Bytes,
            FirstPageTimeline = summary.FirstPageTimeline.Value,
            LastPageTimeline = summary.LastPageTimeline.Value,
            EndsBySwitch = summary.EndsBySwitch,
            FirstRecord = summary.FirstRecordStart.Value,
            FirstRecordPrevious = summary.FirstRecordPrevious.Value,
            LastRecord = summary.LastRecordStart.Value,
            LastRecordEnd = summary.LastRecordEnd.Value,
            RecordCount = (uint)summary.RecordCount,
            Head = Encode(summary.Head),
            Tail = Encode(summary.Tail),
            OverwrittenRecord = summary.OverwrittenRecord.Value,
        };
        var facts = summary.Facts;
        if (facts is { MinTime: { } minimum, MaxTime: { } maximum }) index.Times = new Wire.TimeRange { Minimum = minimum.Microseconds, Maximum = maximum.Microseconds };
        index.TransactionEnds = Encode(facts.TransactionEnds.Span, summary.Segment.Start);
        index.RestorePoints.Add(facts.RestorePoints.Select(p => new Wire.RestorePoint { Name = p.Name, Start = p.Start.Value, End = p.End.Value, Time = p.Time.Microseconds }));
        index.Checkpoints.Add(facts.Checkpoints.Select(c => new Wire.Checkpoint
        {
            Kind = (uint)c.Kind, Start = c.Start.Value, End = c.End.Value, Redo = c.Redo.Value, Timeline = c.Timeline.Value,
            PreviousTimeline = c.PreviousTimeline.Value, Time = c.Time.Microseconds,
        }));
        index.WalLevels.Add(facts.WalLevels.Select(l => new Wire.WalLevelChange { Start = l.Start.Value, Level = (uint)l.Level }));
        index.Runs.Add(facts.Runs.Select(run => WalFactRunCodec.Encode(run, summary.Segment)));
        if (facts.LastEnd is { } last) index.LastEnd = Encode([last], summary.Segment.Start);
        return index;
    }

    /// <summary>The summary of a segment of that name.</summary>
    /// <exception cref="SealedObjectException">The message contradicts itself or the name.</exception>
    public static WalSegmentSummary Decode(Wire.WalIndex index, WalSegmentName segment, long coveredLength)
    {
        if (index.Start != segment.Start.Value || index.SegmentSize != segment.Size.Bytes)
            throw new SealedObjectException($"its index is of WAL at {new Lsn(index.Start)}, segments of {index.SegmentSize} bytes; expected {segment.Start}, {segment.Size.Bytes}");
        Check(index, segment, coveredLength);
        return new WalSegmentSummary
        {
            Segment = segment,
            PageMagic = (ushort)index.PageMagic,
            Major = index.Major == 0 ? null : (int)index.Major,
            SystemIdentifier = index.SystemIdentifier == 0 ? null : new SystemIdentifier(index.SystemIdentifier),
            FirstPageTimeline = new TimelineId(index.FirstPageTimeline),
            LastPageTimeline = new TimelineId(index.LastPageTimeline),
            ValidEnd = segment.Start + coveredLength,
            EndsBySwitch = index.EndsBySwitch,
            FirstRecordStart = new Lsn(index.FirstRecord),
            FirstRecordPrevious = new Lsn(index.FirstRecordPrevious),
            LastRecordStart = new Lsn(index.LastRecord),
            LastRecordEnd = new Lsn(index.LastRecordEnd),
            RecordCount = (int)index.RecordCount,
            Head = Decode(index.Head),
            Tail = Decode(index.Tail),
            OverwrittenRecord = new Lsn(index.OverwrittenRecord),
            Facts = new WalFacts
            {
                TransactionEnds = Decode(index.TransactionEnds, segment),
                RestorePoints = [.. index.RestorePoints.Select(p => new WalRestorePoint(p.Name, new Lsn(p.Start), new Lsn(p.End), new PostgresTime(p.Time)))],
                Checkpoints = [.. index.Checkpoints.Select(c => new WalCheckpoint((WalCheckpointKind)c.Kind, new Lsn(c.Start), new Lsn(c.End), new Lsn(c.Redo),
                    new TimelineId(c.Timeline), new TimelineId(c.PreviousTimeline), new PostgresTime(c.Time)))],
                WalLevels = [.. index.WalLevels.Select(l => new WalLevelChange(new Lsn(l.Start), (WalLevel)l.Level))],
                Runs = [.. index.Runs.Select(run => WalFactRunCodec.Decode(run, segment))],
                LastEnd = Decode(index.LastEnd, segment) is { Length: > 0 } last ? last.Span[^1] : null,
                MinTime = index.Times is null ? null : new PostgresTime(index.Times.Minimum),
                MaxTime = index.Times is null ? null : new PostgresTime(index.Times.Maximum),
            },
        };
    }

    // Whoever signed it may be hostile, or write what a later version means by it: nothing below may wrap, and no position lies elsewhere.
    private static void Check(Wire.WalIndex index, WalSegmentName segment, long coveredLength)
    {
        void Within(string what, ulong start, ulong end)
        {
            if (start < segment.Start.Value || start > end || end > segment.End.Value)
                throw new SealedObjectException($"its index puts {what} at {new Lsn(start)} to {new Lsn(end)}, outside its segment");
        }

        void WithinOrNone(string what, ulong lsn)
        {
            if (lsn != 0) Within(what, lsn, lsn);
        }

        if (coveredLength < 0 || coveredLength > segment.Size.Bytes || index.PageMagic > ushort.MaxValue || index.Major > byte.MaxValue
            || index.RecordCount > (uint)segment.Size.Bytes / WalRecordHeader.Length)
            throw new SealedObjectException($"its index is impossible: page magic {index.PageMagic:X}, version {index.Major}, {index.RecordCount} records, {coveredLength} bytes covered");
        WithinOrNone("its first record", index.FirstRecord);
        WithinOrNone("its last record", index.LastRecord);
        WithinOrNone("its last record's end", index.LastRecordEnd);
        foreach (var fragment in (Wire.WalFragment?[])[index.Head, index.Tail])
        {
            if (fragment is null) continue;
            Within("part of a record", fragment.Start, fragment.End);
            if (fragment.Length > fragment.TotalLength || fragment.Length > (ulong)segment.Size.Bytes || (ulong)fragment.Bytes.Length > Math.Min(fragment.Length, WalFragment.MaxBytes))
                throw new SealedObjectException($"its index has {fragment.Bytes.Length} of {fragment.Length} of {fragment.TotalLength} bytes of a record");
        }
        foreach (var point in index.RestorePoints) Within("a restore point", point.Start, point.End);
        foreach (var level in index.WalLevels) Within("a change of wal_level", level.Start, level.Start);
        foreach (var checkpoint in index.Checkpoints)
        {
            Within("a checkpoint", checkpoint.Start, checkpoint.End);
            if (checkpoint.Kind > (uint)WalCheckpointKind.EndOfRecovery) throw new SealedObjectException($"its index has a checkpoint of kind {checkpoint.Kind}");
        }
    }

    private static Wire.WalFragment? Encode(WalFragment? fragment) => fragment is null ? null : new Wire.WalFragment
    {
        Start = fragment.Start.Value, Length = (ulong)fragment.Length, TotalLength = fragment.TotalLength,
        Bytes = UnsafeByteOperations.UnsafeWrap(fragment.Bytes), Crc = fragment.Crc, End = fragment.End.Value,
    };

    private static WalFragment? Decode(Wire.WalFragment? fragment) => fragment is null ? null : new WalFragment
    {
        Start = new Lsn(fragment.Start), End = new Lsn(fragment.End), Length = (long)fragment.Length, TotalLength = fragment.TotalLength, Bytes = fragment.Bytes.Memory, Crc = fragment.Crc,
    };

    private static Wire.TransactionEnds? Encode(ReadOnlySpan<WalTransactionEnd> ends, Lsn origin)
    {
        if (ends.IsEmpty) return null;
        var columns = new Wire.TransactionEnds();
        var kinds = new byte[ends.Length];
        var (start, xid, time) = (origin, 0u, 0L);
        for (var i = 0; i < ends.Length; i++)
        {
            ref readonly var end = ref ends[i];
            columns.Start.Add((ulong)(end.Start - start) / 8);
            columns.Length.Add((uint)((end.End - end.Start) / 8));
            columns.Xid.Add(unchecked((int)(end.Xid - xid)));
            columns.Time.Add(unchecked(end.Time.Microseconds - time));
            columns.Subtransactions.Add((uint)end.SubtransactionCount);
            kinds[i] = (byte)end.Kind;
            (start, xid, time) = (end.Start, end.Xid, end.Time.Microseconds);
        }
        columns.Kind = UnsafeByteOperations.UnsafeWrap(kinds);
        return columns;
    }

    private static ReadOnlyMemory<WalTransactionEnd> Decode(Wire.TransactionEnds? columns, WalSegmentName segment)
    {
        if (columns is null) return default;
        var rows = columns.Start.Count;
        if (columns.Length.Count != rows || columns.Xid.Count != rows || columns.Time.Count != rows || columns.Kind.Length != rows || columns.Subtransactions.Count != rows)
            throw new SealedObjectException("the columns of its transaction ends differ in length");
        var ends = new WalTransactionEnd[rows];
        var (start, xid, time) = (segment.Start, 0u, 0L);
        for (var i = 0; i < rows; i++)
        {
            start += unchecked((long)columns.Start[i] * 8);
            xid = unchecked(xid + (uint)columns.Xid[i]);
            time = unchecked(time + columns.Time[i]);
            var end = start + columns.Length[i] * 8L;
            if (start < segment.Start || end < start || end > segment.End || columns.Kind[i] > (byte)WalTransactionEndKind.AbortPrepared || columns.Subtransactions[i] > int.MaxValue)
                throw new SealedObjectException($"its index ends a transaction at {start} to {end} in way {columns.Kind[i]} with {columns.Subtransactions[i]} sub-transactions");
            ends[i] = new WalTransactionEnd(xid, (WalTransactionEndKind)columns.Kind[i], start, end, new PostgresTime(time), (int)columns.Subtransactions[i]);
        }
        return ends;
    }
}
