using Holdfast.Core;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Embedded;

/// <summary>Begins what the policy makes due, and brings log and engine together.</summary>
/// <param name="schedule">Begins what is due.</param>
/// <param name="backups">Brings log and engine together.</param>
/// <param name="health">Told what is wrong.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
internal sealed partial class Scheduler(DueBackups schedule, BackupDesk backups, ClusterHealth health, TimeProvider clock, ILogger<Scheduler> log)
{
    /// <summary>Cron knows minutes; looking every five seconds is one request to the store.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>How often log and engine are compared.</summary>
    private static readonly TimeSpan ResumeInterval = TimeSpan.FromMinutes(1);

    private DateTimeOffset _nextResume;

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var now = clock.GetUtcNow();
                if (backups.OwesWorkflow || now >= _nextResume || _nextResume - now > ResumeInterval)
                {
                    await backups.ResumeAsync(stopping);
                    _nextResume = now + ResumeInterval;
                }
                await schedule.BeginDueAsync(now, stopping);
                health.Clear("schedule");
            }
            catch (OperationCanceledException) when (stopping.IsCancellationRequested)
            {
                return;
            }
            catch (Exception e)
            {
                health.Report("schedule", e.Message);
                LogFailure(e.Message, e is HoldfastException ? null : e);
            }
            await Task.Delay(Interval, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    [LoggerMessage(402, LogLevel.Warning, "schedules cannot be followed: {Reason}")]
    private partial void LogFailure(string reason, Exception? failure);
}
