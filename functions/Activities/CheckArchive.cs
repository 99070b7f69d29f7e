using Holdfast.Core;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Looks whether the WAL that makes an attempt consistent is archived and whole: every segment from the one that holds the start LSN to the one that holds the last byte
/// before the stop LSN. A stop LSN on a segment's boundary asks for nothing of the next segment, which may never come.
/// </summary>
/// <param name="services">The cluster.</param>
public sealed class CheckArchive(ClusterServices services) : IActivity<ArchiveQuestion, ArchiveAnswer>
{
    // What one run reads: some seconds' work, so that progress is kept and a stopping host is not held up.
    private const int SegmentsAtOnce = 512;

    private const int ReadAhead = 8;

    /// <inheritdoc/>
    public async Task<ArchiveAnswer> RunAsync(ActivityContext context, ArchiveQuestion input, CancellationToken cancellationToken)
    {
        var view = await services.Decisions.ReadAsync(cancellationToken);
        var (running, _) = RunningBackups.Find(view.State, input.Label);
        var files = await new AttemptFiles(services).ReadAsync(view.State, new BackupAttempt(running.System, running.Label, input.Attempt), cancellationToken);
        var (first, last) = Needed(files);
        if (view.State.Cuts.Find(cut => cut.System == running.System && cut.Timeline == first.Timeline && cut.From < last.End && first.Start < cut.To) is { } cut)
            throw new RefusedException($"WAL from {cut.From} to {cut.To} is lost (log entry {cut.Entry}: {cut.Reason.ToString().ToLowerInvariant()}), and the backup needs {first.Start} to {last.End}", "take another one");
        // From the last proven one on: its seam with the next is still to be judged.
        var begin = first with { Number = first.Number + (ulong)Math.Max(0, input.Proven - 1) };
        return await ProveAsync(view, running.System, first, begin, last, cancellationToken);
    }

    /// <summary>The first and the last segment that replay from start to stop reads.</summary>
    internal static (WalSegmentName First, WalSegmentName Last) Needed(Wire.BackupFiles files)
    {
        if (!WalSegmentSize.IsValid(files.WalSegmentSize) || files.Timeline == 0 || files.StartLsn == 0 || files.StopLsn <= files.StartLsn)
            throw new DamagedException($"backup {files.Label}, attempt {files.Attempt}: it says that it goes from {new Lsn(files.StartLsn)} to {new Lsn(files.StopLsn)} on timeline {files.Timeline}", "the agent and the control plane must be of the same version");
        var (timeline, size) = (new TimelineId(files.Timeline), new WalSegmentSize(files.WalSegmentSize));
        return (WalSegmentName.Containing(timeline, new Lsn(files.StartLsn), size), WalSegmentName.Containing(timeline, new Lsn(files.StopLsn) + -1, size));
    }

    private async Task<ArchiveAnswer> ProveAsync(
        LogView view, SystemIdentifier system, WalSegmentName first, WalSegmentName begin, WalSegmentName last, CancellationToken cancellationToken)
    {
        var reader = new WalIndexReader(services.Data, new LogTrust(services.Decisions.Log, view), services.Index, system);
        var count = (long)Math.Min(last.Number - begin.Number + 1, SegmentsAtOnce);
        var range = new WalRange(begin.Timeline, begin.Start, (begin with { Number = begin.Number + (ulong)count - 1 }).End, count);
        var (verifier, proven, waiting) = (new WalChainVerifier([]), (long)(begin.Number - first.Number), (string?)null);
        void Observe(SegmentReading reading)
        {
            if (waiting is not null) return;
            if (reading.Summary is null) waiting = reading.Problem;
            else if (verifier.Breaks.FirstOrDefault(found => found.Kind == WalBreakKind.Seam) is { } seam)
                throw new RefusedException($"WAL does not join at segment {seam.First}: {seam.Reason}", "the server's WAL is damaged there: nothing recovers past it; look at the server, and take another backup");
            else proven++;
        }
        await reader.VerifyAsync([range], verifier, ReadAhead, Observe, _ => { }, cancellationToken);
        var total = (long)(last.Number - first.Number) + 1;
        return new ArchiveAnswer(proven == total, proven, proven == total ? null : $"waiting for WAL up to segment {last}: {waiting ?? $"{proven} of {total} segments are proven"}");
    }
}

/// <summary>Reads what a host wrote last of an attempt.</summary>
/// <param name="services">The cluster.</param>
internal sealed class AttemptFiles(ClusterServices services)
{
    /// <summary>Reads it.</summary>
    /// <exception cref="DamagedException">Absent, though the host said that the attempt is complete, or it does not count or open.</exception>
    public async Task<Wire.BackupFiles> ReadAsync(ClusterState state, BackupAttempt attempt, CancellationToken cancellationToken)
    {
        var item = new SealedItem(SealedKind.BackupFiles, attempt.Files, new BackupTrust(state).For(attempt), $"backup {attempt.Label}, attempt {attempt.Attempt}");
        var found = await new SealedStore(services.Data).FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken)
            ?? throw new DamagedException($"backup {attempt.Label}: the host says that attempt {attempt.Attempt} is complete, and blob {attempt.Files} is absent", "look at the agent's log; the store may have lost it");
        try
        {
            var opened = await found.Head.OpenIndexAsync(services.Index, cancellationToken);
            var files = opened.Index.Files ?? throw new SealedObjectException("its index says nothing of an attempt");
            return files.Label == attempt.Label.ToString() && files.Attempt == attempt.Attempt && files.SystemIdentifier == attempt.System.Value
                ? files : throw new SealedObjectException($"it is of backup {files.Label}, attempt {files.Attempt}, system {files.SystemIdentifier}");
        }
        catch (SealedObjectException e)
        {
            throw e.In(found.Name);
        }
    }
}
