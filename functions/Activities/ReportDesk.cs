using System.Collections.Concurrent;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Functions.Workflows;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Takes in one report: reads it, does what follows from it, and deletes it only when that is durable. A report may be taken in twice; each effect is one that a second
/// time changes nothing.
/// <para>
/// Where several processes share the mail, one takes a heartbeat in and another is asked for it. So of each host the newest heartbeat and the newest progress stay
/// where they are until a newer one comes, and each process reads them by its own sweep.
/// </para>
/// </summary>
/// <param name="services">The cluster.</param>
/// <param name="workflows">The engine.</param>
/// <param name="board">For what is only to be looked at.</param>
/// <param name="sharesMail">Whether other processes take reports in, too.</param>
/// <param name="log">The log.</param>
public sealed partial class ReportDesk(ClusterServices services, IWorkflowClient workflows, HostBoard board, bool sharesMail, ILogger<ReportDesk> log)
{
    /// <summary>A workflow is told that its job lives at most so often: often enough for its patience, seldom enough for its history.</summary>
    private static readonly TimeSpan NewsInterval = BackupWorkflow.Silence / 4;

    // Whoever can create blobs can make junk: what was set aside is remembered only so that it is not told each minute.
    private const int MaxSetAside = 10_000;

    private readonly ReportReader _reader = new(services.Work, services.Index);
    private readonly ConcurrentDictionary<string, byte> _setAside = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset> _told = new(StringComparer.Ordinal);
    private readonly Dictionary<(KeyThumbprint Host, Wire.Report.BodyOneofCase Kind), ReceivedReport> _newest = [];

    /// <summary>Takes in a report by its name; one that is gone was taken in before.</summary>
    /// <returns>Whether it tells of a job: more will come soon.</returns>
    /// <exception cref="StoreException">It could not be read, or its effect not be made durable: try again.</exception>
    public async Task<bool> TakeAsync(string blob, CancellationToken cancellationToken)
    {
        if (_setAside.ContainsKey(blob) || IsNewest(blob)) return false;
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        if (await _reader.ReadAsync(blob, state, cancellationToken) is not { } received) return false;
        if (received.Junk is { } junk)
        {
            SetAside(blob, junk.Reason);
            return false;
        }
        if (await ActAsync(received.Host!, received.Report!, received, cancellationToken) && Dispensable(received) is { } done) await _reader.DeleteAsync(done, cancellationToken);
        return received.Report!.BodyCase is Wire.Report.BodyOneofCase.Progress or Wire.Report.BodyOneofCase.Ended;
    }

    /// <summary>Takes in all reports that are there: a queue's message may have been lost.</summary>
    public async Task SweepAsync(CancellationToken cancellationToken)
    {
        await foreach (var blob in _reader.ListAsync(cancellationToken))
        {
            try { await TakeAsync(blob, cancellationToken); }
            catch (HoldfastException e) when (e is not StoreException) { SetAside(blob, e.Message); }
        }
    }

    /// <summary>A report, or what was said to be one, is left where it is and not looked at again by this process.</summary>
    public void SetAside(string blob, string reason)
    {
        if (_setAside.Count < MaxSetAside && _setAside.TryAdd(blob, 0)) LogSetAside(blob.Length <= 128 ? blob : blob[..128], reason);
    }

    /// <summary>Does what follows from a report; false when this version does not know it.</summary>
    private async Task<bool> ActAsync(RegisteredHost host, Wire.Report report, ReceivedReport received, CancellationToken cancellationToken)
    {
        var (blob, at) = (received.Blob, received.Stored);
        board.Hear(host.Thumbprint, report.BodyCase == Wire.Report.BodyOneofCase.Heartbeat ? report.Heartbeat : null, at);
        switch (report.BodyCase)
        {
            case Wire.Report.BodyOneofCase.Heartbeat:
                return true;
            case Wire.Report.BodyOneofCase.Progress:
                await TellAsync(host, report.Progress, received, cancellationToken);
                return true;
            case Wire.Report.BodyOneofCase.Ended:
                await TellAsync(host, report.Ended, blob, cancellationToken);
                return true;
            case Wire.Report.BodyOneofCase.DamagedWal:
                var damaged = report.DamagedWal;
                return await LogCutAsync(host, blob, damaged.SystemIdentifier, damaged.Timeline, damaged.Start, damaged.End, CutReason.Damaged, cancellationToken);
            case Wire.Report.BodyOneofCase.MissingWal:
                var missing = report.MissingWal;
                return await LogCutAsync(host, blob, missing.SystemIdentifier, missing.Timeline, missing.Start, missing.End, CutReason.Adopted, cancellationToken);
            default:
                SetAside(blob, "this version does not know such a report: the agent is newer than the control plane");
                return false;
        }
    }

