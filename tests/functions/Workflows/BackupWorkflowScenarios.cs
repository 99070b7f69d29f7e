using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;
using Holdfast.Functions.Workflows;

namespace Holdfast.Tests.Functions.Workflows;

/// <summary>The backup workflow on any engine, with activities that only note that they ran. No scenario here waits for longer than a moment.</summary>
public abstract class BackupWorkflowScenarios : IAsyncLifetime
{
    private const string Label = "20261122-020000F";

    private readonly SemaphoreSlim _sent = new(0);
    private IWorkflowWorld? _world;
    private Func<StoredManifest, bool> _commit = _ => true;
    private bool _wasCommitted;

    protected static InstanceId Instance { get; } = BackupNames.Instance("shop", BackupName.Parse(Label));

    protected IWorkflowWorld World => _world ?? throw new InvalidOperationException("The world was not opened");

    protected List<string> Done { get; } = [];

    protected Func<ArchiveQuestion, ArchiveAnswer> Archive { get; set; } = _ => new ArchiveAnswer(true, 2);

    protected Action Send { get; set; } = () => { };

    /// <summary>Runs when all reports are read before a host is judged silent.</summary>
    protected Func<Task> Read { get; set; } = () => Task.CompletedTask;

    /// <summary>Between attempts: none, where time passes by itself.</summary>
    protected AttemptPauses Pauses { get; set; } = new([TimeSpan.Zero, TimeSpan.Zero, TimeSpan.Zero]);

    /// <summary>Of a host, beyond the time that it waits for its store.</summary>
    protected TimeSpan Silence { get; set; } = BackupWorkflow.Silence;

    /// <summary>What new instances get.</summary>
    protected int Version { get; set; } = BackupWorkflow.Version;

    public async Task InitializeAsync()
    {
        _world = await OpenAsync();
        await StartEngineAsync();
    }

    public async Task DisposeAsync()
    {
        if (_world is not null) await _world.DisposeAsync();
    }

