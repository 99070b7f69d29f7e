using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>The indexes of stored segments, in the order asked for; who implements it may read ahead. Damage is a value.</summary>
/// <param name="segments">Neighbours, in the order of WAL.</param>
/// <param name="cancellationToken">Cancels.</param>
public delegate IAsyncEnumerable<SegmentReading> WalIndexes(IEnumerable<WalSegmentName> segments, CancellationToken cancellationToken);

/// <summary>
/// Finds the way to a target: the newest backup from which PostgreSQL would reach it, and the WAL to read. A target that cannot be reached is an error that
/// names what is missing and the nearest moments, before a byte is fetched. Pure: indexes come from <paramref name="indexes"/>, times are values.
/// <para>
/// A time is searched for from the newest backup that stopped no later, in LSN order: clocks step, and PostgreSQL stops at the first record later than the
/// target, whatever comes after. A backup in which that record lies before its own stop does not serve: PostgreSQL would refuse to stop there.
/// </para>
/// </summary>
/// <param name="sources">What there is.</param>
/// <param name="indexes">Reads indexes.</param>
public sealed class RecoveryPlanner(RecoverySources sources, WalIndexes indexes)
{
    // A segment without a commit has no time; its neighbours usually have.
    private const int TailSegments = 4;

    /// <summary>Plans.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="timeline">Along which timeline.</param>
    /// <param name="set">From that backup and no other; null: the best.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="UnreachableTargetException">There is no way.</exception>
    public async Task<RecoveryPlan> PlanAsync(RecoveryTarget target, TimelineChoice timeline, BackupName? set, CancellationToken cancellationToken)
    {
        var way = new RecoveryWay(sources, target, timeline, set);
        return target switch
        {
            RecoveryTarget.Immediate => way.Plan(way.Newest(), Consistency(way.Newest().Backup)),
            RecoveryTarget.Latest => await ToEndAsync(way, cancellationToken).ConfigureAwait(false),
            RecoveryTarget.AtLsn at => await ToLsnAsync(way, at, cancellationToken).ConfigureAwait(false),
            RecoveryTarget.Time time => await ToTimeAsync(way, time, cancellationToken).ConfigureAwait(false),
            _ => await ToRecordAsync(way, cancellationToken).ConfigureAwait(false),
        };
    }

    private async Task<RecoveryPlan> ToEndAsync(RecoveryWay way, CancellationToken cancellationToken)
    {
        var start = way.Newest();
        var search = await SearchTailAsync(start, cancellationToken).ConfigureAwait(false);
        if (way.GapAfter(start.Path) is { } gap) throw way.Gap(start, gap, Last(way, start, search));
        if (search.Broken is { } broken) throw way.Broken(start, broken, search);
        var end = search.LastRecordEnd.IsValid ? search.LastRecordEnd : start.Path.End;
        return way.Plan(start, new RecoveryStop(RecoveryStopKind.EndOfWal, end, start.Path.End, Time: search.Greatest ?? start.Backup.Facts.StopTime));
    }

    private async Task<RecoveryPlan> ToLsnAsync(RecoveryWay way, RecoveryTarget.AtLsn at, CancellationToken cancellationToken)
    {
        if (way.Starts.FirstOrDefault(start => start.Backup.Facts.StopLsn <= at.Position) is not { } start) throw way.NoBackup();
        if (at.Position >= start.Path.End) throw way.Ends(start, Last(way, start, await SearchTailAsync(start, cancellationToken).ConfigureAwait(false)));
        var search = await SearchAsync(start, start.Path.SegmentsFrom(at.Position), stopAt: null, cancellationToken).ConfigureAwait(false);
        if (search.Found is { } found) return way.Plan(start, found);
        if (search.Broken is { } broken) throw way.Broken(start, broken, search);
        if (!search.LastRecord.IsValid) search = await SearchTailAsync(start, cancellationToken).ConfigureAwait(false);
        // All before it is there, and no record after it would make PostgreSQL stop: it can stop after the last one.
        var stop = start.Backup.Facts.StopLsn;
        if (search.LastRecord >= stop && at.Position <= search.LastRecordEnd)
            return way.Plan(start, new RecoveryStop(RecoveryStopKind.After, search.LastRecord, search.LastRecordEnd), new RecoveryTarget.AtLsn(search.LastRecord));
        if (at.Position == stop) return way.Plan(start, Consistency(start.Backup), new RecoveryTarget.Immediate());
        throw way.Ends(start, Last(way, start, search));
    }

