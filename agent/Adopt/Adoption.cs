using System.Text.Json.Serialization;
using Holdfast.Agent.ArchivePush;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Register;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Continuity;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Adopt;

/// <summary>Lets a server continue the archive (I8): registered from where its WAL must count, history and segments stored, what is missing logged.</summary>
internal sealed class Adoption(CommandContext context, Host.Repository repository, DataDirectory data)
{
    private const int HeadsAtOnce = 8;

    private readonly HostRegistration _registration = new(context, repository, data);
    private readonly IReadOnlyList<string> _files = data.FilesIn("pg_wal");
    private RegisteredHost? _host;
    private LogView? _view;
    private WalInventory? _inventory;
    private HashSet<WalSegmentName> _onlyListed = [];
    private TimelineId _timeline;
    private readonly bool _isDropping = context.Options.Get(OptionTable.DropEarlier);
    private IReadOnlyList<AncestorPlan> _ancestors = [];
    private EarlierPlan _earlier = EarlierPlan.None;

    /// <summary>Looks at pg_wal, the log and the archive; changes nothing.</summary>
    /// <exception cref="RefusedException">The server is a standby, or its keys cannot be used.</exception>
    public async Task<AdoptionPlan> PlanAsync(CancellationToken cancellationToken)
    {
        var control = data.Control;
        if (control.State is DatabaseState.InArchiveRecovery or DatabaseState.ShutDownInRecovery)
            throw new RefusedException($"{data.Path} is in recovery: a standby writes no WAL of its own", "promote it first: pg_ctl promote, or SELECT pg_promote()");
        _view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        _host = _registration.FindUsable(_view.State);
        _timeline = LocalSegments.CurrentTimeline(control.Checkpoint.Timeline, control.WalSegmentSize, _files);
        var history = ReadHistory();
        var switchPoint = history.Switches is [.., var begin] ? begin.SwitchPoint : (Lsn?)null;
        var trust = new LogTrust(repository.Log, _view);
        var listing = new WalListing(repository.Data, trust, control.SystemIdentifier) { Backups = _view.State.Backups };
        _inventory = await listing.ReadAsync(cancellationToken).ConfigureAwait(false);
        _onlyListed = await FindOnlyListedAsync(trust, cancellationToken).ConfigureAwait(false);
        var resizedAt = ResizedAt(_timeline);
        var stored = Stored(_timeline).Where(segment => resizedAt is not { } left || segment.Start >= left).ToList();
        var (complete, written) = LocalSegments.Of(data, _timeline, switchPoint, _files);
        if (switchPoint is { } point && point > written) written = point;
        var plan = AdoptionPlan.Make(_timeline, switchPoint, data.StartingPosition(), complete, stored,
            _view.State.Cuts.Where(cut => cut.System == control.SystemIdentifier), written, control.WalSegmentSize,
            stored.Count == 0 ? resizedAt : null);
        _ancestors = PlanAncestors(history);
        var oldest = _ancestors.SelectMany(ancestor => ancestor.Upload).Select(segment => new WalPosition(segment.Timeline, segment.Start));
        plan = plan with { Start = oldest.Append(plan.Start).Min() };
        return _host is null ? plan : PlanEarlier(plan);
    }

    /// <summary>What lies before the registration: it is admitted first, or left out, or none of this host's business.</summary>
    private AdoptionPlan PlanEarlier(AdoptionPlan plan)
    {
        var status = data.FilesIn("pg_wal/archive_status");
        var waiting = StartingPosition.Waiting(_files, status, data.Control.WalSegmentSize).Where(segment => !Counts(segment)).ToList();
        var stored = waiting.Select(segment => segment.Timeline).Append(_timeline).Distinct().SelectMany(Stored);
        var ancestors = _ancestors.SelectMany(ancestor => ancestor.Upload).ToList();
        _earlier = EarlierPlan.Make(plan.Upload.Concat(ancestors), waiting.Concat(ancestors), stored, Counts);
        var left = _earlier.Done.Concat(_isDropping ? _earlier.Take : []).ToHashSet();
        _ancestors = [.. _ancestors.Select(ancestor => ancestor with { Upload = [.. ancestor.Upload.Where(segment => !left.Contains(segment))] })];
        return plan with { Upload = [.. plan.Upload.Where(segment => !left.Contains(segment))] };
    }

