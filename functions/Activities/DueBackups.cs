using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>Begins what the policy makes due. It may be asked as often as one likes, by several at once: the log decides who begins.</summary>
/// <param name="services">The cluster.</param>
/// <param name="backups">Begins backups.</param>
/// <param name="policy">Says what is due.</param>
/// <param name="health">Told what is refused.</param>
/// <param name="log">The log.</param>
public sealed partial class DueBackups(ClusterServices services, BackupDesk backups, PolicyDesk policy, ClusterHealth health, ILogger<DueBackups> log)
{
    private string? _lastRefusal;

    /// <summary>Begins what is due. Only full backups can be made yet: the schedules of the others wait for a version that can.</summary>
    public async Task BeginDueAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        // Told once it is known: a page that is asked in between must not say that all is well.
        if (await TryBeginAsync(now, cancellationToken) is { } refusal) health.Report("due", refusal);
        else health.Clear("due");
    }

    /// <summary>Why it was refused; null when it was not, or nothing is due.</summary>
    private async Task<string?> TryBeginAsync(DateTimeOffset now, CancellationToken cancellationToken)
    {
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        if (!state.Hosts.Exists(host => host is { Role: HostRole.Database, Revoked: null })) return null;
        var since = await policy.SinceAsync(state, cancellationToken);
        if (ScheduleDecision.Due(state, PolicyDesk.Of(state), BackupType.Full, since, now) is not { } due || state.Running.Count > 0) return null;
        try
        {
            var backup = await backups.StartAsync(new BackupRequest(BackupType.Full), cancellationToken);
            LogBegun(backup.Label.ToString(), due);
            if (backup.Warning is { } warning) LogWarning(backup.Label.ToString(), warning);
            _lastRefusal = null;
            return null;
        }
        catch (PrimaryUnknownException)
        {
            return null; // this process has only begun to listen: the next round knows more
        }
        catch (RefusedException e)
        {
            if (_lastRefusal != e.Message) LogRefused(due, e.Message, e.Hint ?? "");
            return _lastRefusal = e.Message;
        }
    }

    [LoggerMessage(400, LogLevel.Information, "backup {Label} is begun, due {Due:u}")]
    private partial void LogBegun(string label, DateTimeOffset due);

    [LoggerMessage(403, LogLevel.Warning, "backup {Label}: {Warning}")]
    private partial void LogWarning(string label, string warning);

    [LoggerMessage(401, LogLevel.Warning, "the backup due {Due:u} is not begun: {Reason} HINT: {Hint}")]
    private partial void LogRefused(DateTimeOffset due, string reason, string hint);
}