    private async Task<RecoveryPlan> ToTimeAsync(RecoveryWay way, RecoveryTarget.Time time, CancellationToken cancellationToken)
    {
        (RecoveryStart Start, string Why)? unfit = null;
        foreach (var start in way.Starts.Where(start => start.Backup.Facts.StopTime.CompareTo(time.At) <= 0))
        {
            var segments = start.Path.SegmentsFrom(start.Backup.Facts.StartLsn);
            var search = await SearchAsync(start, segments, stopAt: null, cancellationToken).ConfigureAwait(false);
            var stop = start.Backup.Facts.StopLsn;
            if (search.Found is { } found)
            {
                if (found.At >= stop) return way.Plan(start, found);
                unfit ??= (start, $"{found.Record} at {found.Time} lies within it");
                continue;
            }
            if (search.Broken is { } broken) throw way.Broken(start, broken, search);
            // Nothing after it would make PostgreSQL stop, and the state then is that of the last transaction.
            var last = Last(way, start, search);
            if (time.At.CompareTo(last.Time!.Value) <= 0) return AtLast(way, start, search);
            throw way.Ends(start, last);
        }
        throw way.NoBackup(unfit is { } one ? $"backup {one.Start.Backup.Label} does not serve: {one.Why} (the clock was set back)" : null);
    }

    private static RecoveryPlan AtLast(RecoveryWay way, RecoveryStart start, TargetSearch search) =>
        search.LastEnd is { } last && last.Start >= start.Backup.Facts.StopLsn
            ? way.Plan(start, new RecoveryStop(RecoveryStopKind.After, last.Start, last.End, TargetSearch.Describe(last), last.Time), new RecoveryTarget.AtLsn(last.Start))
            : way.Plan(start, Consistency(start.Backup), new RecoveryTarget.Immediate());

    // A transaction or a name has no place until it is found: from the newest backup back, each time only as far as nobody has looked yet.
    private async Task<RecoveryPlan> ToRecordAsync(RecoveryWay way, CancellationToken cancellationToken)
    {
        string? broken = null;
        (WalPath? Path, Lsn From) searched = default;
        foreach (var start in way.Starts)
        {
            var segments = start.Path.SegmentsFrom(start.Backup.Facts.StartLsn);
            var search = await SearchAsync(start, segments, searched.Path == start.Path ? searched.From : null, cancellationToken).ConfigureAwait(false);
            if (search.Found is { } found && found.At >= start.Backup.Facts.StopLsn) return way.Plan(start, found);
            broken ??= search.Broken;
            // One that was found within the backup hides those after it, which a backup that began later may reach.
            if (search.Found is null) searched = (start.Path, start.Backup.Facts.StopLsn);
        }
        throw way.NotFound(broken);
    }

    private async Task<TargetSearch> SearchAsync(RecoveryStart start, IEnumerable<WalSegmentName> segments, Lsn? stopAt, CancellationToken cancellationToken)
    {
        var search = new TargetSearch(start.Target, start.Backup.Facts.StartLsn);
        var needed = stopAt is { } limit ? segments.TakeWhile(segment => segment.Start < limit) : segments;
        await foreach (var reading in indexes(needed, cancellationToken).ConfigureAwait(false))
            if (!search.Add(reading)) break;
        search.Finish();
        return search;
    }

    private Task<TargetSearch> SearchTailAsync(RecoveryStart start, CancellationToken cancellationToken) =>
        SearchAsync(start with { Target = new RecoveryTarget.Latest() }, start.Path.SegmentsFrom(Before(start.Path)), stopAt: null, cancellationToken);

    private static RecoverableMoment Last(RecoveryWay way, RecoveryStart start, TargetSearch search)
    {
        var (stop, time) = (start.Backup.Facts.StopLsn, way.LatestStop(start));
        return new RecoverableMoment(search.LastRecord > stop ? search.LastRecord : stop, search.Greatest is { } seen && seen.CompareTo(time) > 0 ? seen : time);
    }

    private static Lsn Before(WalPath path)
    {
        var tail = (ulong)TailSegments * (uint)path.Legs[^1].Size.Bytes;
        return new Lsn(path.End.Value > tail ? path.End.Value - tail : 0);
    }

    private static RecoveryStop Consistency(LoggedBackup backup) =>
        new(RecoveryStopKind.Consistency, backup.Facts.StopLsn, backup.Facts.StopLsn, Time: backup.Facts.StopTime);
}
