using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Tests.Core.Recovery;

/// <summary>A record of a made-up history. Only what recovery can stop at has a kind.</summary>
internal sealed record ModelRecord(TimelineId Timeline, Lsn Start, string Kind, uint Xid, string Name, PostgresTime Time)
{
    public const int Length = 64;

    public Lsn End => Start + Length;
}

/// <summary>
/// Timelines that branch, backups on them, segments of which some are missing, a clock that may step; and a model of what PostgreSQL does with them, record by
/// record.
/// </summary>
internal sealed class RandomHistory
{
    public static readonly WalSegmentSize Size = new(1 << 20);

    private static readonly KeyThumbprint Host = new(new byte[32]);
    private readonly Random _random;
    private readonly Dictionary<TimelineId, List<ModelRecord>> _own = [];
    private readonly Dictionary<TimelineId, TimelineHistory> _histories = [];
    private readonly HashSet<WalSegmentName> _stored = [];
    private readonly List<LoggedBackup> _backups = [];
    private readonly List<LoggedCut> _cuts = [];
    private readonly bool _steps;
    private uint _xid = 700;

    public RandomHistory(int seed, bool steps)
    {
        (_random, _steps) = (new Random(seed), steps);
        AddTimeline(new TimelineId(1), TimelineHistory.Root(new TimelineId(1)), new Lsn((1 << 20) + 40), new PostgresTime(0));
        for (uint t = 2; t <= 1 + _random.Next(4); t++) Branch(new TimelineId(t));
        foreach (var timeline in _own.Keys) Store(timeline);
        for (var i = _random.Next(6); i > 0; i--) AddBackup(i);
        var ranges = new WalRanges(_stored, _histories.Values).Ranges;
        var origins = _histories.Values.Select(history => new TimelineOrigin(history.Timeline, history, false)).OrderBy(origin => origin.Timeline.Value).ToArray();
        Sources = new RecoverySources(_backups, _cuts, ranges, origins, _histories.Keys.Where(timeline => timeline.Value > 1).ToHashSet());
    }

    public RecoverySources Sources { get; }

    public IReadOnlyCollection<WalSegmentName> Stored => _stored;

    public IReadOnlyList<LoggedBackup> Backups => _backups;

    public IEnumerable<TimelineId> Timelines => _own.Keys;

    public IEnumerable<ModelRecord> Records => _own.Values.SelectMany(records => records);

    public TimelineHistory History(TimelineId timeline) => _histories[timeline];

    public RecoveryPlanner Planner => new(Sources, ReadAsync);

    /// <summary>Plans; the plan, or why there is none.</summary>
    public (RecoveryPlan? Plan, UnreachableTargetException? Why) Plan(RecoveryTarget target, TimelineChoice timeline, BackupName? set = null)
    {
        try { return (Planner.PlanAsync(target, timeline, set, default).GetAwaiter().GetResult(), null); }
        catch (UnreachableTargetException e) { return (null, e); }
    }

    /// <summary>
    /// What PostgreSQL does, started from a backup, following a timeline: where it stops, or null when it says that it cannot
    /// [xlogrecovery.c: PerformWalRecovery, recoveryStopsBefore, recoveryStopsAfter].
    /// </summary>
    public (RecoveryStopKind Kind, Lsn At)? Recover(LoggedBackup backup, RecoveryTarget target, TimelineId timeline)
    {
        var history = _histories[timeline];
        if (history.TimelineAt(backup.Facts.StartLsn) != backup.Facts.Timeline) return null;
        var end = backup.Facts.StartLsn;
        foreach (var record in Replayed(backup.Facts.StartLsn, history))
        {
            // "requested recovery stop point is before consistent recovery point"
            if (StopsBefore(record, target)) return end >= backup.Facts.StopLsn ? (RecoveryStopKind.Before, target is RecoveryTarget.AtLsn at ? at.Position : record.Start) : null;
            end = record.End;
            if (StopsAfter(record, target)) return end >= backup.Facts.StopLsn ? (RecoveryStopKind.After, target is RecoveryTarget.AtLsn at ? at.Position : record.Start) : null;
            if (target is RecoveryTarget.Immediate && end >= backup.Facts.StopLsn) return (RecoveryStopKind.Consistency, backup.Facts.StopLsn);
        }
        // "recovery ended before configured recovery target was reached"; "WAL ends before end of online backup"
        return target is RecoveryTarget.Latest && end >= backup.Facts.StopLsn ? (RecoveryStopKind.EndOfWal, end) : null;
    }

