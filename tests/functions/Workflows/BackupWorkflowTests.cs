using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Embedded.Journal;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>The backup workflow on the journaled engine over memory, where time passes as the test says.</summary>
public sealed class BackupWorkflowTests : BackupWorkflowScenarios
{
    private readonly ManualTime _time = new();

    [Fact]
    public async Task Silence_ends_an_attempt_and_its_late_word_does_not_end_the_next()
    {
        await StartAsync();
        await PassAsync(BackupWorkflow.Silence / 20, () => Done.Contains("send 2"));
        Assert.Equal(["send 1", "cancel shop:backup-20261122-020000F/1", "send 2"], Done);
        await EndAsync(1, succeeded: true);
        await EndAsync(2, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal("commit 2", Done[^1]);
    }

    [Fact]
    public async Task A_server_that_is_away_at_the_minute_gets_its_backup_when_it_is_back_minutes_later()
    {
        await WithPausesAsync();
        await StartAsync();
        var began = _time.GetUtcNow();
        // An agent of this version names the class; one before it said only that another attempt may do better.
        await EndAsync(1, succeeded: false, mayRetry: true, error: "the database system is starting up", AttemptRetry.Later);
        await PassAsync(TimeSpan.FromSeconds(10), () => Done.Contains("send 2"));
        await EndAsync(2, succeeded: false, mayRetry: true, error: "sorry, too many clients already");
        await PassAsync(TimeSpan.FromSeconds(10), () => Done.Contains("send 3"));
        Assert.InRange(_time.GetUtcNow() - began, TimeSpan.FromMinutes(6), TimeSpan.FromMinutes(7));
        await EndAsync(3, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal("commit 3", Done[^1]);
    }

    [Fact]
    public async Task While_the_next_attempt_is_waited_for_it_is_said_why_and_the_backup_can_be_cancelled()
    {
        await WithPausesAsync();
        await StartAsync();
        await EndAsync(1, succeeded: false, mayRetry: true, error: "no server listens there", AttemptRetry.Later);
        const string Waiting = "attempt 1 failed: no server listens there; the next begins in 1 minutes";
        await UntilAsync(status => status.Status?.Contains(Waiting, StringComparison.Ordinal) == true);
        Assert.True(await World.Client.CancelAsync(Instance, "not tonight"));
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "fail cancelled: not tonight"], Done);
    }

    [Fact]
    public async Task What_cut_the_attempt_off_and_is_over_costs_no_minute_the_second_time_it_does()
    {
        await WithPausesAsync();
        await StartAsync();
        await EndAsync(1, succeeded: false, mayRetry: true, error: "the agent was stopped", AttemptRetry.AtOnce);
        await SentAsync();
        var began = _time.GetUtcNow();
        await EndAsync(2, succeeded: false, mayRetry: true, error: "the agent was stopped", AttemptRetry.AtOnce);
        await PassAsync(TimeSpan.FromSeconds(30), () => Done.Contains("send 3"));
        Assert.InRange(_time.GetUtcNow() - began, TimeSpan.FromMinutes(5), TimeSpan.FromMinutes(6));
    }

