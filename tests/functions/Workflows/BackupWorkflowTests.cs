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
    public async Task A_host_that_speaks_is_waited_for()
    {
        await StartAsync();
        for (var i = 0; i < 4; i++)
        {
            _time.Advance(BackupWorkflow.Silence * 0.7);
            await RaiseAsync($"progress{i}", new JobNews(Job(1)));
            while ((await World.Client.GetStatusAsync(Instance))!.UpdatedAt < _time.GetUtcNow()) await WaitIdleAsync();
        }
        await EndAsync(1, succeeded: true);
        Assert.Equal(WorkflowState.Completed, (await EndOfAsync()).State);
        Assert.DoesNotContain("send 2", Done);
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
        Assert.Equal(RetryPolicy.Default.MaxAttempts, Done.Count(step => step == "send 1"));
        Assert.Equal("cancel shop:backup-20261122-020000F/1", Done[^2]);
        Assert.Matches("^fail job shop:backup-20261122-020000F/1 could not be sent: .*the store does not answer", Done[^1]);
    }

    protected override Task<IWorkflowWorld> OpenAsync() => Task.FromResult<IWorkflowWorld>(new JournaledWorld(new MemoryJournal(), _time));

    /// <summary>Lets time pass, step by step, until something has happened.</summary>
    private async Task PassAsync(TimeSpan step, Func<bool> happened)
    {
        for (var i = 0; i < 200; i++)
        {
            lock (Done)
                if (happened()) return;
            await WaitIdleAsync();
            _time.Advance(step);
        }
        lock (Done) Assert.Fail($"it did not happen; done: {string.Join(", ", Done)}");
    }

    /// <summary>The engine works on threads of its own: gives them a moment to come to rest.</summary>
    private static Task WaitIdleAsync() => Task.Delay(30);
}
