using Holdfast.Core;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
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
        var attempt = new BackupAttempt(running.System, running.Label, input.Attempt);
        var files = await new AttemptReader(services.Data, services.Index, new BackupTrust(view.State), attempt, _ => { }).ReadFilesAsync(cancellationToken)
            ?? throw new DamagedException($"backup {attempt.Label}: the host says that attempt {attempt.Attempt} is complete, and blob {attempt.Files} is absent", "look at the agent's log; the store may have lost it");
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
        var (timeline, size) = (new TimelineId(files.Timeline), new WalSegmentSize(files.WalSegmentSize));
        return (WalSegmentName.Containing(timeline, new Lsn(files.StartLsn), size), WalSegmentName.Containing(timeline, LastByte(files), size));
    }

    private static Lsn LastByte(Wire.BackupFiles files) => new(Math.Max(files.StartLsn, files.StopLsn - 1));

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
