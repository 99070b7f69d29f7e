using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Info;

/// <summary>Keys that a survey may use; either may be empty.</summary>
/// <param name="Index">Opens indexes: an index or a content key.</param>
/// <param name="Content">Opens content.</param>
/// <param name="Codec">Decompresses.</param>
public sealed record SurveyKeys(Keyring Index, Keyring Content, IFrameCodec Codec);

/// <summary>Looks at the WAL of one history: lists it, opens histories, reads the times at the ends of ranges, and verifies it when asked to.</summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Judges signers.</param>
/// <param name="keys">Keys at hand.</param>
/// <param name="warn">Told of what cannot be used.</param>
public sealed class WalSurvey(IObjectStore data, ISignerTrust trust, SurveyKeys keys, Action<string> warn)
{
    // Times are a convenience: an archive of many gaps must not cost a request for each.
    private const int TimeReads = 64;

    // A segment without a commit has no time; its neighbours usually have.
    private const int TimeTries = 4;

    private const int ReadAhead = 8;

    /// <summary>Surveys one history.</summary>
    /// <param name="system">Its system identifier.</param>
    /// <param name="state">What the log says: backups, and what is not to be had.</param>
    /// <param name="verify">Whether to read every segment's index.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<InfoHistory> ReadAsync(SystemIdentifier system, ClusterState state, bool verify, CancellationToken cancellationToken)
    {
        var listing = new WalListing(data, trust, system) { Backups = state.Backups };
        var inventory = await listing.ReadAsync(cancellationToken).ConfigureAwait(false);
        var ranges = inventory.Ranges.Select(stored => stored.Range).ToArray();
        var stored = inventory.Histories.ToHashSet();
        var opened = await new WalHistoryReader(data, trust, keys.Content, keys.Codec).ReadAsync(system, stored, warn, cancellationToken).ConfigureAwait(false);
        var origins = TimelineOrigins.Find(ranges, stored, opened);
        var reader = new WalIndexReader(data, trust, keys.Index, system);
        var times = await ReadTimesAsync(reader, inventory, cancellationToken).ConfigureAwait(false);
        var verification = verify ? await VerifyAsync(reader, ranges, origins, cancellationToken).ConfigureAwait(false) : null;
        var cuts = state.Cuts.Where(cut => cut.System == system).ToArray();
        var continuous = WalRanges.FromRanges(ranges, origins.Select(origin => origin.History));
        var sources = new RecoverySources(state.Backups.Where(backup => backup.System == system), cuts, ranges, origins, stored);
        return new InfoHistory(system.ToString(), times.Major, ranges.Length == 0 ? null : inventory.Size.Bytes, inventory.SegmentCount, inventory.Bytes,
            [.. origins.Select(origin => Timeline(origin, inventory, times.Of))], [.. Gaps(continuous, origins)],
            Extras(inventory.Partial), Extras(inventory.Damaged), Extras(inventory.Alternates), Extras(inventory.Foreign),
            [.. cuts.Select(cut => new InfoCut(cut.Timeline.Value, cut.From.ToString(), cut.To.ToString(), Word(cut.Reason)))],
            [.. state.Backups.Where(backup => backup.System == system).Select(backup => Backup(backup, state))],
            [.. state.Running.Where(backup => backup.System == system).Select(backup => new InfoRunningBackup(backup.Label.ToString(), Host(state, backup.Host), backup.Time.ToDateTimeOffset()))],
            [.. state.FailedBackups.Where(backup => backup.System == system).Select(backup => new InfoFailedBackup(backup.Label.ToString(), backup.Time.ToDateTimeOffset(), backup.Reason))],
            [.. RecoverableRanges.Find(sources).Select(range => Restorable(range, times.Of))], verification);
    }

    /// <summary>Gaps of each timeline, and what is missing only on the way across a switch.</summary>
    internal static IEnumerable<InfoGap> Gaps(WalRanges ranges, IEnumerable<TimelineOrigin> origins)
    {
        var gaps = ranges.Gaps.ToList();
        foreach (var origin in origins.Where(origin => origin.Switch is not null))
            foreach (var gap in ranges.GapsTo(origin.Timeline))
                if (!gaps.Exists(known => Covers(known, gap))) gaps.Add(gap);
        return gaps.OrderBy(gap => gap.Timeline.Value).ThenBy(gap => gap.FirstMissing.Start).Select(gap => new InfoGap(
            gap.Timeline.Value, gap.FirstMissing.ToString(), gap.LastMissing.ToString(), gap.FirstMissing.Start.ToString(), gap.LastMissing.End.ToString(), gap.SegmentCount));
    }

    private static bool Covers(WalGap known, WalGap gap) => known.Timeline == gap.Timeline
        && known.FirstMissing.Start <= gap.FirstMissing.Start && known.LastMissing.End >= gap.LastMissing.End;

    private static InfoBackup Backup(LoggedBackup backup, ClusterState state)
    {
        var facts = backup.Facts;
        return new InfoBackup(
            backup.Label.ToString(), Word(backup.Label.Type), backup.Parent?.ToString(), Host(state, backup.Host), facts.Major,
            facts.Timeline.Value, facts.StartLsn.ToString(), facts.StopLsn.ToString(), facts.StartTime.ToDateTimeOffset(),
            facts.StopTime.ToDateTimeOffset(), facts.DatabaseBytes, facts.ReadBytes, facts.StoredBytes, facts.FileCount,
            facts.CorruptPages, facts.WarningCount);
    }

