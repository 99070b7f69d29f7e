using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>A backup to start from, with the unbroken WAL that it lies in.</summary>
/// <param name="Backup">The backup.</param>
/// <param name="Path">From before its start to the next gap, or to the end.</param>
/// <param name="Target">Where to.</param>
internal sealed record RecoveryStart(LoggedBackup Backup, WalPath Path, RecoveryTarget Target);

/// <summary>One timeline's history, the backups that lie on it with their WAL whole, and the words for what is missing.</summary>
internal sealed class RecoveryWay
{
    private readonly RecoverySources _sources;
    private readonly RecoveryTarget _target;
    private readonly TimelineHistory _history;
    private readonly IReadOnlyList<WalPath> _paths;
    private readonly LoggedBackup? _set;
    private readonly RecoveryStart[] _all;

    public RecoveryWay(RecoverySources sources, RecoveryTarget target, TimelineChoice choice, BackupName? set)
    {
        (_sources, _target) = (sources, target);
        if (sources.Backups.Count == 0) throw new UnreachableTargetException($"no backup reaches {target}: there is none", "take one on the database host: holdfast backup --type=full");
        if (set is { } label)
            _set = sources.Backups.FirstOrDefault(backup => backup.Label == label)
                ?? throw new UnreachableTargetException($"there is no backup {label}", $"there are: {string.Join(", ", sources.Backups.Take(5).Select(backup => backup.Label))}; all: holdfast info");
        _history = History(choice);
        _paths = sources.Wal.PathsTo(_history.Timeline);
        _all = [.. Find()];
        Starts = _set is null ? _all : [.. _all.Where(start => start.Backup == _set)];
    }

    /// <summary>Where recovery may start, the newest backup first.</summary>
    public IReadOnlyList<RecoveryStart> Starts { get; }

    /// <summary>The newest start.</summary>
    public RecoveryStart Newest() => Starts.Count > 0 ? Starts[0] : throw NoBackup();

    /// <summary>The plan to a stop.</summary>
    public RecoveryPlan Plan(RecoveryStart start, RecoveryStop stop, RecoveryTarget? effective = null)
    {
        var legs = new List<WalRange>();
        foreach (var leg in start.Path.Legs)
        {
            var needed = new WalPath(_history.Timeline, [leg]).SegmentsFrom(start.Backup.Facts.StartLsn);
            var segments = needed.TakeWhile(segment => segment.Start < stop.ReadTo).ToArray();
            if (segments.Length > 0) legs.Add(new WalRange(leg.Timeline, segments[0].Start, segments[^1].End, segments.Length));
        }
        var timeline = _history.Timeline;
        var setting = timeline.Value == 1 || _sources.HistoriesStored.Contains(timeline) ? timeline.ToString() : "current";
        return new RecoveryPlan(_target, timeline, setting, start.Backup, legs, stop, effective ?? _target);
    }

    /// <summary>What is missing behind a path; null when it is the last one.</summary>
    public WalGap? GapAfter(WalPath path)
    {
        foreach (var gap in _sources.Wal.GapsTo(_history.Timeline))
            if (gap.FirstMissing.Start >= path.End) return gap;
        return null;
    }

    /// <summary>The greatest time by which a start, or a later backup in the same WAL, had stopped: the archive reaches it, though no transaction may have ended then.</summary>
    public PostgresTime LatestStop(RecoveryStart start) =>
        _all.Where(other => other.Path == start.Path && other.Backup.Facts.StopLsn >= start.Backup.Facts.StopLsn).Max(other => other.Backup.Facts.StopTime);

    /// <summary>No backup is early enough.</summary>
    public UnreachableTargetException NoBackup(string? because = null)
    {
        if (_set is { } set)
        {
            var why = because ?? (Starts.Count == 0 ? Unusable(set) : $"it stopped at {set.Facts.StopTime} (LSN {set.Facts.StopLsn}), after the target");
            return new UnreachableTargetException($"backup {set.Label} does not reach {_target}: {why}", "leave --set out, and the best backup is chosen", after: After());
        }
        if (Starts.Count > 0)
        {
            var after = After();
            var first = after is null ? "" : $": the first moment after it that can be restored is {after}";
            return new UnreachableTargetException($"no backup reaches {_target}{first}{(because is null ? "" : $"; {because}")}", Nearest(null, after), null, after);
        }
        return new UnreachableTargetException($"no backup reaches {_target} along timeline {_history.Timeline}: {Unusable(_sources.Backups[0])}", Elsewhere());
    }

    /// <summary>The WAL of a start ends before the target: at a gap, or at the end of the archive.</summary>
    public UnreachableTargetException Ends(RecoveryStart start, RecoverableMoment last)
    {
        if (GapAfter(start.Path) is { } gap) return Gap(start, gap, last);
        var text = $"the archive of timeline {_history.Timeline} ends before {_target}: its last moment is {last}";
        return new UnreachableTargetException(text, $"to restore all there is, leave the target out. If the server still runs, let it archive what is left: SELECT pg_switch_wal()", last);
    }

