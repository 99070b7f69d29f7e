using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>
/// Looks for the record at which PostgreSQL will stop, in segments fed in order: what it does record by record [xlogrecovery.c, recoveryStopsBefore and
/// recoveryStopsAfter], done on indexes. Records across seams are stitched, so what was fed is also proven to join. Keeps one segment's end. Pure.
/// </summary>
/// <param name="target">A time, a transaction, a restore point or a position.</param>
/// <param name="from">The backup's redo: records before it are not replayed.</param>
internal sealed class TargetSearch(RecoveryTarget target, Lsn from)
{
    private WalChainEnd? _end;
    private RecoveryStop? _suspected;

    /// <summary>Where recovery stops; null while it was not found.</summary>
    public RecoveryStop? Found { get; private set; }

    /// <summary>What cannot be passed, for people; null when nothing is in the way.</summary>
    public string? Broken { get; private set; }

    /// <summary>The greatest time of a commit, abort or restore point seen so far, but not of what recovery would stop at.</summary>
    public PostgresTime? Greatest { get; private set; }

    /// <summary>The last end of a transaction seen so far.</summary>
    public WalTransactionEnd? LastEnd { get; private set; }

    /// <summary>The start of the last record seen so far.</summary>
    public Lsn LastRecord { get; private set; }

    /// <summary>The end of the last record seen so far.</summary>
    public Lsn LastRecordEnd { get; private set; }

    /// <summary>Feeds the next segment; false when there is no use in feeding more.</summary>
    public bool Add(SegmentReading reading)
    {
        if (reading.Summary is not { } segment) return Break(reading.Problem!);
        try
        {
            if (_end is null) _end = WalChainEnd.Of(segment);
            else
            {
                var seam = WalStitch.Join(_end, segment);
                _end = seam.End;
                if (seam.Crossing is { } crossing)
                {
                    Look(crossing.Facts);
                    See(crossing.Start, crossing.End);
                }
            }
        }
        catch (WalDamagedException e)
        {
            return Break(e.Message);
        }
        if (segment.Major is null) return Break($"segment {segment.Segment} is of a PostgreSQL newer than this Holdfast, which cannot read its records");
        if (Found is null) Look(segment.Facts);
        if (segment.LastRecordStart.IsValid) See(segment.LastRecordStart, segment.LastRecordEnd);
        return Found is null && Broken is null;
    }

    /// <summary>Nothing more is fed: what was met in a run of records, and nowhere for certain, is there.</summary>
    public void Finish() => Found ??= _suspected;

    private bool Break(string why)
    {
        Broken = why;
        return false;
    }

    private void See(Lsn start, Lsn end)
    {
        if (Found is null && target is RecoveryTarget.AtLsn { } at && start >= at.Position)
            Found = new RecoveryStop(at.Inclusive ? RecoveryStopKind.After : RecoveryStopKind.Before, at.Position, end);
        (LastRecord, LastRecordEnd) = (start, end);
    }

    // Ends and restore points each come in LSN order; together they must, too.
    private void Look(WalFacts facts)
    {
        var ends = facts.TransactionEnds.Span;
        var (i, j) = (0, 0);
        while (Found is null && (i < ends.Length || j < facts.RestorePoints.Count))
        {
            if (j == facts.RestorePoints.Count || i < ends.Length && ends[i].Start < facts.RestorePoints[j].Start) Look(ends[i++]);
            else Look(facts.RestorePoints[j++]);
        }
        if (Found is null && facts.WalLevels.FirstOrDefault(level => level.Level == WalLevel.Minimal && level.Start >= from) is { Start.IsValid: true } minimal)
            BreakAtMinimal(minimal.Start);
        for (i = 0; i < facts.Runs.Count && Found is null && Broken is null; i++) Look(facts.Runs[i]);
        if (Found is null && facts.LastEnd is { } last && last.Start >= from) LastEnd = last;
    }

    // Which of its records it is takes the WAL itself; PostgreSQL will find it. A transaction or a name may not be there at all: a
    // later segment may tell it for certain.
    private void Look(WalFactRun run)
    {
        if (run.End <= from) return;
        if (run.HasMinimal)
        {
            BreakAtMinimal(run.Start);
            return;
        }
        switch (target)
        {
            case RecoveryTarget.Time time when run.MaxTime is { } greatest && (time.Inclusive ? greatest.CompareTo(time.At) > 0 : greatest.CompareTo(time.At) >= 0):
                Found = new RecoveryStop(RecoveryStopKind.Within, run.Start, run.End, $"before one of {run.Ends + run.RestorePoints} commits, aborts and restore points");
                return;
            case RecoveryTarget.Transaction transaction when run.MinXid != 0 && run.MinXid <= transaction.Xid && transaction.Xid <= run.MaxXid:
                Suspect(run, $"at the end of {transaction.Xid}, if it is one of {run.Ends} that the index does not tell one by one");
                break;
            case RecoveryTarget.RestorePoint named when run.RestorePoints > 0:
                Suspect(run, $"at restore point \"{named.Name}\", if it is one of {run.RestorePoints} that the index does not tell one by one");
                break;
        }
        if (run.MaxTime is { } passed) Pass(passed);
    }

    private void Suspect(WalFactRun run, string record) =>
        _suspected = _suspected is { } first ? first with { ReadTo = run.End } : new RecoveryStop(RecoveryStopKind.Within, run.Start, run.End, record);

    private void BreakAtMinimal(Lsn start) => Break($"from {start} on the server ran with wal_level=minimal, which PostgreSQL does not replay");

    private void Look(in WalTransactionEnd end)
    {
        if (end.Start < from) return;
        switch (target)
        {
            case RecoveryTarget.Time time when time.Inclusive ? end.Time.CompareTo(time.At) > 0 : end.Time.CompareTo(time.At) >= 0:
                Found = Stop(RecoveryStopKind.Before, end);
                return;
            case RecoveryTarget.Transaction transaction when transaction.Xid == end.Xid:
                Found = Stop(transaction.Inclusive ? RecoveryStopKind.After : RecoveryStopKind.Before, end);
                return;
        }
        LastEnd = end;
        Pass(end.Time);
    }

    private void Look(WalRestorePoint point)
    {
        if (point.Start < from) return;
        if (target is RecoveryTarget.RestorePoint named && named.Name == point.Name)
            Found = new RecoveryStop(RecoveryStopKind.After, point.Start, point.End, $"restore point \"{point.Name}\"", point.Time);
        else Pass(point.Time);
    }

    private void Pass(PostgresTime time)
    {
        if (Greatest is not { } greatest || time.CompareTo(greatest) > 0) Greatest = time;
    }

    private static RecoveryStop Stop(RecoveryStopKind kind, in WalTransactionEnd end) => new(kind, end.Start, end.End, Describe(end), end.Time);

    /// <summary>As people read it: <c>commit of 771</c>.</summary>
    internal static string Describe(in WalTransactionEnd end)
    {
        var what = end.Kind switch
        {
            WalTransactionEndKind.Commit => "commit",
            WalTransactionEndKind.Abort => "abort",
            WalTransactionEndKind.CommitPrepared => "commit of prepared transaction",
            _ => "abort of prepared transaction",
        };
        return end.Xid == 0 ? what : end.Kind is WalTransactionEndKind.Commit or WalTransactionEndKind.Abort ? $"{what} of {end.Xid}" : $"{what} {end.Xid}";
    }
}
