using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;
using Holdfast.Functions.Activities;

namespace Holdfast.Functions.Embedded;

/// <summary>Begins what the policy makes due, and brings log and engine together.</summary>
/// <param name="services">The cluster.</param>
/// <param name="backups">Begins backups.</param>
/// <param name="policy">Says what is due.</param>
/// <param name="health">Told what is wrong.</param>
/// <param name="log">The log.</param>
internal sealed partial class Scheduler(ClusterServices services, BackupDesk backups, PolicyDesk policy, ClusterHealth health, ILogger<Scheduler> log)
{
    /// <summary>Cron knows minutes; looking every five seconds is one request to the store.</summary>
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    /// <summary>How often log and engine are compared.</summary>
    private static readonly TimeSpan ResumeInterval = TimeSpan.FromMinutes(1);

    private string? _lastRefusal;
    private DateTimeOffset _nextResume;

    /// <summary>Runs until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            try
            {
                var now = services.Clock.GetUtcNow();
                if (backups.OwesWorkflow || now >= _nextResume || _nextResume - now > ResumeInterval)
                {
                    await backups.ResumeAsync(stopping);
                    _nextResume = now + ResumeInterval;
                }
                await TickAsync(now, stopping);
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
            await Task.Delay(Interval, services.Clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>Begins what is due. Only full backups can be made yet: the schedules of the others wait for a version that can.</summary>
    internal async Task TickAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        if (!state.Hosts.Exists(host => host is { Role: HostRole.Database, Revoked: null })) return;
        var since = await policy.SinceAsync(state, cancellationToken);
        if (ScheduleDecision.Due(state, PolicyDesk.Of(state), BackupType.Full, since, now) is not { } due || state.Running.Count > 0) return;
        try
        {
            var backup = await backups.StartAsync(new BackupRequest(BackupType.Full), cancellationToken);
            LogBegun(backup.Label.ToString(), due);
            _lastRefusal = null;
        }
        catch (RefusedException e)
        {
            health.Report("schedule", e.Message);
            if (_lastRefusal != e.Message) LogRefused(due, e.Message, e.Hint ?? "");
            _lastRefusal = e.Message;
        }
    }

    [LoggerMessage(400, LogLevel.Information, "backup {Label} is begun, due {Due:u}")]
    private partial void LogBegun(string label, DateTimeOffset due);

    [LoggerMessage(401, LogLevel.Warning, "the backup due {Due:u} is not begun: {Reason} HINT: {Hint}")]
    private partial void LogRefused(DateTimeOffset due, string reason, string hint);

    [LoggerMessage(402, LogLevel.Warning, "schedules cannot be followed: {Reason}")]
    private partial void LogFailure(string reason, Exception? failure);
}
