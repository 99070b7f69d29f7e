using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>Takes reports in, as the queue says that they are there, and those of which it did not.</summary>
/// <param name="services">The cluster.</param>
/// <param name="desk">Takes one in.</param>
/// <param name="log">The log.</param>
public sealed partial class ReportIntake(ClusterServices services, ReportDesk desk, ILogger<ReportIntake> log)
{
    /// <summary>Longer than taking in 32 reports takes.</summary>
    private static readonly TimeSpan Hidden = TimeSpan.FromSeconds(60);

    /// <summary>How old what others show of hosts may be.</summary>
    private static readonly TimeSpan Fresh = TimeSpan.FromSeconds(5);

    /// <summary>A message that was delivered so often and never taken in is removed: its report, if there is one, is found by the sweep.</summary>
    private const int MaxDeliveries = 5;

    private readonly SemaphoreSlim _gate = new(1);
    private DateTimeOffset _swept;

    /// <summary>Takes in what the next messages name, at most 32.</summary>
    /// <returns>How many there were, and whether one told of a job: more will come soon.</returns>
    public async Task<(int Messages, bool TellOfJob)> TakeAsync(CancellationToken cancellationToken)
    {
        var (notices, tellOfJob) = (await services.Reports.ReceiveAsync(Hidden, cancellationToken), false);
        foreach (var notice in notices) tellOfJob |= await TakeAsync(notice, cancellationToken);
        return (notices.Count, tellOfJob);
    }

    /// <summary>Takes in whatever the queue names, until it names nothing.</summary>
    public async Task DrainAsync(CancellationToken cancellationToken)
    {
        while ((await TakeAsync(cancellationToken)).Messages > 0) ;
    }

    /// <summary>Takes in all reports that are there: a message may have been lost.</summary>
    public Task SweepAsync(CancellationToken cancellationToken) => desk.SweepAsync(cancellationToken);

    /// <summary>Sweeps, unless this process did lately: what hosts last said is then known here, whoever else took it in.</summary>
    public async Task FreshenAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            if (services.Clock.GetUtcNow() - _swept is { } age && age < Fresh && age >= TimeSpan.Zero) return;
            await desk.SweepAsync(cancellationToken);
            _swept = services.Clock.GetUtcNow();
        }
        finally
        {
            _gate.Release();
        }
    }

    private async Task<bool> TakeAsync(ReportNotice notice, CancellationToken cancellationToken)
    {
        var tellsOfJob = false;
        try
        {
            tellsOfJob = await desk.TakeAsync(notice.Blob, cancellationToken);
        }
        catch (HoldfastException e) when (e is not StoreException)
        {
            desk.SetAside(notice.Blob, e.Message);
        }
        catch (Exception e) when (e is not OperationCanceledException && notice.Deliveries >= MaxDeliveries)
        {
            LogGivenUp(notice.Blob.Length <= 128 ? notice.Blob : notice.Blob[..128], notice.Deliveries, e.Message);
        }
        await services.Reports.DeleteAsync(notice, cancellationToken);
        return tellsOfJob;
    }

    [LoggerMessage(301, LogLevel.Error, "message for {Blob} is given up after {Deliveries} deliveries: {Reason}")]
    private partial void LogGivenUp(string blob, long deliveries, string reason);
}