    private static string Host(ClusterState state, Core.Sealing.KeyThumbprint key) => state.FindHost(key)?.Name ?? key.Short;

    private static InfoRestorable Restorable(RecoverableRange range, Dictionary<WalRange, (DateTimeOffset? From, DateTimeOffset? To)> times)
    {
        var last = range.Path.Legs[^1];
        var to = times.FirstOrDefault(stored => stored.Key.Timeline == last.Timeline && stored.Key.End == last.End).Value.To;
        var stopped = range.Backups.Max(backup => backup.Facts.StopTime.Microseconds);
        return new InfoRestorable(range.Timeline.Value, range.Start.ToString(), range.End.ToString(), range.From.ToDateTimeOffset(),
            to is { } seen && seen > new PostgresTime(stopped).ToDateTimeOffset() ? seen : times.Count == 0 ? null : new PostgresTime(stopped).ToDateTimeOffset(), [.. range.Backups.Select(backup => backup.Label.ToString())]);
    }

    private async Task<InfoVerification> VerifyAsync(
        WalIndexReader reader, IReadOnlyList<WalRange> ranges, IReadOnlyList<TimelineOrigin> origins, CancellationToken cancellationToken)
    {
        var junk = new List<Junk>();
        var verifier = new WalChainVerifier(origins.Select(origin => Joint(origin, ranges)).OfType<WalJoint>());
        void Note(Junk found)
        {
            lock (junk)
                if (junk.Count < StoredExtras.Kept) junk.Add(found);
        }
        await reader.VerifyAsync(ranges, verifier, ReadAhead, _ => { }, Note, cancellationToken).ConfigureAwait(false);
        return new InfoVerification(verifier.IsWhole, verifier.SegmentCount, verifier.SeamCount, verifier.UnprovenCount, verifier.BreakCount,
            [.. verifier.Breaks.Select(found => new InfoBreak(Word(found.Kind), found.First.Timeline.Value, found.First.ToString(), found.Last.ToString(), found.At.ToString(), found.Reason))],
            [.. junk.OrderBy(found => found.Blob, StringComparer.Ordinal).Select(found => new InfoJunk(found.Blob, found.Reason))]);
    }

    private async Task<(int? Major, Dictionary<WalRange, (DateTimeOffset? From, DateTimeOffset? To)> Of)> ReadTimesAsync(
        WalIndexReader reader, WalInventory inventory, CancellationToken cancellationToken)
    {
        var of = new Dictionary<WalRange, (DateTimeOffset?, DateTimeOffset?)>();
        if (keys.Index.IsEmpty) return (null, of);
        var (left, major) = (TimeReads, (int?)null);
        async Task<PostgresTime?> SearchAsync(WalRange range, bool forward)
        {
            var first = forward ? range.First : range.Last;
            for (ulong i = 0; i < Math.Min(TimeTries, (ulong)range.SegmentCount) && left-- > 0; i++)
            {
                var reading = await reader.ReadAsync(first with { Number = forward ? first.Number + i : first.Number - i }, _ => { }, cancellationToken).ConfigureAwait(false);
                major = reading.Summary?.Major ?? major;
                if ((forward ? reading.Summary?.Facts.MinTime : reading.Summary?.Facts.MaxTime) is { } time) return time;
            }
            return null;
        }
        // From the newest range back: that is where people look.
        foreach (var (range, _, _) in inventory.Ranges.Reverse())
        {
            var to = await SearchAsync(range, forward: false).ConfigureAwait(false);
            var from = await SearchAsync(range, forward: true).ConfigureAwait(false);
            of[range] = (from?.ToDateTimeOffset(), to?.ToDateTimeOffset());
        }
        return (major, of);
    }

    private static InfoTimeline Timeline(TimelineOrigin origin, WalInventory inventory, Dictionary<WalRange, (DateTimeOffset? From, DateTimeOffset? To)> times) => new(
        origin.Timeline.Value, origin.Switch?.Parent.Value, origin.Switch?.SwitchPoint.ToString(), origin.IsDerived ? "names" : origin.Switch is null ? "root" : "history",
        [.. inventory.Ranges.Where(stored => stored.Range.Timeline == origin.Timeline)
            .Select(stored => Range(stored, times.GetValueOrDefault(stored.Range)))]);

    private static InfoRange Range(StoredRange stored, (DateTimeOffset? From, DateTimeOffset? To) times)
    {
        var range = stored.Range;
        return new InfoRange(range.Start.ToString(), range.End.ToString(), range.First.ToString(), range.Last.ToString(),
            range.SegmentCount, stored.Bytes, stored.LastStored, times.From, times.To, range.Size.Bytes);
    }

    // The switch lies in the first segment that the timeline has, and so in its size.
    private static WalJoint? Joint(TimelineOrigin origin, IReadOnlyList<WalRange> ranges) =>
        ranges.Where(range => range.Timeline == origin.Timeline).Select(range => WalJoint.Of(origin.History, range.Size)).FirstOrDefault();

    private static InfoExtras Extras(StoredExtras extras) => new(extras.Count, [.. extras.First.Select(extra => extra.Name)]);

    private static string Word<T>(T value) where T : struct, Enum => value.ToString().ToLowerInvariant();
}