    [Fact]
    public async Task A_job_that_succeeds_is_archived_proven_and_committed()
    {
        await StartAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task A_failed_attempt_is_followed_by_another_with_a_number_of_its_own_four_at_most()
    {
        await StartAsync();
        for (var attempt = 1; attempt <= AttemptPauses.Default.MaxAttempts; attempt++)
        {
            if (attempt > 1) await SentAsync();
            await EndAsync(attempt, succeeded: false, mayRetry: true, error: $"failure {attempt}");
        }
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "send 2", "send 3", "send 4", "fail 4 attempts failed; the last: failure 4"], Done);
    }

    [Fact]
    public async Task An_attempt_that_must_not_be_repeated_is_not()
    {
        await StartAsync();
        await EndAsync(1, succeeded: false, mayRetry: false, error: "PGDATA is another cluster's");
        Assert.Equal(WorkflowState.Failed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "fail PGDATA is another cluster's"], Done);
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
        Assert.Equal(["send 1", "send 2", "archive 0", "manifest 2", "commit 2"], Done);
    }

    [Fact]
    public async Task A_cancelled_backup_calls_its_job_back_and_is_logged_as_failed()
    {
        await StartAsync();
        Assert.True(await World.Client.CancelAsync(Instance, "the disk is needed"));
        await Eventually(() => Done.Contains("cancel shop:backup-20261122-020000F/1"));
        await EndAsync(1, succeeded: false, error: "cancelled");
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "cancel shop:backup-20261122-020000F/1", "fail cancelled: the disk is needed"], Done);
    }

    [Fact]
    public async Task A_backup_can_be_cancelled_while_it_waits_for_WAL()
    {
        Archive = _ => new ArchiveAnswer(false, 0, "waiting");
        await StartAsync();
        await EndAsync(1, succeeded: true);
        await Eventually(() => Done.Contains("archive 0"));
        await World.Client.CancelAsync(Instance, "enough");
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal("fail cancelled: enough", Done[^1]);
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
    public async Task An_engine_that_was_killed_goes_on_where_it_was()
    {
        await StartAsync();
        await StartEngineAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task What_a_host_says_in_a_long_copy_is_heard_though_the_workflow_begins_a_new_history_again_and_again()
    {
        await StartAsync();
        for (var i = 0; i < 2 * BackupWorkflow.WaitsInHistory + 1; i++) await RaiseAsync($"progress{i}", new JobNews(Job(1)));
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task A_backup_is_cancelled_also_after_its_workflow_began_a_new_history()
    {
        await StartAsync();
        for (var i = 0; i < BackupWorkflow.WaitsInHistory + 1; i++) await RaiseAsync($"progress{i}", new JobNews(Job(1)));
        Assert.True(await World.Client.CancelAsync(Instance, "the disk is needed"));
        await Eventually(() => Done.Contains("cancel shop:backup-20261122-020000F/1"));
        await EndAsync(1, succeeded: false, error: "cancelled");
        Assert.Equal(WorkflowState.Cancelled, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "cancel shop:backup-20261122-020000F/1", "fail cancelled: the disk is needed"], Done);
    }

    [Fact]
    public async Task An_end_that_waits_to_be_read_is_read_before_its_host_is_judged_silent()
    {
        Silence = TimeSpan.FromSeconds(1);
        Read = () => EndAsync(1, succeeded: true);
        await StartEngineAsync();
        await StartAsync();
        await RaiseAsync("progress", new JobNews(Job(1), StoreTimeoutSeconds: 1));
        await PassAsync(Silence, () => Done.Contains("commit 1"));
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(["send 1", "archive 0", "manifest 1", "commit 1"], Done);
    }

    [Fact]
    public async Task A_backlog_of_six_thousand_segments_is_proven_look_by_look()
    {
        const long Segments = 6000;
        Archive = question => Math.Min(Segments, question.Proven + 40) is var proven && proven == Segments
            ? new ArchiveAnswer(true, proven)
            : new ArchiveAnswer(false, proven, "waiting", Segments - proven, IsMoreThere: true);
        await StartAsync();
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.Equal(Segments / 40, Done.Count(step => step.StartsWith("archive", StringComparison.Ordinal)));
        Assert.Equal("commit 1", Done[^1]);
    }

    /// <summary>The engine to be judged, with an empty store.</summary>
    protected abstract Task<IWorkflowWorld> OpenAsync();

    protected Task StartEngineAsync() => World.RunAsync(new WorkflowRegistry()
        .Add(BackupNames.Workflow, new BackupWorkflow(Pauses, Silence), Version)
        .Add<NextAttempt, AttemptReference>(BackupActivities.ChooseAttempt, (_, input, _) => Task.FromResult(new AttemptReference(input.Label, input.After + 1)))
        .Add<AttemptReference, JobTicket>(BackupActivities.SendJob, (context, input, _) =>
        {
            Note($"send {input.Attempt}");
            _sent.Release();
            Send();
            return Task.FromResult(new JobTicket(BackupNames.Job(context.InstanceId, input.Attempt), input.Attempt));
        })
        .Add<JobCancellation, bool>(BackupActivities.CancelJob, (_, input, _) => NoteAsync($"cancel {input.Job}", true))
        .Add<JobTicket, bool>(BackupActivities.ReadReports, async (_, _, _) => { await Read(); return true; })
        .Add<ArchiveQuestion, ArchiveAnswer>(BackupActivities.CheckArchive, (_, input, _) => NoteAsync($"archive {input.Proven}", Archive(input)))
        .Add<AttemptReference, StoredManifest>(BackupActivities.BuildManifest, (_, input, _) =>
            NoteAsync($"manifest {input.Attempt}", new StoredManifest(input.Label, input.Attempt, new string('0', 64), new ManifestFacts(17, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9))))
        .Add<StoredManifest, bool>(BackupActivities.Commit, (_, input, _) => { Note($"commit {input.Attempt}"); return Task.FromResult(_commit(input)); })
        .Add<BackupFailure, bool>(BackupActivities.Fail, (_, input, _) => { if (!_wasCommitted) Note($"fail {input.Reason}"); return Task.FromResult(!_wasCommitted); }));

    protected async Task StartAsync()
    {
        Assert.True(await World.Client.StartAsync(BackupNames.Workflow, Instance, new BackupInput(Label)));
        await SentAsync();
    }

    protected async Task SentAsync() => Assert.True(await _sent.WaitAsync(TimeSpan.FromSeconds(20)), "no job was sent");

    protected static string Job(int attempt) => BackupNames.Job(Instance, attempt);

    protected Task EndAsync(
        int attempt, bool succeeded, bool mayRetry = false, string? error = null, AttemptRetry retry = AttemptRetry.NotSaid) =>
        RaiseAsync($"end{attempt}", new JobNews(Job(attempt), Ended: true, succeeded, mayRetry, error, retry));

    protected Task RaiseAsync(string id, JobNews news) => World.Client.RaiseEventAsync(Instance, BackupNames.News, id, news);

    protected async Task<WorkflowStatus> EndOfAsync()
    {
        using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(20));
        for (WorkflowStatus? status = null; ;)
        {
            status = await World.Client.WaitForChangeAsync(Instance, status, patience.Token);
            if (status.IsFinished) return status;
        }
    }

    /// <summary>Lets time pass, step by step, until something has happened; here it passes by itself.</summary>
    protected virtual Task PassAsync(TimeSpan step, Func<bool> happened) => Eventually(happened);

    private async Task Eventually(Func<bool> happened)
    {
        for (var i = 0; i < 400; i++)
        {
            lock (Done)
                if (happened()) return;
            await Task.Delay(25);
        }
        lock (Done) Assert.Fail($"it did not happen; done: {string.Join(", ", Done)}");
    }

    private Task<T> NoteAsync<T>(string step, T result)
    {
        Note(step);
        return Task.FromResult(result);
    }

    private void Note(string step)
    {
        lock (Done) Done.Add(step);
    }
}