    /// <summary>Whether PostgreSQL, started from a backup, becomes consistent and then comes to the end of what is stored without having met the target.</summary>
    public bool RunsOut(LoggedBackup backup, RecoveryTarget target, TimelineId timeline)
    {
        var history = _histories[timeline];
        if (!RecoverySources.IsAncestral(backup, history)) return false;
        var records = Replayed(backup.Facts.StartLsn, history).ToArray();
        return records.Length > 0 && records[^1].End >= backup.Facts.StopLsn && !records.Any(record => StopsBefore(record, target) || StopsAfter(record, target));
    }

    /// <summary>The records that are replayed: up to the first segment that is missing.</summary>
    public IEnumerable<ModelRecord> Replayed(Lsn from, TimelineHistory history)
    {
        for (var number = from.Value / (uint)Size.Bytes; ; number++)
        {
            var file = File(history, number);
            if (!_stored.Contains(file)) yield break;
            foreach (var record in Content(file))
                if (record.Start >= from) yield return record;
        }
    }

    /// <summary>The file that a number is read from: of the newest timeline that begins at or before its end.</summary>
    public static WalSegmentName File(TimelineHistory history, ulong number) =>
        new(history.Path.Last(stretch => stretch.Begin.Value / (uint)Size.Bytes <= number).Timeline, number, Size);

    private static bool StopsBefore(ModelRecord record, RecoveryTarget target) => target switch
    {
        RecoveryTarget.AtLsn { Inclusive: false } at => record.Start >= at.Position,
        RecoveryTarget.Transaction { Inclusive: false } transaction => record.Kind is "commit" or "abort" && record.Xid == transaction.Xid,
        RecoveryTarget.Time time => record.Kind is "commit" or "abort" && (time.Inclusive ? record.Time.CompareTo(time.At) > 0 : record.Time.CompareTo(time.At) >= 0),
        _ => false,
    };

    private static bool StopsAfter(ModelRecord record, RecoveryTarget target) => target switch
    {
        RecoveryTarget.AtLsn { Inclusive: true } at => record.Start >= at.Position,
        RecoveryTarget.Transaction { Inclusive: true } transaction => record.Kind is "commit" or "abort" && record.Xid == transaction.Xid,
        RecoveryTarget.RestorePoint point => record.Kind == "point" && record.Name == point.Name,
        _ => false,
    };

    private void AddTimeline(TimelineId timeline, TimelineHistory history, Lsn begin, PostgresTime time)
    {
        var records = new List<ModelRecord>();
        var (at, end) = (begin, begin + (long)(_random.NextDouble() * 12 * Size.Bytes) + 1000);
        while (at < end)
        {
            time = new PostgresTime(time.Microseconds + _random.Next(0, 3) + (_steps && _random.Next(12) == 0 ? _random.Next(-60, 60) : 0));
            var kind = _random.Next(10) switch { < 4 => "commit", 4 => "abort", 5 => "point", _ => "" };
            records.Add(new ModelRecord(timeline, at, kind, kind is "commit" or "abort" ? _xid++ : 0, kind == "point" ? $"point {_random.Next(4)}" : "", time));
            at += ModelRecord.Length + 8 * _random.Next(0, 60_000);
            // Records here never cross a seam.
            var left = Size.Bytes - (long)(at.Value % (uint)Size.Bytes);
            if (left < ModelRecord.Length) at += left + 40;
            else if (left == Size.Bytes) at += 40;
        }
        (_own[timeline], _histories[timeline]) = (records, history);
    }

