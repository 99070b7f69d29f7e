using Holdfast.Agent.Backup;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>A backup as a job: runs one attempt, tells how far it is, and can be cancelled.</summary>
/// <param name="context">The agent's run.</param>
/// <param name="repository">Where the backup goes.</param>
/// <param name="identity">Signs.</param>
/// <param name="reports">Where progress goes.</param>
internal sealed class BackupJob(CommandContext context, Host.Repository repository, HostIdentity identity, ReportChannel reports)
{
    private static readonly TimeSpan ProgressInterval = TimeSpan.FromSeconds(1);

    /// <summary>What gets nowhere is said, too, as often as the host is said to be well, and ten times within the silence that costs an attempt.</summary>
    private static readonly TimeSpan LongestLivenessInterval = TimeSpan.FromSeconds(30);

    /// <summary>What is asked for; null when it is no backup that this agent can make, and then why.</summary>
    public static BackupOrder? Read(Wire.BackupJob job, out string? fault)
    {
        fault = null;
        if (!BackupName.TryParse(job.Label, out var label)) fault = $"\"{job.Label}\" is no label of a backup";
        else if (job.Attempt is 0 or > int.MaxValue) fault = $"backup {label} has attempt {job.Attempt}, they count from 1";
        else if (label.Type != BackupType.Full) fault = $"backup {label} is no full backup, and this agent (version {Version.AgentVersion.Text}) makes no other";
        return fault is null ? new BackupOrder(label, (int)job.Attempt, job.FastCheckpoint) : null;
    }

    /// <summary>Runs the attempt to its end, whatever that is.</summary>
    /// <param name="id">What reports answer to.</param>
    /// <param name="request">The attempt.</param>
    /// <param name="cancellationToken">Cancels it.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public async Task<JobEnd> RunAsync(string id, BackupOrder request, CancellationToken cancellationToken)
    {
        var progress = new ReadingProgress();
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var telling = TellAsync(id, progress, over.Token);
        var started = context.Clock.GetTimestamp();
        using var span = AgentTelemetry.BackupBegins(request);
        JobEnd? end = null;
        try
        {
            var files = await new BackupRun(context, repository, identity, request, progress).RunAsync(cancellationToken).ConfigureAwait(false);
            context.Log.Info($"backup {request.Label}, attempt {request.Attempt}: all stored in {Terminal.Quantity.Duration(context.Clock.GetElapsedTime(started))}: "
                + $"{Terminal.Quantity.Bytes((long)files.ReadBytes)} read in {files.FileCount} files and folders, "
                + $"{Terminal.Quantity.Bytes((long)files.StoredBytes)} stored, {files.CorruptPageCount} corrupt pages, "
                + $"{files.WarningCount} warnings");
            return end = JobEnd.Success;
        }
        catch (Exception failure) when (failure is not OperationCanceledException || !cancellationToken.IsCancellationRequested)
        {
            end = JobEnd.Of(failure);
            context.Log.Error($"backup {request.Label}, attempt {request.Attempt} failed: {(failure is HoldfastException ? end.Error : failure.ToString())}");
            return end;
        }
        finally
        {
            await over.CancelAsync().ConfigureAwait(false);
            await telling.ConfigureAwait(false);
            AgentTelemetry.BackupEnded(span, progress, context.Clock.GetElapsedTime(started), end);
        }
    }

    /// <summary>
    /// When the end is reported, since it takes a moment. Packs are large arrays, which are collected last of all: without this, each backup of a long life begins
    /// with what the one before left.
    /// </summary>
    public static void GiveMemoryBack() => GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);

    // One report that does not arrive is not missed. All of them are: the control plane gives an attempt up of which it hears nothing.
    private async Task TellAsync(string id, ReadingProgress progress, CancellationToken over)
    {
        var told = default((CopyPhase Phase, long Bytes)?);
        var heartbeat = context.Options.Get(OptionTable.HeartbeatInterval);
        var liveness = heartbeat < LongestLivenessInterval ? heartbeat : LongestLivenessInterval;
        for (var at = 0L; !over.IsCancellationRequested;)
        {
            var now = (progress.Phase, progress.DoneBytes);
            if (now != told || context.Clock.GetElapsedTime(at) >= liveness)
            {
                try
                {
                    await reports.SendAsync(new Wire.Report { Progress = Message(id, progress) }, over).ConfigureAwait(false);
                    told = now;
                    at = context.Clock.GetTimestamp();
                }
                catch (Exception e) when (e is HoldfastException or OperationCanceledException) { context.Log.Debug($"progress was not reported: {e.Message}"); }
            }
            await Task.Delay(ProgressInterval, context.Clock, over).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private Wire.JobProgress Message(string id, ReadingProgress progress) => new()
    {
        Job = id,
        DoneBytes = (ulong)progress.DoneBytes,
        TotalBytes = (ulong)progress.TotalBytes,
        StoredBytes = (ulong)progress.StoredBytes,
        DoneFiles = (uint)progress.DoneFiles,
        TotalFiles = (uint)progress.TotalFiles,
        Phase = (uint)progress.Phase,
        StoreTimeoutSeconds = (uint)Math.Ceiling(context.Options.Get(OptionTable.BackupStoreTimeout).TotalSeconds),
    };
}