    [Fact]
    public async Task A_backup_that_an_earlier_control_plane_began_goes_on_as_it_began()
    {
        Version = 1;
        await WithPausesAsync();
        await StartAsync();
        for (var attempt = 1; attempt <= 3; attempt++)
        {
            if (attempt > 1) await SentAsync();
            await EndAsync(attempt, succeeded: false, mayRetry: true, error: $"failure {attempt}");
        }
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "send 2", "send 3", "fail 3 attempts failed; the last: failure 3"], Done);
    }

    [Fact]
    public async Task A_host_that_speaks_is_waited_for()
    {
        await StartAsync();
        for (var i = 0; i < 4; i++) await SpeakAsync(i, BackupWorkflow.Silence * 2, new JobNews(Job(1)));
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.DoesNotContain("send 2", Done);
    }

    [Fact]
    public async Task A_start_of_ten_minutes_and_an_outage_of_six_cost_no_attempt()
    {
        await StartAsync();
        await WaitIdleAsync();
        await SpeakAsync(1, TimeSpan.FromMinutes(10), new JobNews(Job(1), StoreTimeoutSeconds: 600));
        await SpeakAsync(2, TimeSpan.FromMinutes(6), new JobNews(Job(1), StoreTimeoutSeconds: 600));
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task A_host_that_waits_for_its_store_for_hours_is_waited_for_as_long()
    {
        await StartAsync();
        await SpeakAsync(1, TimeSpan.FromSeconds(1), new JobNews(Job(1), StoreTimeoutSeconds: 4 * 3600));
        await SpeakAsync(2, TimeSpan.FromHours(4), new JobNews(Job(1), StoreTimeoutSeconds: int.MaxValue));
        await PassAsync(TimeSpan.FromMinutes(30), () => Done.Contains("send 2"));
        Assert.Contains("cancel shop:backup-20261122-020000F/1", Done);
    }

    [Fact]
    public async Task A_store_that_is_away_for_half_an_hour_while_a_job_is_to_be_sent_costs_no_backup()
    {
        var back = _time.GetUtcNow() + TimeSpan.FromMinutes(30);
        Send = () =>
        {
            if (_time.GetUtcNow() < back) throw new TimeoutException("the store does not answer");
        };
        await StartAsync();
        await PassAsync(TimeSpan.FromSeconds(20), () => _time.GetUtcNow() > back + TimeSpan.FromMinutes(1));
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal("commit 1", Done[^1]);
    }

    [Fact]
    public async Task A_copy_of_a_week_is_one_attempt_in_a_bounded_history()
    {
        var news = TimeSpan.FromMinutes(10);
        await StartAsync();
        for (var i = 0; i < TimeSpan.FromDays(7) / news; i++) await SpeakAsync(i, news, new JobNews(Job(1)));
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task Six_thousand_segments_that_come_within_hours_are_waited_for_in_a_bounded_history_with_few_looks()
    {
        const long Segments = 6000;
        await StartAsync();
        var began = _time.GetUtcNow();
        Archive = _ =>
        {
            var proven = Math.Min(Segments, (long)((_time.GetUtcNow() - began).TotalSeconds / 5));
            return new ArchiveAnswer(proven == Segments, proven, "waiting", Segments - proven);
        };
        await EndAsync(1, succeeded: true);
        await PassAsync(ArchivePauses.Longest, () => Done.Contains("commit 1"));
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.DoesNotContain("send 2", Done);
        Assert.InRange(Done.Count(step => step.StartsWith("archive", StringComparison.Ordinal)), 2 * BackupWorkflow.WaitsInHistory, 400);
    }

    [Fact]
    public async Task WAL_is_waited_for_as_long_as_it_comes()
    {
        var asked = 0L;
        Archive = question => new ArchiveAnswer(question.Proven == 3, Math.Min(3, ++asked));
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await PassAsync(TimeSpan.FromSeconds(20), () => Done.Contains("commit 1"));
        Assert.Equal(["archive 0", "archive 1", "archive 2", "archive 3"], Done.Where(step => step.StartsWith("archive", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_archive_that_stands_still_fails_the_backup()
    {
        Archive = _ => new ArchiveAnswer(false, 1, "waiting for 000000010000000000000003");
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await PassAsync(BackupWorkflow.ArchivePatience / 4, () => Done[^1].StartsWith("fail", StringComparison.Ordinal));
        Assert.Equal("fail the archive has stood still for 60 minutes: waiting for 000000010000000000000003", Done[^1]);
    }

    [Fact]
    public async Task A_job_that_cannot_be_sent_for_certain_is_called_back_and_the_backup_is_logged_as_failed()
    {
        Send = () => throw new TimeoutException("the store does not answer");
        await StartAsync();
        await PassAsync(TimeSpan.FromMinutes(1), () => Done[^1].StartsWith("fail", StringComparison.Ordinal));
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(BackupWorkflow.OutageRetries.MaxAttempts, Done.Count(step => step == "send 1"));
        Assert.Equal("cancel shop:backup-20261122-020000F/1", Done[^2]);
        Assert.Matches("^fail job shop:backup-20261122-020000F/1 could not be sent: .*the store does not answer", Done[^1]);
    }

    protected override Task<IWorkflowWorld> OpenAsync() => Task.FromResult<IWorkflowWorld>(new JournaledWorld(new MemoryJournal(), _time, new JournaledEngineOptions { MaxHistory = 1000 }));

    private Task WithPausesAsync()
    {
        Pauses = AttemptPauses.Default;
        return StartEngineAsync();
    }

    private async Task UntilAsync(Func<WorkflowStatus, bool> holds)
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        WorkflowStatus? status = null;
        do status = await World.Client.WaitForChangeAsync(Instance, status, patience.Token);
        while (!holds(status));
    }

    protected override async Task PassAsync(TimeSpan step, Func<bool> happened)
    {
        for (var i = 0; i < 400; i++)
        {
            lock (Done)
                if (happened()) return;
            await WaitIdleAsync();
            _time.Advance(step);
        }
        lock (Done) Assert.Fail($"it did not happen; done: {string.Join(", ", Done)}");
    }

    /// <summary>Lets time pass and says something then; returns when it was heard.</summary>
    private async Task SpeakAsync(int number, TimeSpan after, JobNews news)
    {
        _time.Advance(after);
        await RaiseAsync($"progress{number}", news);
        while ((await World.Client.GetStatusAsync(Instance))!.UpdatedAt < _time.GetUtcNow()) await Task.Delay(1);
    }

    /// <summary>The engine works on threads of its own: gives them a moment to come to rest.</summary>
    private static Task WaitIdleAsync() => Task.Delay(30);
}
