using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Embedded.Journal;
using Holdfast.Functions.Workflows;
using Holdfast.Tests.Fixtures;
using Holdfast.Tests.Functions.Embedded.Journal;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>The backup workflow on the journaled engine over memory, with activities that only note that they ran.</summary>
public sealed class BackupWorkflowTests : IAsyncLifetime
{
    private const string Label = "20261122-020000F";

    private static readonly InstanceId Instance = BackupNames.Instance("shop", BackupName.Parse(Label));

    private readonly ManualTime _time = new();
    private readonly JournaledWorld _world;
    private readonly List<string> _done = [];
    private readonly SemaphoreSlim _sent = new(0);
    private Func<ArchiveQuestion, ArchiveAnswer> _archive = _ => new ArchiveAnswer(true, 2);
    private Func<StoredManifest, bool> _commit = _ => true;
    private Action _send = () => { };
    private bool _wasCommitted;

    public BackupWorkflowTests() => _world = new JournaledWorld(new MemoryJournal(), _time);

    public Task InitializeAsync() => StartEngineAsync();

    public async Task DisposeAsync() => await _world.DisposeAsync();

    [Fact]
    public async Task A_job_that_succeeds_is_archived_proven_and_committed()
    {
        await StartAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], _done);
    }

    [Fact]
    public async Task A_failed_attempt_is_followed_by_another_with_a_number_of_its_own_three_at_most()
    {
        await StartAsync();
        for (var attempt = 1; attempt <= BackupWorkflow.MaxAttempts; attempt++)
        {
            if (attempt > 1) await SentAsync();
            await EndAsync(attempt, succeeded: false, mayRetry: true, error: $"failure {attempt}");
        }
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "send 2", "send 3", "fail 3 attempts failed; the last: failure 3"], _done);
    }

    [Fact]
    public async Task An_attempt_that_must_not_be_repeated_is_not()
    {
        await StartAsync();
        await EndAsync(1, succeeded: false, mayRetry: false, error: "PGDATA is another cluster's");
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "fail PGDATA is another cluster's"], _done);
    }

    [Fact]
    public async Task Silence_ends_an_attempt_and_its_late_word_does_not_end_the_next()
    {
        await StartAsync();
        await PassAsync(BackupWorkflow.Silence / 20, () => _done.Contains("send 2"));
        Assert.Equal(["send 1", "cancel shop:backup-20261122-020000F/1", "send 2"], _done);
        await EndAsync(1, succeeded: true);
        await EndAsync(2, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal("commit 2", _done[^1]);
    }

    [Fact]
    public async Task A_host_that_speaks_is_waited_for()
    {
        await StartAsync();
        for (var i = 0; i < 4; i++)
        {
            _time.Advance(BackupWorkflow.Silence * 0.7);
            await RaiseAsync($"progress{i}", new JobNews(Job(1)));
            while ((await _world.Client.GetStatusAsync(Instance))!.UpdatedAt < _time.GetUtcNow()) await WaitIdleAsync();
        }
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.DoesNotContain("send 2", _done);
    }

    [Fact]
    public async Task The_same_report_twice_is_one_event()
    {
        await StartAsync();
        await RaiseAsync("report:1", new JobNews(Job(1), Ended: true, Succeeded: false, MayRetry: true, Error: "once"));
        await SentAsync();
        await RaiseAsync("report:1", new JobNews(Job(1), Ended: true, Succeeded: false, MayRetry: true, Error: "once"));
        await EndAsync(2, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "send 2", "archive 0", "manifest 2", "commit 2"], _done);
    }

    [Fact]
    public async Task A_cancelled_backup_calls_its_job_back_and_is_logged_as_failed()
    {
        await StartAsync();
        Assert.True(await _world.Client.CancelAsync(Instance, "the disk is needed"));
        await Eventually(() => _done.Contains("cancel shop:backup-20261122-020000F/1"));
        await EndAsync(1, succeeded: false, error: "cancelled");
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "cancel shop:backup-20261122-020000F/1", "fail cancelled: the disk is needed"], _done);
    }

    [Fact]
    public async Task A_backup_can_be_cancelled_while_it_waits_for_WAL()
    {
        _archive = _ => new ArchiveAnswer(false, 0, "waiting");
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await Eventually(() => _done.Contains("archive 0"));
        await _world.Client.CancelAsync(Instance, "enough");
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal("fail cancelled: enough", _done[^1]);
    }

    [Fact]
    public async Task WAL_is_waited_for_as_long_as_it_comes()
    {
        var asked = 0L;
        _archive = question => new ArchiveAnswer(question.Proven == 3, Math.Min(3, ++asked));
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await PassAsync(TimeSpan.FromSeconds(20), () => _done.Contains("commit 1"));
        Assert.Equal(["archive 0", "archive 1", "archive 2", "archive 3"], _done.Where(step => step.StartsWith("archive", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task An_archive_that_stands_still_fails_the_backup()
    {
        _archive = _ => new ArchiveAnswer(false, 1, "waiting for 000000010000000000000003");
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await PassAsync(BackupWorkflow.ArchivePatience / 4, () => _done[^1].StartsWith("fail", StringComparison.Ordinal));
        Assert.Equal("fail the archive has stood still for 60 minutes: waiting for 000000010000000000000003", _done[^1]);
    }

    [Fact]
    public async Task A_commit_whose_answer_was_lost_is_a_commit()
    {
        _commit = _ => { _wasCommitted = true; throw new RefusedException("the answer was lost"); };
        await StartAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
    }

    [Fact]
    public async Task A_job_that_cannot_be_sent_for_certain_is_called_back_and_the_backup_is_logged_as_failed()
    {
        _send = () => throw new TimeoutException("the store does not answer");
        await StartAsync();
        await PassAsync(TimeSpan.FromMinutes(1), () => _done[^1].StartsWith("fail", StringComparison.Ordinal));
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(RetryPolicy.Default.MaxAttempts, _done.Count(step => step == "send 1"));
        Assert.Equal("cancel shop:backup-20261122-020000F/1", _done[^2]);
        Assert.Matches("^fail job backup-20261122-020000F/1 could not be sent: .*the store does not answer", _done[^1]);
    }

    [Fact]
    public async Task An_engine_that_was_killed_goes_on_where_it_was()
    {
        await StartAsync();
        await StartEngineAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], _done);
    }

    private Task StartEngineAsync() => _world.RunAsync(new WorkflowRegistry()
        .Add(BackupNames.Workflow, new BackupWorkflow())
        .Add<NextAttempt, AttemptReference>(BackupActivities.ChooseAttempt, (_, input, _) => Task.FromResult(new AttemptReference(input.Label, input.After + 1)))
        .Add<AttemptReference, JobTicket>(BackupActivities.SendJob, (context, input, _) =>
        {
            Note($"send {input.Attempt}");
            _sent.Release();
            _send();
            return Task.FromResult(new JobTicket(BackupNames.Job(context.InstanceId, input.Attempt), input.Attempt));
        })
        .Add<JobCancellation, bool>(BackupActivities.CancelJob, (_, input, _) => NoteAsync($"cancel {input.Job}", true))
        .Add<ArchiveQuestion, ArchiveAnswer>(BackupActivities.CheckArchive, (_, input, _) => NoteAsync($"archive {input.Proven}", _archive(input)))
        .Add<AttemptReference, StoredManifest>(BackupActivities.BuildManifest, (_, input, _) =>
            NoteAsync($"manifest {input.Attempt}", new StoredManifest(input.Label, input.Attempt, new string('0', 64), new ManifestFacts(17, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9))))
        .Add<StoredManifest, bool>(BackupActivities.Commit, (_, input, _) => { Note($"commit {input.Attempt}"); return Task.FromResult(_commit(input)); })
        .Add<BackupFailure, bool>(BackupActivities.Fail, (_, input, _) => { if (!_wasCommitted) Note($"fail {input.Reason}"); return Task.FromResult(!_wasCommitted); }));

    private async Task StartAsync()
    {
        Assert.True(await _world.Client.StartAsync(BackupNames.Workflow, Instance, new BackupInput(Label)));
        await SentAsync();
    }

    private async Task SentAsync() => Assert.True(await _sent.WaitAsync(TimeSpan.FromSeconds(20)), "no job was sent");

    private static string Job(int attempt) => BackupNames.Job(Instance, attempt);

    private Task EndAsync(int attempt, bool succeeded, bool mayRetry = false, string? error = null) =>
        RaiseAsync($"end{attempt}", new JobNews(Job(attempt), Ended: true, succeeded, mayRetry, error));

    private Task RaiseAsync(string id, JobNews news) => _world.Client.RaiseEventAsync(Instance, BackupNames.News, id, news);

    private async Task<WorkflowStatus> EndOfAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (WorkflowStatus? status = null; ;)
        {
            status = await _world.Client.WaitForChangeAsync(Instance, status, patience.Token);
            if (status.IsFinished) return status;
        }
    }

    /// <summary>Lets time pass, step by step, until something has happened.</summary>
    private async Task PassAsync(TimeSpan step, Func<bool> happened)
    {
        for (var i = 0; i < 200; i++)
        {
            lock (_done)
                if (happened()) return;
            await WaitIdleAsync();
            _time.Advance(step);
        }
        lock (_done) Assert.Fail($"it did not happen; done: {string.Join(", ", _done)}");
    }

    /// <summary>The engine works on threads of its own: gives them a moment to come to rest.</summary>
    private static Task WaitIdleAsync() => Task.Delay(30);

    private async Task Eventually(Func<bool> happened)
    {
        for (var i = 0; i < 400; i++)
        {
            lock (_done)
                if (happened()) return;
            await Task.Delay(25);
        }
        lock (_done) Assert.Fail($"it did not happen; done: {string.Join(", ", _done)}");
    }

    private Task<T> NoteAsync<T>(string step, T result)
    {
        Note(step);
        return Task.FromResult(result);
    }

    private void Note(string step)
    {
        lock (_done) _done.Add(step);
    }
}