    private bool IsNewest(string blob)
    {
        lock (_newest) return _newest.Values.Any(kept => kept.Blob == blob);
    }

    /// <summary>The report that nobody needs any more, now that this one was taken in: itself, or the one that it makes old; null: none.</summary>
    private ReceivedReport? Dispensable(ReceivedReport received)
    {
        var kind = received.Report!.BodyCase;
        if (!sharesMail || kind is not (Wire.Report.BodyOneofCase.Heartbeat or Wire.Report.BodyOneofCase.Progress)) return received;
        lock (_newest)
        {
            var key = (received.Host!.Thumbprint, kind);
            var kept = _newest.GetValueOrDefault(key);
            // Numbers begin anew when a host loses its state; the store's clock does not.
            if (kept is not null && (kept.Stored, kept.Blob.Length, kept.Blob).CompareTo((received.Stored, received.Blob.Length, received.Blob)) > 0) return received;
            _newest[key] = received;
            return kept;
        }
    }

    private async Task TellAsync(RegisteredHost host, Wire.JobProgress progress, ReceivedReport received, CancellationToken cancellationToken)
    {
        if (await InstanceForAsync(host, progress.Job, cancellationToken) is not { } instance) return;
        board.Hear(progress, received.Stored);
        var now = services.Clock.GetUtcNow();
        if (_told.TryGetValue(progress.Job, out var last) && now - last < NewsInterval && last <= now) return;
        var news = new JobNews(progress.Job) { StoreTimeoutSeconds = (int)Math.Min(progress.StoreTimeoutSeconds, int.MaxValue) };
        await workflows.RaiseEventAsync(instance, BackupNames.News, EventId(received.Blob), news, cancellationToken);
        _told[progress.Job] = now;
    }

    private async Task TellAsync(RegisteredHost host, Wire.JobEnded ended, string blob, CancellationToken cancellationToken)
    {
        if (await InstanceForAsync(host, ended.Job, cancellationToken) is not { } instance) return;
        var error = ended.Succeeded ? null : LogEvent.ReasonOf(ended.Error);
        var news = new JobNews(ended.Job, Ended: true, ended.Succeeded, ended.MayRetry, error, (AttemptRetry)ended.Retry);
        var heard = await workflows.RaiseEventAsync(instance, BackupNames.News, EventId(blob), news, cancellationToken);
        board.Forget(ended.Job);
        _told.TryRemove(ended.Job, out _);
        LogEnded(ended.Job, host.Name, ended.Succeeded ? "succeeded" : error!, heard ? "" : "; nobody waits for it any more");
    }

    /// <summary>The workflow of a job, if it is the host's own: no host speaks for another.</summary>
    private async Task<InstanceId?> InstanceForAsync(RegisteredHost host, string job, CancellationToken cancellationToken)
    {
        if (BackupNames.InstanceOf(job) is not { } instance) return null;
        var state = (await services.Decisions.ReadAsync(cancellationToken)).State;
        return state.Running.Exists(backup => BackupNames.Instance(services.Cluster, backup.Label) == instance && backup.Host == host.Thumbprint) ? instance : null;
    }

    private async Task<bool> LogCutAsync(
        RegisteredHost host, string blob, ulong system, uint timeline, ulong start, ulong end, CutReason reason, CancellationToken cancellationToken)
    {
        if (host.System?.Value != system || timeline == 0 || start >= end)
        {
            SetAside(blob, $"host {host.Name} reports WAL of system {system}, timeline {timeline}, {new Lsn(start)} to {new Lsn(end)}, which is not its own or none");
            return false;
        }
        await services.Decisions.LogCutAsync(new WalCut(host.System!.Value, new TimelineId(timeline), new Lsn(start), new Lsn(end), reason, host.Thumbprint), cancellationToken);
        LogCut(host.Name, new Lsn(start).ToString(), new Lsn(end).ToString(), reason);
        return true;
    }

    /// <summary>An event's id out of a report's name: the same report raises the same event.</summary>
    private static string EventId(string blob) => blob.Replace('/', ':');

    [LoggerMessage(200, LogLevel.Warning, "{Blob} is set aside: {Reason}")]
    private partial void LogSetAside(string blob, string reason);

    [LoggerMessage(201, LogLevel.Information, "job {Job} of host {Host} {Outcome}{Rest}")]
    private partial void LogEnded(string job, string host, string outcome, string rest);

    [LoggerMessage(202, LogLevel.Error, "WAL of host {Host} from {From} to {To} is not to be had ({Reason}): the cut is logged; take a full backup")]
    private partial void LogCut(string host, string from, string to, CutReason reason);
}
