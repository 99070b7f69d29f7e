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
        return await ProveAsync(view, running.System, new NeededWal(first, last, Math.Max(0, input.Proven)), cancellationToken);
    }

    /// <summary>The first and the last segment that replay from start to stop reads.</summary>
    internal static (WalSegmentName First, WalSegmentName Last) Needed(Wire.BackupFiles files)
    {
        var (timeline, size) = (new TimelineId(files.Timeline), new WalSegmentSize(files.WalSegmentSize));
        return (WalSegmentName.Containing(timeline, new Lsn(files.StartLsn), size), WalSegmentName.Containing(timeline, LastByte(files), size));
    }

    private static Lsn LastByte(Wire.BackupFiles files) => new(Math.Max(files.StartLsn, files.StopLsn - 1));

    /// <summary>
    /// Proves what is stored of the segments that are not proven yet, up to the first that is absent: while nothing came since the look before, that is one
    /// listing.
    /// </summary>
    private async Task<ArchiveAnswer> ProveAsync(LogView view, SystemIdentifier system, NeededWal needed, CancellationToken cancellationToken)
    {
        var most = Math.Min(needed.Missing, SegmentsAtOnce);
        var stored = await StoredSegments.CountJoinedAsync(services.Data, system, needed.Next, most, cancellationToken);
        if (stored == 0) return needed.Missing == 0 ? needed.Answer(null) : needed.Answer($"segment {needed.Next} is not archived yet");
        var reader = new WalIndexReader(services.Data, new LogTrust(services.Decisions.Log, view), services.Index, system);
        string? problem = null;
        // The last proven one is read again: its seam with the next is still to be judged.
        var (count, isProven) = needed.Proven > 0 ? (stored + 1, true) : (stored, false);
        var begin = isProven ? needed.Next with { Number = needed.Next.Number - 1 } : needed.Next;
        var range = new WalRange(begin.Timeline, begin.Start, (begin with { Number = begin.Number + (ulong)count - 1 }).End, count);
        var (verifier, proven) = (new WalChainVerifier([]), isProven ? -1L : 0L);
        void Observe(SegmentReading reading)
        {
            if (problem is not null) return;
            if (reading.Summary is null) problem = reading.Problem;
            else ThrowIfParted(verifier);
            if (problem is null) proven++;
        }
        await reader.VerifyAsync([range], verifier, ReadAhead, Observe, _ => { }, cancellationToken);
        var now = needed with { Proven = needed.Proven + Math.Max(0, proven) };
        return now.Answer(problem) with { IsMoreThere = problem is null && now.Missing > 0 && stored == most };
    }

    private static void ThrowIfParted(WalChainVerifier verifier)
    {
        if (verifier.Breaks.FirstOrDefault(found => found.Kind == WalBreakKind.Seam) is not { } seam) return;
        throw new RefusedException(
            $"WAL does not join at segment {seam.First}: {seam.Reason}",
            "the server's WAL is damaged there: nothing recovers past it; look at the server, and take another backup");
    }

    /// <summary>The segments that a backup needs, and how many of them are proven.</summary>
    private sealed record NeededWal(WalSegmentName First, WalSegmentName Last, long Proven)
    {
        public long Missing => Total - Proven;

        public WalSegmentName Next => First with { Number = First.Number + (ulong)Proven };

        private long Total => (long)(Last.Number - First.Number) + 1;

        public ArchiveAnswer Answer(string? problem) => Missing == 0
            ? new ArchiveAnswer(true, Proven)
            : new ArchiveAnswer(false, Proven, $"waiting for WAL up to segment {Last}: {problem ?? "more is to be read"}; {Proven} of {Total} are proven", Missing);
    }
}
