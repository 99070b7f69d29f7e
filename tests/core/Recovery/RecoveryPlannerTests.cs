using CsCheck;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Recovery;

/// <summary>The planner against a model of PostgreSQL's own recovery, over random histories.</summary>
public sealed class RecoveryPlannerTests
{
    private const int Histories = 2000;

    private static readonly Gen<(int Seed, bool Steps, int Target)> Worlds = Gen.Select(Gen.Int[0, 1_000_000], Gen.Bool, Gen.Int[0, 1_000_000]);

    [Fact]
    public void A_plan_is_what_PostgreSQL_would_do() => Worlds.Sample(world =>
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        var (target, timeline) = Target(history, world.Target);
        if (history.Plan(target, TimelineChoice.Of(timeline)).Plan is not { } plan) return;

        var end = history.Recover(plan.Backup, plan.Effective, timeline);

        Assert.True(end is not null, $"PostgreSQL would refuse the plan to {target}");
        Assert.Equal((plan.Stop.Kind, plan.Stop.At), end.Value);
        Assert.True(plan.Stop.At >= plan.Backup.Facts.StopLsn);
    }, iter: Histories);

    [Fact]
    public void A_plan_has_no_gap_and_its_backup_is_an_ancestor() => Worlds.Sample(world =>
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        var (target, timeline) = Target(history, world.Target);
        if (history.Plan(target, TimelineChoice.Of(timeline)).Plan is not { } plan) return;

        var facts = plan.Backup.Facts;
        var path = history.History(timeline);
        Assert.Equal(facts.Timeline, path.TimelineAt(facts.StartLsn));
        Assert.Equal(facts.Timeline, path.TimelineAt(facts.StopLsn + -1));
        Assert.True(plan.WalStart <= facts.StartLsn && plan.Stop.ReadTo <= plan.WalEnd);
        for (var number = facts.StartLsn.Value / (uint)RandomHistory.Size.Bytes; number * (uint)RandomHistory.Size.Bytes < plan.Stop.ReadTo.Value; number++)
        {
            var file = RandomHistory.File(path, number);
            Assert.Contains(file, history.Stored);
            Assert.Contains(plan.Wal, leg => leg.Timeline == file.Timeline && leg.Start <= file.Start && file.End <= leg.End);
        }
        Assert.Equal((long)((plan.WalEnd - plan.WalStart) / RandomHistory.Size.Bytes), plan.SegmentCount);
    }, iter: Histories);

    [Fact]
    public void What_is_called_unreachable_is_so_from_every_backup_and_a_newer_one_would_not_do() => Worlds.Sample(JudgeUnreachable, iter: Histories);

    private static void JudgeUnreachable((int Seed, bool Steps, int Target) world)
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        var (target, timeline) = Target(history, world.Target);
        var (plan, why) = history.Plan(target, TimelineChoice.Of(timeline));

        foreach (var backup in history.Backups.Where(backup => plan is null || backup.Facts.StopLsn > plan.Backup.Facts.StopLsn))
        {
            // A later stop by the clock is never taken for an earlier target, though PostgreSQL could not know.
            if (target is RecoveryTarget.Time time && (backup.Facts.StopTime.CompareTo(time.At) > 0 || plan is null && NewerRunsOut(history, backup, time, timeline))) continue;
            if (!RecoverySources.IsAncestral(backup, history.History(timeline))) continue;
            if (history.Recover(backup, target, timeline) is not { } end || end.At < backup.Facts.StopLsn) continue;
            // The end of what is left before a gap is not what "latest" asks for.
            if (target is RecoveryTarget.Latest && history.Sources.Wal.GapsTo(timeline).Any(gap => gap.FirstMissing.Start > end.At)) continue;
            Assert.Fail($"{target} from {backup.Label} ends {end}, but {(plan is null ? why!.Message : $"{plan.Backup.Label} was chosen")}");
        }
    }

    [Fact]
    public void A_time_after_which_no_transaction_ended_is_reached_only_where_the_archive_speaks_of_it_after_the_backup() => Worlds.Sample(JudgeReachedTime, iter: Histories);

    // Without a transaction to stop before, something else must show that the clock came so far: no earlier than the backup, for the clock may have been set back.
    private static void JudgeReachedTime((int Seed, bool Steps, int Target) world)
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        var timeline = history.Timelines.ElementAt(world.Target % history.Timelines.Count());
        var target = new RecoveryTarget.Time(new PostgresTime(world.Target % 300));
        if (history.Plan(target, TimelineChoice.Of(timeline)).Plan is not { } plan || plan.Effective == target) return;

        var replayed = history.Replayed(plan.Backup.Facts.StartLsn, history.History(timeline)).ToArray();
        Assert.True(
            replayed.Any(record => record.Kind != "" && record.Time.CompareTo(target.At) >= 0)
            || history.Backups.Any(backup => RecoverySources.IsAncestral(backup, history.History(timeline)) && backup.Facts.StopTime.CompareTo(target.At) >= 0
                && backup.Facts.StopLsn >= plan.Backup.Facts.StopLsn && backup.Facts.StopLsn <= replayed[^1].End),
            $"nothing after {plan.Backup.Label} is as late as {target}");
    }

    [Fact]
    public void The_nearest_positions_are_reachable_and_none_between_them_is() => Worlds.Sample(world =>
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        var timeline = history.Timelines.ElementAt(world.Target % history.Timelines.Count());
        var target = new RecoveryTarget.AtLsn(new Lsn((ulong)world.Target * 32));
        var choice = TimelineChoice.Of(timeline);
        if (history.Plan(target, choice).Why is not { } why || history.Backups.Count == 0) return;

        if (why.Before is { } before) Assert.NotNull(history.Plan(new RecoveryTarget.AtLsn(before.Lsn), choice).Plan);
        if (why.After is { } after) Assert.NotNull(history.Plan(new RecoveryTarget.AtLsn(after.Lsn), choice).Plan);
        foreach (var record in history.Records.Where(record => history.History(timeline).Contains(record.Timeline, record.Start)).Where(record =>
            record.Start > (why.Before?.Lsn ?? default) && record.Start <= target.Position || record.Start >= target.Position && record.Start < (why.After?.Lsn ?? new Lsn(ulong.MaxValue))))
            Assert.True(history.Plan(new RecoveryTarget.AtLsn(record.Start), choice).Plan is null, $"{record.Start} can be reached, but {target}: {why.Message}; {why.Hint}");
    }, iter: Histories);

    [Fact]
    public void The_nearest_times_are_reachable_and_none_between_them_is() => Worlds.Sample(JudgeNearestTimes, iter: Histories);

    private static void JudgeNearestTimes((int Seed, bool Steps, int Target) world)
    {
        var history = new RandomHistory(world.Seed, steps: false);
        var timeline = history.Timelines.ElementAt(world.Target % history.Timelines.Count());
        var target = new RecoveryTarget.Time(new PostgresTime(world.Target % 300));
        var choice = TimelineChoice.Of(timeline);
        if (history.Plan(target, choice).Why is not { } why) return;

        if (why.Before is { Time: { } before }) Assert.NotNull(history.Plan(new RecoveryTarget.Time(before), choice).Plan);
        if (why.After is { Time: { } after }) Assert.NotNull(history.Plan(new RecoveryTarget.Time(after), choice).Plan);
        var from = why.Before?.Time?.Microseconds ?? -1;
        var to = why.After?.Time?.Microseconds ?? target.At.Microseconds + 20;
        for (var between = from + 1; between < to; between++) Assert.Null(history.Plan(new RecoveryTarget.Time(new PostgresTime(between)), choice).Plan);
    }

    [Fact]
    public void Ranges_hold_what_can_be_reached_and_nothing_else() => Worlds.Sample(world =>
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        foreach (var timeline in history.Timelines)
        {
            var ranges = RecoverableRanges.Along(history.Sources, history.History(timeline)).ToArray();
            foreach (var record in history.History(timeline).Path.SelectMany(stretch => history.Records.Where(record => record.Timeline == stretch.Timeline && stretch.Contains(record.Start))))
            {
                var reached = history.Plan(new RecoveryTarget.AtLsn(record.Start), TimelineChoice.Of(timeline)).Plan is not null;
                Assert.Equal(reached, ranges.Any(range => range.Start <= record.Start && record.Start < range.End));
            }
        }
    }, iter: 60);

    [Fact]
    public void A_backup_that_was_named_is_the_one_or_none() => Worlds.Sample(world =>
    {
        var history = new RandomHistory(world.Seed, world.Steps);
        if (history.Backups.Count == 0) return;
        var set = history.Backups[world.Target % history.Backups.Count].Label;
        var (target, timeline) = Target(history, world.Target);
        if (history.Plan(target, TimelineChoice.Of(timeline), set).Plan is { } plan) Assert.Equal(set, plan.Backup.Label);
        if (history.Plan(new RecoveryTarget.Immediate(), TimelineChoice.OfBackup, set).Plan is { } own) Assert.Equal((set, own.Backup.Facts.Timeline), (own.Backup.Label, own.Timeline));
    }, iter: Histories);

    [Theory]
    [InlineData(101727, false, 459605)] // a restore point hidden by one of its name within a newer, longer backup: an older backup was taken
    [InlineData(251529, false, 410107)] // the same: called unreachable
    [InlineData(311440, false, 208221)] // a time between the last transaction and the stop of a later backup
    [InlineData(161453, false, 4242)]
    [InlineData(49195, true, 216333)] // an earlier backup, made before the clock was set back, stopped after the target
    [InlineData(16538, true, 112525)]
    public void Histories_that_once_were_planned_wrongly_are_not(int seed, bool steps, int target)
    {
        JudgeUnreachable((seed, steps, target));
        JudgeNearestTimes((seed, steps, target));
        JudgeReachedTime((seed, steps, target));
    }

    [Fact]
    public void Histories_are_varied_enough_to_prove_anything()
    {
        var outcomes = Enumerable.Range(0, 1500).Select(seed =>
        {
            var history = new RandomHistory(seed, seed % 2 == 0);
            var (target, timeline) = Target(history, seed * 7919);
            return (target.GetType().Name, Reached: history.Plan(target, TimelineChoice.Of(timeline)).Plan is not null);
        }).GroupBy(outcome => outcome).ToDictionary(group => group.Key, group => group.Count());
        Assert.Equal(12, outcomes.Count(outcome => outcome.Value >= 5)); // six kinds of target, each reached and not reached
    }

    // An earlier step of the clock is not taken for a target either that did not come after a newer backup, made before it by the clock: what is asked for then
    // is not in the archive yet.
    private static bool NewerRunsOut(RandomHistory history, LoggedBackup backup, RecoveryTarget.Time target, TimelineId timeline) =>
        history.Backups.Any(newer => newer.Facts.StopLsn > backup.Facts.StopLsn && newer.Facts.StopTime.CompareTo(target.At) <= 0 && history.RunsOut(newer, target, timeline));

    private static (RecoveryTarget Target, TimelineId Timeline) Target(RandomHistory history, int number)
    {
        var random = new Random(number);
        var timeline = history.Timelines.ElementAt(random.Next(history.Timelines.Count()));
        var records = history.Records.ToArray();
        var record = records[random.Next(records.Length)];
        var inclusive = random.Next(2) == 0;
        RecoveryTarget target = random.Next(6) switch
        {
            0 => new RecoveryTarget.Latest(),
            1 => new RecoveryTarget.Immediate(),
            2 => new RecoveryTarget.Time(new PostgresTime(record.Time.Microseconds + random.Next(-1, 2)), inclusive),
            3 => new RecoveryTarget.AtLsn(record.Start + 8 * random.Next(-1, 2), inclusive),
            4 => new RecoveryTarget.Transaction(record.Xid == 0 ? 1 : record.Xid, inclusive),
            _ => new RecoveryTarget.RestorePoint($"point {random.Next(5)}"),
        };
        return (target, timeline);
    }
}