    /// <summary>
    /// Segments that are here and whose names are listed, but of which the archive has nothing that counts: a name alone is not believed (I10), and
    /// whoever may create a blob could hide with it what only this server still has. What is not here the control plane judges.
    /// </summary>
    private async Task<HashSet<WalSegmentName>> FindOnlyListedAsync(ISignerTrust trust, CancellationToken cancellationToken)
    {
        var here = _files.Select(file => WalFileName.TryParse(file, data.Control.WalSegmentSize)).OfType<WalFileName.Segment>()
            .Select(file => file.Name).ToHashSet();
        var listed = here.Select(segment => segment.Timeline).Distinct().SelectMany(Stored).Where(here.Contains).ToList();
        var archive = new WalArchive(repository.Data, trust);
        var found = new HashSet<WalSegmentName>();
        foreach (var some in listed.Chunk(HeadsAtOnce))
        {
            var stored = await Task.WhenAll(some.Select(segment => IsStoredAsync(archive, segment, cancellationToken))).ConfigureAwait(false);
            for (var i = 0; i < some.Length; i++)
                if (!stored[i]) found.Add(some[i]);
        }
        return found;
    }

    private async Task<bool> IsStoredAsync(WalArchive archive, WalSegmentName segment, CancellationToken cancellationToken)
    {
        var system = data.Control.SystemIdentifier;
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        try
        {
            var found = await archive.FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false);
            return found is { IsDamaged: false };
        }
        catch (DamagedException e)
        {
            context.Log.Warn($"{e.Message}; it is stored from here");
            return false;
        }
    }

    private bool Counts(WalSegmentName segment) =>
        WalScope.Of(data.Control.SystemIdentifier, segment).StandingOf(_view!.State, _host!.Thumbprint) == Standing.Counts;

    /// <summary>
    /// What the archive has of a timeline in this server's segment size. A segment of another size that has the same name is other WAL.
    /// </summary>
    private List<WalSegmentName> Stored(TimelineId timeline) => [.. _inventory!.Ranges.Select(stored => stored.Range)
        .Where(range => range.Timeline == timeline && range.Size == data.Control.WalSegmentSize).SelectMany(range => range.Segments)
        .Where(segment => !_onlyListed.Contains(segment))];

    /// <summary>The end of the last stretch that the archive has of a timeline in another segment size; null when there is none.</summary>
    private Lsn? ResizedAt(TimelineId timeline) => _inventory!.Ranges.Select(stored => stored.Range)
        .Where(range => range.Timeline == timeline && range.Size != data.Control.WalSegmentSize).Select(range => (Lsn?)range.End).LastOrDefault();

    private IReadOnlyList<AncestorPlan> PlanAncestors(TimelineHistory history)
    {
        var (system, size) = (data.Control.SystemIdentifier, data.Control.WalSegmentSize);
        var stored = new List<WalSegmentName>();
        var local = new List<WalSegmentName>();
        foreach (var stretch in history.Path.Where(stretch => stretch.End is not null))
        {
            var listed = Stored(stretch.Timeline);
            stored.AddRange(listed);
            local.AddRange(LocalSegments.OfAncestor(data, stretch, [.. _files.Except(listed.Select(segment => segment.ToString()))]));
        }
        var state = _view!.State;
        var backups = state.Backups.Where(backup => backup.System == system)
            .Select(backup => new WalPosition(backup.Facts.Timeline, backup.Facts.StartLsn));
        return AncestorPlan.Make(history, local, stored, state.Cuts.Where(cut => cut.System == system), backups, size);
    }

    /// <summary>Tells the plan.</summary>
    public void Show(AdoptionPlan plan)
    {
        var writer = context.Error;
        writer.WriteLine($"{data.Path}, timeline {_timeline} of {data.Control.SystemIdentifier}, will continue the archive of cluster {repository.Cluster}");
        writer.WriteLine(_host is { } host ? $"  registered as {host.Name}, from {host.Start} on" : $"  will be registered as {_registration.HostName}, from {plan.Start} on");
        writer.WriteLine($"  to store, or to find the same: {Histories(plan).Count} history files, {plan.Upload.Count} segments{(plan.Upload.Count == 0 ? "" : $", {plan.Upload[0]} to {plan.Upload[^1]}")}");
        foreach (var (timeline, upload, _) in _ancestors.Where(ancestor => ancestor.Upload.Count > 0))
            writer.WriteLine($"  to store of timeline {timeline}, which nobody archived: {upload.Count} segments, {upload[0]} to {upload[^1]}");
        ShowEarlier(writer);
        foreach (var (_, from, to) in Missing(plan))
            writer.WriteLine($"  missing here and in the archive: {from} to {to}; a cut will be logged, and a full backup is needed then");
        foreach (var other in _view!.State.Hosts.Where(other => other.System == data.Control.SystemIdentifier && other.Revoked is null && other.Thumbprint != _host?.Thumbprint))
            writer.WriteLine($"  host {other.Name} ({other.Thumbprint.Short}) may still archive for this system; once it is gone: holdfast revoke {other.Name}");
    }

    private void ShowEarlier(TextWriter writer)
    {
        if (Dropped is { Count: > 0 } dropped)
            writer.WriteLine(
                $"  of before this host's registration, to be left out: {Told(dropped)}; a cut will be logged, and archive-push releases PostgreSQL from them");
        else if (_earlier.Take.Count > 0)
            writer.WriteLine($"  of before this host's registration, to be admitted by a token and stored: {Told(_earlier.Take)}");
        if (CannotTake is { Count: > 0 } left)
            writer.WriteLine($"  of before this host's registration, cannot be stored: {Told(left)}, not whole or of a history that was left");
    }

    private static string Told(IReadOnlyList<WalSegmentName> segments) =>
        segments.Count == 1 ? $"segment {segments[0]}" : $"{segments.Count} segments, {segments[0]} to {segments[^1]}";

    /// <summary>What the operator leaves out.</summary>
    private IReadOnlyList<WalSegmentName> Dropped => _isDropping ? [.. _earlier.Take, .. _earlier.Left] : [];

    /// <summary>What PostgreSQL will hand over in vain, unless somebody leaves it out.</summary>
    private IReadOnlyList<WalSegmentName> CannotTake => _isDropping ? [] : [.. _earlier.Left.Where(segment => !IsLeftOut(segment))];

    private bool IsLeftOut(WalSegmentName segment) =>
        _view!.State.IsLeftOut(_host!.Thumbprint, WalScope.Of(data.Control.SystemIdentifier, segment));

    /// <summary>Does what was planned. It may be interrupted and run again.</summary>
    public async Task<AdoptReport> RunAsync(AdoptionPlan plan, CancellationToken cancellationToken)
    {
        var missing = Missing(plan);
        var isAsked = missing.Count > 0 || _earlier.Take.Count > 0 || Dropped.Count > 0;
        using var controlPlane = _host is null || isAsked ? ControlPlanes.Open(context) : null;
        var isNew = _host is null;
        if (isNew)
        {
            using var token = await TokenAsync(controlPlane!, cancellationToken).ConfigureAwait(false);
            _host = await _registration.RegisterAsync(controlPlane!, token, plan.Start, cancellationToken).ConfigureAwait(false);
        }
        if (!_isDropping) await AdmitAsync(controlPlane, cancellationToken).ConfigureAwait(false);
        var segments = _ancestors.SelectMany(ancestor => ancestor.Upload).Concat(plan.Upload);
        var files = Histories(plan).Select(TimelineHistory.ToFileName).Concat(segments.Select(segment => segment.ToString())).ToList();
        await StoreAsync(files, cancellationToken).ConfigureAwait(false);
        foreach (var of in missing.GroupBy(stretch => stretch.Timeline))
            await LogCutAsync(controlPlane!, of.Key, of.Select(stretch => (stretch.From, stretch.To)), null, cancellationToken).ConfigureAwait(false);
        var dropped = EarlierPlan.Stretches(Dropped);
        foreach (var of in dropped.GroupBy(stretch => stretch.Timeline))
            await LogCutAsync(controlPlane!, of.Key, of.Select(stretch => (stretch.From, stretch.To)), true, cancellationToken).ConfigureAwait(false);
        _registration.HandOver();
        return new AdoptReport(repository.Cluster, _host!.Name, isNew, data.Control.SystemIdentifier.ToString(), _timeline.Value, files,
            [.. missing.Select(stretch => new AdoptCut(stretch.From.ToString(), stretch.To.ToString()))], missing.Count > 0,
            [.. dropped.Select(stretch => new AdoptCut(stretch.From.ToString(), stretch.To.ToString()))], [.. CannotTake.Select(segment => segment.ToString())]);
    }

    private Task LogCutAsync(
        IControlPlane controlPlane, TimelineId timeline, IEnumerable<(Lsn From, Lsn To)> stretches, bool? dropped, CancellationToken cancellationToken)
    {
        var missing = stretches.Select(stretch => new MissingStretch(stretch.From, stretch.To)).ToList();
        return controlPlane.AdoptAsync(new AdoptionRequest(_host!.Thumbprint, timeline, missing, dropped), cancellationToken);
    }

    /// <summary>Has WAL of before the registration admitted: a token for each request.</summary>
    private async Task AdmitAsync(IControlPlane? controlPlane, CancellationToken cancellationToken)
    {
        foreach (var some in EarlierPlan.Stretches(_earlier.Take).Chunk(EarlierWalAdmitted.MaxStretches))
        {
            using var token = await TokenForEarlierAsync(controlPlane!, cancellationToken).ConfigureAwait(false);
            _host = await _registration.AdmitAsync(controlPlane!, token, [.. some], cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<EnrolmentToken> TokenForEarlierAsync(IControlPlane controlPlane, CancellationToken cancellationToken)
    {
        try { return await TokenAsync(controlPlane, cancellationToken).ConfigureAwait(false); }
        catch (HoldfastException e) when (e is ConfigurationException or RefusedException)
        {
            throw new ConfigurationException($"storing WAL of before this host's registration takes an enrolment token: {e.Message}",
                "put one that \"holdfast token\" made into the file that enrolment-token-file names, and run this again; "
                + "or leave that WAL out, with a cut in the log: holdfast adopt --drop-earlier", e);
        }
    }

    /// <summary>All that is missing, each with its timeline, in the order of WAL.</summary>
    private List<(TimelineId Timeline, Lsn From, Lsn To)> Missing(AdoptionPlan plan) =>
        [.. _ancestors.SelectMany(ancestor => ancestor.Missing.Select(stretch => (ancestor.Timeline, stretch.From, stretch.To))),
            .. plan.Missing.Select(stretch => (_timeline, stretch.From, stretch.To))];

    /// <summary>The configured token while it is unused; else the control plane issues one, if this host's key for it allows that.</summary>
    private async Task<EnrolmentToken> TokenAsync(IControlPlane controlPlane, CancellationToken cancellationToken)
    {
        if (context.Options.Find(OptionTable.EnrolmentToken) is { } text)
        {
            var token = EnrolmentToken.Parse(text);
            if (_view!.State.FindToken(token.Hash) is { UsedBy: null, Role: HostRole.Database }) return token;
            token.Dispose();
        }
        return await controlPlane.IssueTokenAsync(HostRole.Database, cancellationToken).ConfigureAwait(false);
    }

    private async Task StoreAsync(List<string> files, CancellationToken cancellationToken)
    {
        if (files.Count == 0) return;
        using var pusher = await WalPusher.OpenAsync(context, repository, data, cancellationToken).ConfigureAwait(false);
        foreach (var file in files)
        {
            try { await pusher.PushAsync(data.Resolve($"pg_wal/{file}"), cancellationToken).ConfigureAwait(false); }
            catch (RefusedException conflict)
            {
                throw new RefusedException($"adopting {data.Path}: {conflict.Message}",
                    $"this server's timeline {_timeline} is not the archive's. Give it a new one: restore it, or let it recover with recovery.signal and promote it; then adopt it", conflict);
            }
        }
    }

    /// <summary>The timelines whose history files are here and count for this host; those before are their writers' business.</summary>
    private List<TimelineId> Histories(AdoptionPlan plan) =>
        [.. _files.Select(file => TimelineHistory.TryParseFileName(file, out var timeline) ? timeline : default)
            .Where(timeline => timeline.Value > 1 && timeline.CompareTo(plan.Start.Timeline) >= 0 && timeline.CompareTo(_timeline) <= 0).Order()];

    private TimelineHistory ReadHistory()
    {
        if (_timeline.Value <= 1) return TimelineHistory.Root(_timeline);
        var file = data.Resolve("pg_wal/" + TimelineHistory.ToFileName(_timeline));
        try
        {
            return TimelineHistory.Parse(_timeline, File.ReadAllBytes(file));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{file} cannot be read, so it is unknown where timeline {_timeline} began: {e.Message}", "bring it back from the server that this one was copied from", e);
        }
    }
}

/// <summary>A logged cut, in adopt's answer.</summary>
internal sealed record AdoptCut(string From, string To);

/// <summary>What adopt answers with --output=json.</summary>
internal sealed record AdoptReport(string Cluster, string Host, bool Registered, string SystemIdentifier, uint Timeline, IReadOnlyList<string> Files, IReadOnlyList<AdoptCut> Cuts, bool NeedsFullBackup,
    IReadOnlyList<AdoptCut> Dropped, IReadOnlyList<string> NotStored);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, WriteIndented = true)]
[JsonSerializable(typeof(AdoptReport))]
internal sealed partial class AdoptJson : JsonSerializerContext;