    private void Branch(TimelineId timeline)
    {
        var parent = _own.Keys.ElementAt(_random.Next(_own.Count));
        var last = _own[parent][_random.Next(_own[parent].Count)];
        var switches = _histories[parent].Switches.Append(new TimelineSwitch(parent, last.End, "made up"));
        AddTimeline(timeline, TimelineHistory.Create(timeline, switches), last.End, last.Time);
    }

    private void Store(TimelineId timeline)
    {
        var (first, last) = (_histories[timeline].Path[^1].Begin.Value / (uint)Size.Bytes, _own[timeline][^1].Start.Value / (uint)Size.Bytes);
        var lossy = _random.Next(2) == 0;
        for (var number = Math.Max(1, first); number <= last; number++)
        {
            var segment = new WalSegmentName(timeline, number, Size);
            if (!lossy || _random.Next(8) > 0) _stored.Add(segment);
            else if (_random.Next(2) == 0)
                _cuts.Add(new LoggedCut(9, new SystemIdentifier(1), timeline, segment.Start, segment.End, CutReason.Dropped));
        }
    }

    private void AddBackup(int number)
    {
        var timeline = _own.Keys.ElementAt(_random.Next(_own.Count));
        var records = _own[timeline];
        var (from, to) = (_random.Next(records.Count), _random.Next(records.Count));
        var (start, stop) = (records[Math.Min(from, to)], records[Math.Max(from, to)]);
        // A backup ends with a record of its own, at which no target stops [xlog.c, do_pg_backup_stop].
        records[Math.Max(from, to)] = stop with { Kind = "", Xid = 0, Name = "" };
        var day = new DateTimeOffset(2026, 1, number, 0, 0, 0, TimeSpan.Zero);
        _backups.Add(new LoggedBackup(number, new BackupName(day, BackupType.Full, day), new SystemIdentifier(1), Host, 1,
            new BackupFacts(17, timeline, start.Start, stop.End, start.Time, stop.Time, 1, 1, 1, 1, 0), default));
    }

    private IEnumerable<ModelRecord> Content(WalSegmentName file) => _histories[file.Timeline].Path
        .SelectMany(stretch => _own[stretch.Timeline].Where(record => stretch.Contains(record.Start)))
        .Where(record => record.Start >= file.Start && record.Start < file.End).OrderBy(record => record.Start.Value);

    private async IAsyncEnumerable<SegmentReading> ReadAsync(
        IEnumerable<WalSegmentName> segments, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask;
        foreach (var segment in segments)
        {
            Assert.Contains(segment, _stored);
            yield return new SegmentReading(segment, Summary(segment), null);
        }
    }

    private WalSegmentSummary Summary(WalSegmentName segment)
    {
        var records = Content(segment).ToArray();
        var ends = records.Where(record => record.Kind is "commit" or "abort").Select(record => new WalTransactionEnd(
            record.Xid, record.Kind == "commit" ? WalTransactionEndKind.Commit : WalTransactionEndKind.Abort, record.Start, record.End, record.Time, 0)).ToArray();
        var points = records.Where(record => record.Kind == "point").Select(record => new WalRestorePoint(record.Name, record.Start, record.End, record.Time)).ToArray();
        return new WalSegmentSummary
        {
            Segment = segment, PageMagic = 0xD116, Major = 17, SystemIdentifier = new SystemIdentifier(1), FirstPageTimeline = segment.Timeline, LastPageTimeline = segment.Timeline,
            ValidEnd = segment.End, EndsBySwitch = false, FirstRecordStart = records.Length > 0 ? records[0].Start : default, FirstRecordPrevious = default,
            LastRecordStart = records.Length > 0 ? records[^1].Start : default, LastRecordEnd = records.Length > 0 ? records[^1].End : default, RecordCount = records.Length,
            Head = null, Tail = null, OverwrittenRecord = default, Facts = new WalFacts { TransactionEnds = ends, RestorePoints = points },
        };
    }
}
