using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Embedded;

/// <summary>Takes reports in as the queue says that they are there, and sweeps those up of which it did not.</summary>
/// <param name="services">The cluster.</param>
/// <param name="desk">Takes one in.</param>
/// <param name="health">Told when the store cannot be reached.</param>
/// <param name="log">The log.</param>
internal sealed partial class ReportPump(ClusterServices services, ReportDesk desk, ClusterHealth health, ILogger<ReportPump> log)
{
    /// <summary>How often the queue is asked while a backup runs: a hop takes at most 100 ms (design §5).</summary>
    private static readonly TimeSpan Busy = TimeSpan.FromMilliseconds(60);

    /// <summary>And while nothing happens: a heartbeat may wait.</summary>
    private static readonly TimeSpan Idle = TimeSpan.FromMilliseconds(400);

    private static readonly TimeSpan StaysBusy = TimeSpan.FromSeconds(30), SweepInterval = TimeSpan.FromMinutes(1), AfterFailure = TimeSpan.FromSeconds(2);

    /// <summary>Longer than taking in 32 reports takes.</summary>
    private static readonly TimeSpan Hidden = TimeSpan.FromSeconds(60);

    /// <summary>A message that was delivered so often and never taken in is removed: its report, if there is one, is found by the sweep.</summary>
    private const int MaxDeliveries = 5;

    private DateTimeOffset _busyUntil, _nextSweep;

    /// <summary>A backup began, or a job told of itself: its next report is near. A heartbeat is no such sign, or no agent would ever let the pump rest.</summary>
    public void Expect() => _busyUntil = services.Clock.GetUtcNow() + StaysBusy;

    /// <summary>Runs until it is stopped. A message in hand is handled to its end.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            var pause = await StepAsync(stopping);
            await Task.Delay(pause, services.Clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<TimeSpan> StepAsync(CancellationToken stopping)
    {
        try
        {
            var notices = await services.Reports.ReceiveAsync(Hidden, stopping);
            foreach (var notice in notices)
                if (await TakeAsync(notice, stopping)) Expect();
            var now = services.Clock.GetUtcNow();
            if (now >= _nextSweep || _nextSweep - now > SweepInterval)
            {
                await desk.SweepAsync(stopping);
                _nextSweep = now + SweepInterval;
            }
            health.Clear("reports");
            return notices.Count > 0 ? TimeSpan.Zero : now < _busyUntil ? Busy : Idle;
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

    private async Task<bool> TakeAsync(ReportNotice notice, CancellationToken stopping)
    {
        var tellsOfJob = false;
        try
        {
            tellsOfJob = await desk.TakeAsync(notice.Blob, stopping);
        }
        catch (HoldfastException e) when (e is not StoreException)
        {
            desk.SetAside(notice.Blob, e.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException && notice.Deliveries >= MaxDeliveries)
        {
            LogGivenUp(notice.Blob.Length <= 128 ? notice.Blob : notice.Blob[..128], notice.Deliveries, e.Message);
        }
        await services.Reports.DeleteAsync(notice, stopping);
        return tellsOfJob;
    }

    [LoggerMessage(300, LogLevel.Warning, "reports cannot be taken in: {Reason}")]
    private partial void LogFailure(string reason, Exception? failure);

    [LoggerMessage(301, LogLevel.Error, "message for {Blob} is given up after {Deliveries} deliveries: {Reason}")]
    private partial void LogGivenUp(string blob, long deliveries, string reason);
}
