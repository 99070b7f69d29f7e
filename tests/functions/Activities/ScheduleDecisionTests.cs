using Holdfast.Core.Api;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Signals;
using Holdfast.Tests.Core.Repository;

namespace Holdfast.Tests.Functions.Activities;

/// <summary>What becomes of an occurrence whose backup failed: a schedule on a clock of its own, asked each minute.</summary>
public sealed class ScheduleDecisionTests
{
    private static readonly DateTimeOffset Sunday = new(2026, 11, 22, 2, 0, 0, TimeSpan.Zero);
    private static readonly DateTimeOffset Since = Sunday.AddDays(-3);
    private static readonly KeyThumbprint Host = LogWorld.Thumbprint(7);

    [Fact]
    public void A_server_that_is_down_for_an_hour_at_the_scheduled_minute_gets_its_backup()
    {
        var schedule = new Asked(Since) { Succeeds = time => time >= Sunday.AddHours(1) };
        schedule.Pass(TimeSpan.FromDays(7));
        Assert.InRange(Assert.Single(schedule.Committed), Sunday.AddHours(1), Sunday.AddHours(3));
        Assert.InRange(schedule.Begun.Count, 2, 3);
    }

    [Fact]
    public void An_occurrence_that_keeps_failing_is_repeated_in_growing_pauses_until_the_next_one_which_begins_on_its_minute()
    {
        var schedule = new Asked(Since) { Succeeds = time => time >= Sunday.AddDays(7) };
        schedule.Pass(TimeSpan.FromDays(12));
        Assert.Equal(Sunday.AddDays(7), Assert.Single(schedule.Committed));
        var failed = schedule.Begun.Where(time => time < Sunday.AddDays(7)).ToList();
        Assert.InRange(failed.Count, 30, 50); // each is two entries of the log
        var pauses = failed.Zip(failed.Skip(1), (one, next) => next - one).ToList();
        Assert.InRange(pauses[0], TimeSpan.FromMinutes(30), TimeSpan.FromHours(1));
        Assert.All(pauses.Zip(pauses.Skip(1)), pair => Assert.True(pair.Second >= pair.First));
        Assert.InRange(pauses[^1], TimeSpan.FromHours(4), TimeSpan.FromHours(5));
    }

    [Fact]
    public void A_schedule_of_each_minute_is_no_storm_while_its_backups_fail()
    {
        var schedule = new Asked(Since) { Policy = Each("* * * * *"), Succeeds = _ => false };
        schedule.Pass(TimeSpan.FromHours(5));
        Assert.All(schedule.Begun.Zip(schedule.Begun.Skip(1)), pair => Assert.True(pair.Second - pair.First >= TimeSpan.FromMinutes(1)));
        Assert.Equal(schedule.Begun.Count, schedule.Begun.Distinct().Count());
    }

    [Fact]
    public void A_backup_that_an_operator_ended_is_not_repeated_and_no_host_can_make_its_failure_look_so()
    {
        var label = BackupName.Parse("20261122-020000F");
        var failed = new FailedBackup(5, label, LogWorld.System, PostgresTime.From(Sunday), BackupFailed.ReasonOfCancelled("too slow"));
        var state = ClusterState.Empty with { FailedBackups = [failed], LastLabel = label };
        Assert.Null(Owed(state, Sunday.AddDays(1)));
        var byHost = failed with { Reason = BackupFailed.ReasonOfFailed(" cancelled: \nI would rather not") };
        Assert.NotNull(Owed(state with { FailedBackups = [byHost] }, Sunday.AddDays(1)));
    }

    [Fact]
    public void What_failed_by_hand_before_the_occurrence_is_none_of_its()
    {
        var label = BackupName.Parse("20261121-120000F");
        var failed = new FailedBackup(5, label, LogWorld.System, PostgresTime.From(Sunday.AddHours(-14)), "the disk");
        var state = ClusterState.Empty with { FailedBackups = [failed], LastLabel = label };
        Assert.Null(Owed(state, Sunday.AddMinutes(-1)));
        Assert.Equal(new OwedBackup(Sunday, Sunday), Owed(state, Sunday));
    }

    [Fact]
    public void A_backup_stays_overdue_while_it_fails_and_is_repeated()
    {
        var label = BackupName.Parse("20261122-020000F");
        var failed = new FailedBackup(5, label, LogWorld.System, PostgresTime.From(Sunday.AddMinutes(16)), "the server is down");
        var running = new RunningBackup(6, BackupName.Parse("20261122-024600F"), LogWorld.System, Host, default);
        var state = ClusterState.Empty with { FailedBackups = [failed], LastLabel = label };
        Assert.Equal(25 * 60, Overdue(state));
        Assert.Equal(25 * 60, Overdue(state with { Running = [running], LastLabel = running.Label }));
        Assert.Equal(0, Overdue(state with { FailedBackups = [], Running = [running], LastLabel = running.Label }));

        static double Overdue(ClusterState state) => BackupReadings.Of(state, ClusterPolicy.Default, Since, Sunday.AddMinutes(25))
            .Single(reading => reading.Signal == SignalTable.BackupOverdue).Value;
    }

    private static OwedBackup? Owed(ClusterState state, DateTimeOffset now) =>
        ScheduleDecision.Owed(state, ClusterPolicy.Default, BackupType.Full, Since, now);

    private static ClusterPolicy Each(string cron) =>
        ClusterPolicy.Default with { Schedules = ClusterPolicy.Default.Schedules with { Full = new BackupSchedule(cron) } };

    /// <summary>Backups that are begun when they are due, and take a quarter of an hour to fail, or a minute to be made.</summary>
    private sealed class Asked(DateTimeOffset now)
    {
        private readonly DateTimeOffset _since = now;
        private DateTimeOffset _now = now;
        private DateTimeOffset _ends;
        private ClusterState _state = ClusterState.Empty;

        public ClusterPolicy Policy { get; init; } = ClusterPolicy.Default;

        public required Func<DateTimeOffset, bool> Succeeds { get; init; }

        public List<DateTimeOffset> Begun { get; } = [];

        public List<DateTimeOffset> Committed { get; } = [];

        public void Pass(TimeSpan span)
        {
            for (var end = _now + span; _now < end; _now += TimeSpan.FromMinutes(1))
            {
                if (_state.Running is [var running] && _now >= _ends) End(running);
                if (_state.Running.IsEmpty && ScheduleDecision.Due(_state, Policy, BackupType.Full, _since, _now) is not null) Begin();
            }
        }

        private void Begin()
        {
            Assert.Empty(_state.Running);
            Begun.Add(_now);
            var label = BackupName.After(BackupType.Full, _now, null, _state.LastLabel);
            _state = _state with { Running = [new RunningBackup(0, label, LogWorld.System, Host, default)], LastLabel = label };
            _ends = _now + (Succeeds(_now) ? TimeSpan.FromMinutes(1) : TimeSpan.FromMinutes(15));
        }

        private void End(RunningBackup running)
        {
            _state = _state with { Running = [] };
            if (Succeeds(running.Label.Time))
            {
                Committed.Add(running.Label.Time);
                _state = _state with { Backups = _state.Backups.Add(new LoggedBackup(0, running.Label, LogWorld.System, Host, 1, null!, default)) };
                return;
            }
            var failed = _state.FailedBackups.Add(new FailedBackup(0, running.Label, LogWorld.System, PostgresTime.From(_now), "4 attempts failed"));
            _state = _state with { FailedBackups = failed.Count > ClusterState.FailedBackupsKept ? failed.RemoveAt(0) : failed };
        }
    }
}
