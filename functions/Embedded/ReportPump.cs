using Holdfast.Core;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Embedded;

/// <summary>Takes reports in as fast as they come, and sweeps those up of which the queue did not tell.</summary>
/// <param name="reports">Takes them in.</param>
/// <param name="health">Told when the store cannot be reached.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
internal sealed partial class ReportPump(ReportIntake reports, ClusterHealth health, TimeProvider clock, ILogger<ReportPump> log)
{
    /// <summary>How often the queue is asked while a backup runs: a hop takes at most 100 ms (design §5).</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(60);

    /// <summary>And while nothing happens: a heartbeat may wait.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan StaysBusy = TimeSpan.FromSeconds(30), SweepInterval = TimeSpan.FromMinutes(1), AfterFailure = TimeSpan.FromSeconds(2);

    private DateTimeOffset _busyUntil, _nextSweep;

    /// <summary>A backup began, or a job told of itself: its next report is near. A heartbeat is no such sign, or no agent would ever let the pump rest.</summary>
    public void Expect() => _busyUntil = clock.GetUtcNow() + StaysBusy;

    /// <summary>Runs until it is stopped. A message in hand is handled to its end.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var pause = await StepAsync(stopping);
            await Task.Delay(pause, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<TimeSpan> StepAsync(CancellationToken stopping)
    {
        try
        {
            var (messages, tellOfJob) = await reports.TakeAsync(stopping);
            if (tellOfJob) Expect();
            var now = clock.GetUtcNow();
            if (now >= _nextSweep || _nextSweep - now > SweepInterval)
            {
                await reports.SweepAsync(stopping);
                _nextSweep = now + SweepInterval;
            }
            health.Clear("reports");
            return messages > 0 ? TimeSpan.Zero : now < _busyUntil ? Busy : Idle;
        }
        catch (OperationCanceledException) when (stopping.IsCancellationRequested)
        {
            return TimeSpan.Zero;
        }
        catch (Exception e)
        {
            // Reports wait in the store meanwhile: none is lost. Messages in hand are hidden for a while: the sweep does not need them.
            _nextSweep = default;
            health.Report("reports", e.Message);
            LogFailure(e.Message, e is HoldfastException ? null : e);
            return AfterFailure;
        }
    }

    [LoggerMessage(300, LogLevel.Warning, "reports cannot be taken in: {Reason}")]
    private partial void LogFailure(string reason, Exception? failure);
}