    /// <summary>WAL is missing before the target.</summary>
    public UnreachableTargetException Gap(RecoveryStart start, WalGap gap, RecoverableMoment last)
    {
        var (first, end) = (gap.FirstMissing, gap.LastMissing);
        var reason = _sources.Cuts.FirstOrDefault(cut => cut.Timeline == gap.Timeline && cut.From < end.End && first.Start < cut.To) is { } cut ? $" ({cut.Reason.ToString().ToLowerInvariant()}, says the log)" : "";
        if (gap.ResizedTo is { } size)
            reason += $"; the server went on with segments of {size}, and WAL does not lead across that change (pg_resetwal)";
        var missing = first == end ? $"segment {first} is missing" : $"{gap.SegmentCount} segments are missing, {first} to {end}";
        var after = After(first.Start);
        return new UnreachableTargetException($"backup {start.Backup.Label} does not reach {_target}: {missing}{reason}", Nearest(last, after), last, after);
    }

    /// <summary>WAL before the target cannot be read.</summary>
    public UnreachableTargetException Broken(RecoveryStart start, string why, TargetSearch search)
    {
        var last = new RecoverableMoment(search.LastRecord > start.Backup.Facts.StopLsn ? search.LastRecord : start.Backup.Facts.StopLsn, search.Greatest ?? start.Backup.Facts.StopTime);
        return new UnreachableTargetException($"backup {start.Backup.Label} does not reach {_target}: {why}", Nearest(last, After()), last, After());
    }

    /// <summary>A transaction or a name is nowhere.</summary>
    public UnreachableTargetException NotFound(string? broken)
    {
        if (Starts.Count == 0) return NoBackup();
        var from = Starts.MinBy(start => start.Backup.Facts.StopLsn.Value)!.Backup.Facts;
        return new UnreachableTargetException(
            $"{_target} is not in the WAL of timeline {_history.Timeline} after the stop of a backup (from {from.StopLsn}, {from.StopTime} on){(broken is null ? "" : $"; {broken}")}",
            "what can be restored: holdfast info. It may be on another timeline: --target-timeline=N");
    }

    private IEnumerable<RecoveryStart> Find()
    {
        foreach (var backup in _sources.Backups)
            if (RecoverySources.IsAncestral(backup, _history) && _sources.PathOf(backup, _paths) is { } path)
                yield return new RecoveryStart(backup, path, _target);
    }

    private TimelineHistory History(TimelineChoice choice)
    {
        var timeline = choice.Number ?? (choice.Current ? (_set ?? _sources.Backups.MaxBy(backup => backup.Entry)!).Facts.Timeline : Latest());
        if (_sources.Origin(timeline) is not { } origin)
            throw new UnreachableTargetException($"nothing is stored of timeline {timeline}", $"there are: {string.Join(", ", _sources.Timelines)}");
        if (origin.IsDerived)
            throw new UnreachableTargetException($"{TimelineHistory.ToFileName(timeline)} is stored and could not be read, so where timeline {timeline} began is not known",
                "it takes a content key to open it; if it is damaged, name another timeline: --target-timeline=N");
        return origin.History;
    }

    // PostgreSQL goes up from the backup's timeline until a history file is missing [timeline.c, findNewestTimeLine]; a number that was never archived must
    // not hide the later ones. A history file alone makes no timeline: its first segment is needed, or PostgreSQL would read on along the parent.
    private TimelineId Latest()
    {
        var own = _sources.Timelines.Where(timeline => _sources.Wal.PathsTo(timeline).Any(path => path.Legs.Any(leg => leg.Timeline == timeline))).ToArray();
        return own.Length > 0 ? own[^1] : _sources.Backups[0].Facts.Timeline;
    }

    private string Unusable(LoggedBackup backup) => RecoverySources.IsAncestral(backup, _history)
        ? $"of the WAL that makes backup {backup.Label} consistent, {backup.Facts.StartLsn} to {backup.Facts.StopLsn} on timeline {backup.Facts.Timeline}, a part is missing"
        : $"backup {backup.Label} was made on timeline {backup.Facts.Timeline}, which the history of timeline {_history.Timeline} does not pass at {backup.Facts.StartLsn} to {backup.Facts.StopLsn}";

    private string Elsewhere()
    {
        var others = RecoverableRanges.Find(_sources).Select(range => range.Timeline).Distinct().Where(timeline => timeline != _history.Timeline).ToArray();
        return others.Length == 0 ? "what is missing: holdfast info --gaps. Take a full backup as soon as WAL is archived again" : $"what can be restored is on another timeline: --target-timeline={others[^1]}";
    }

    /// <summary>The first consistent moment after the target, or after a position.</summary>
    private RecoverableMoment? After(Lsn? position = null)
    {
        var later = Starts.Select(start => start.Backup.Facts).Where(facts => position is { } at ? facts.StopLsn > at : _target switch
        {
            RecoveryTarget.Time time => facts.StopTime.CompareTo(time.At) > 0,
            RecoveryTarget.AtLsn lsn => facts.StopLsn > lsn.Position,
            _ => false,
        }).ToArray();
        return later.Length == 0 ? null : later.MinBy(facts => _target is RecoveryTarget.Time ? facts.StopTime.Microseconds : (long)facts.StopLsn.Value) is { } first
            ? new RecoverableMoment(first.StopLsn, first.StopTime) : null;
    }

    private static string Nearest(RecoverableMoment? before, RecoverableMoment? after) =>
        $"nearest moments: {(before is null ? "none before" : $"{before} (before)")}, {(after is null ? "none after" : $"{after} (after)")}. What is missing: holdfast info --gaps";
}
