using System.Runtime.InteropServices;
using System.Text;
using Google.Protobuf;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Backup;

/// <summary>
/// One attempt at a full backup (design §7.1, 3–6): starts it in a session of its own, reads and stores everything, stops it in the same session, and says
/// last that the attempt is complete. Whatever goes wrong before leaves packs that mean nothing.
/// </summary>
/// <param name="context">The run; options are the agent's.</param>
/// <param name="repository">Where to.</param>
/// <param name="identity">Signs.</param>
/// <param name="request">What was asked for.</param>
/// <param name="progress">Told how far it is.</param>
public sealed partial class BackupRun(CommandContext context, Host.Repository repository, HostIdentity identity, BackupOrder request, ReadingProgress progress)
{
    // Long enough for a write of 8 KiB that was under way, short enough that a corrupt file does not hold up the backup.
    private static readonly TimeSpan TornPagePause = TimeSpan.FromMilliseconds(20);

    private static readonly TimeSpan WatchInterval = TimeSpan.FromSeconds(1);

    private readonly BackupWarnings _warnings =
        new(message => context.Log.Warn($"backup {request.Label}: {message}"), context.Options.Secrets);

    /// <summary>Told when the server has begun the backup, before a file is read. For tests.</summary>
    internal Func<Task>? Started { get; init; }

    /// <summary>Told when everything is read, before the backup is stopped. For tests.</summary>
    internal Func<Task>? Stopping { get; init; }

    /// <summary>Makes the attempt; returns what was stored last.</summary>
    /// <exception cref="SessionLostException">The database session was lost: the attempt is void.</exception>
    /// <exception cref="HoldfastException">The attempt failed; the message says why.</exception>
    public async Task<Wire.BackupFiles> RunAsync(CancellationToken cancellationToken)
    {
        var session = await BackupSession.OpenAsync(context.Options, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var data = OpenDirectory(session.Server);
            var rules = BackupScan.RulesOf(context.Options);
            await EnsureCountsAsync(data, session.Server, cancellationToken).ConfigureAwait(false);
            using var run = await SealingRun.StartAsync(Recipients.Of(context.Options), cancellationToken).ConfigureAwait(false);
            var sealer = new ObjectSealer(run, identity.Signing);
            var attempt = new BackupAttempt(data.Control.SystemIdentifier, request.Label, request.Attempt);
            var blobs = new AttemptBlobs(repository.Data, sealer, attempt)
            {
                Report = junk => _warnings.Add($"blob {junk.Blob} is junk and was left alone: {junk.Reason}"),
            };
            return await RunAsync(session, data, rules, blobs, sealer, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<Wire.BackupFiles> RunAsync(
        BackupSession session, DataDirectory data, ExcludedPaths rules, AttemptBlobs blobs, ObjectSealer sealer,
        CancellationToken cancellationToken)
    {
        session.FollowConfiguration(RootOf(data), _warnings.Add);
        if (session.Server.Unseen is { } unseen) _warnings.Add($"{unseen.Message}. {unseen.Hint}");
        context.Log.Info($"backup {request.Label}, attempt {request.Attempt}: waiting for a checkpoint");
        var phase = context.Clock.GetTimestamp();
        void Phase(string done)
        {
            if (context.Log.Writes(LogLevel.Debug)) context.Log.Debug(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"backup {request.Label}: {done} after {context.Clock.GetElapsedTime(phase).TotalMilliseconds:0} ms"));
            phase = context.Clock.GetTimestamp();
        }
        var isFast = request.FastCheckpoint && context.Options.Get(OptionTable.StartFast);
        var (start, startTime) = await session.StartAsync($"holdfast {request.Label}", isFast, cancellationToken).ConfigureAwait(false);
        Phase("begun");
        if (Started is not null) await Started().ConfigureAwait(false);
        // Its checkpoint may have been the first of a new timeline.
        data = DataDirectory.Open(data.Path);
        var scan = new BackupScan(RootOf(data), data.Control.TablespaceVersionDirectory, rules, _warnings.Add, Tell);
        Task<ReadBackup> ReadAsync(CancellationToken token) => this.ReadAsync(session, data, scan, blobs, sealer, start, token);
        var (files, reading, corrupt, catalogs) = await WatchedAsync(session, ReadAsync, cancellationToken).ConfigureAwait(false);
        if (Stopping is not null) await Stopping().ConfigureAwait(false);
        Phase($"everything read ({reading.Times})");
        progress.Phase = CopyPhase.Stopping;
        var stop = await session.StopAsync(cancellationToken).ConfigureAwait(false);
        Phase("stopped");
        var label = BackupLabel.Parse(stop.Label);
        if (label.StartWalLocation != start) throw new SessionLostException($"backup {request.Label} started at {start}, but the backup that was stopped at {label.StartWalLocation}");
        if (stop.Timeline is { } ended && ended != label.StartTimeline) throw new StandbyMovedException(request.Label, label.StartTimeline, ended);
        progress.Phase = CopyPhase.Listing;
        var (lists, count) = await StoreFileListAsync(files, blobs, cancellationToken).ConfigureAwait(false);
        var message = Describe(session.Server, data.Control, label, stop, startTime);
        (message.Workers, message.ListCount, message.FileCount, message.CatalogCount) = ((uint)reading.IndexCounts.Count, (uint)lists, (ulong)count, (uint)catalogs);
        message.IndexCounts.AddRange(reading.IndexCounts.Select(index => (uint)index));
        (message.ReadBytes, message.ZeroBytes, message.StoredBytes) = ((ulong)progress.DoneBytes, (ulong)progress.ZeroBytes, (ulong)progress.StoredBytes);
        (message.TornPageCount, message.CorruptPageCount) = ((ulong)reading.TornPages, (ulong)corrupt.Count);
        message.CorruptPages.AddRange(corrupt.First());
        AddRemarks(message, scan.Excluded);
        await blobs.StoreFilesAsync(message, cancellationToken).ConfigureAwait(false);
        Phase("lists stored");
        return message;
    }

    private async Task<ReadBackup> ReadAsync(
        BackupSession session, DataDirectory data, BackupScan scan, AttemptBlobs blobs, ObjectSealer sealer, Lsn start,
        CancellationToken cancellationToken)
    {
        progress.Phase = CopyPhase.Scanning;
        var files = scan.Run(session.Server.ConfigurationFiles, cancellationToken);
        foreach (var unreadable in scan.Unreadable.First) context.Log.Error($"backup {request.Label}: {unreadable} may not be read");
        scan.Unreadable.ThrowIfAny();
        progress.Phase = CopyPhase.Catalogs;
        var catalogs = await new CatalogStorer(context.Options, blobs, _warnings.Add).RunAsync(cancellationToken).ConfigureAwait(false);
        progress.Begin(files.TotalBytes, files.Count);
        progress.Phase = CopyPhase.Reading;
        var corrupt = new CorruptPages(message => context.Log.Error($"backup {request.Label}: {message}"));
        var source = new BackupSource(
            RootOf(data), data.Control.TablespaceVersionDirectory, files, data.Control.HasDataChecksums, corrupt, progress);
        var options = new ReadingOptions(context.Options.Get(OptionTable.ProcessMax), context.Options.Get(OptionTable.CompressLevel), TornPagePause);
        var fingerprint = new PageFingerprint(identity.Equality!);
        var reading = new BackupReading(source, blobs, sealer, fingerprint, options, start, session.InsertLsnAsync, _warnings.Add);
        return new ReadBackup(files, await reading.RunAsync(cancellationToken).ConfigureAwait(false), corrupt, catalogs);
    }

    // Corrupt pages have a list of their own, and each is logged: of all of them there is one warning, that others are not crowded out.
    private void AddRemarks(Wire.BackupFiles message, ExcludedFiles excluded)
    {
        if (BackupRemarks.Of(message) is { CorruptPages: > 0 } remarks)
            _warnings.Keep($"pages that fail their checksum: {remarks.CorruptPages}; the first: {remarks.Corrupt[0]}");
        message.Warnings.AddRange(_warnings.First);
        message.WarningCount = (ulong)_warnings.Count;
        message.Excluded.AddRange(excluded.Rules.Select(rule => ByteString.CopyFrom(rule)));
        message.ExcludedCount = (ulong)excluded.Count;
    }

    private void Tell(string message) => context.Log.Info($"backup {request.Label}: {message}");

    private static byte[] RootOf(DataDirectory data) => Encoding.UTF8.GetBytes(data.Path.TrimEnd('/'));

    // What is read while the session is lost is worth nothing: notice it at once, not when the backup is stopped.
    private static async Task<T> WatchedAsync<T>(BackupSession session, Func<CancellationToken, Task<T>> work, CancellationToken cancellationToken)
    {
        using var abandon = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        using var done = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var watch = session.WatchAsync(WatchInterval, done.Token);
        var working = Task.Run(() => work(abandon.Token), CancellationToken.None);
        var first = await Task.WhenAny(watch, working).ConfigureAwait(false);
        if (first == watch && watch.IsFaulted)
        {
            await abandon.CancelAsync().ConfigureAwait(false);
            try { await working.ConfigureAwait(false); }
            catch (Exception e) when (e is OperationCanceledException or HoldfastException) { } // why is known: the session
            await watch.ConfigureAwait(false);
        }
        try { return await working.ConfigureAwait(false); }
        finally
        {
            await done.CancelAsync().ConfigureAwait(false);
            await watch.ConfigureAwait(false);
        }
    }

    private async Task<(int Lists, long Files)> StoreFileListAsync(ScannedFiles files, AttemptBlobs blobs, CancellationToken cancellationToken)
    {
        var list = new FileListBuilder();
        var (number, count) = (0, 0L);
        for (var file = 0; file < files.Count; file++)
        {
            if (files.IsGone(file)) continue;
            list.Add(new FileRow(files.Id(file), files.Facts(file)));
            count++;
            if (list.IsFull) await blobs.StoreFileListAsync(number++, list.Take(), cancellationToken).ConfigureAwait(false);
        }
        if (!list.IsEmpty) await blobs.StoreFileListAsync(number++, list.Take(), cancellationToken).ConfigureAwait(false);
        return (number, count);
    }

    private DataDirectory OpenDirectory(BackupServer server)
    {
        // WAL of a standby is archived by its primary, whatever its own archive_mode.
        if (!server.InRecovery && (server.Setting("archive_mode") is "off" or ""))
            throw new RefusedException("archive_mode is off: the WAL that makes a backup consistent would never be archived",
                "set archive_mode = on and archive_command, and restart the server; holdfast check tells what else is missing");
        var path = context.Options.Find(OptionTable.PgPath);
        var data = DataDirectory.Open(path ?? server.DataDirectory
            ?? throw new ConfigurationException("this role may not see data_directory, and pg-path is not given", "name the data directory by pg-path, or: GRANT pg_read_all_settings TO role"));
        if (data.Control.SystemIdentifier != server.System)
            throw new RefusedException($"the server has system identifier {server.System}, {data.Path} has {data.Control.SystemIdentifier}: they are two clusters", "pg-path and pg-port must name the same server");
        if (path is not null && server.DataDirectory is { } served && !RawFiles.IsSame(path, served))
            throw new RefusedException($"the server runs in {served}, pg-path is {path}: a copy of its data directory is not what it backs up", "leave pg-path away, or correct it");
        return data;
    }

    private async Task EnsureCountsAsync(DataDirectory data, BackupServer server, CancellationToken cancellationToken)
    {
        var key = identity.Signing.PublicKey.Thumbprint;
        var view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        var (why, hint) = view.State.FindHost(key) switch
        {
            null => ("this host's key was never registered", "register it: holdfast register"),
            { Role: not HostRole.Database } => ("this host is not registered as a database host", "register it with a token for role database"),
            { Revoked: not null } => ("this host's key was revoked", "if this server is the primary, register it anew: move away its state-path and run holdfast register"),
            var host when host.System != server.System => ($"this host is registered for system identifier {host.System}, the server has {server.System}", "another cluster needs a repository of its own: holdfast init --cluster=…"),
            _ when identity.Equality is null => ("it has no equality key yet", "finish its registration: holdfast register"),
            _ => (null, null),
        };
        if (why is not null) throw new RefusedException($"a backup of {data.Path} would not count in cluster {repository.Cluster}: {why}", hint);
    }

    private Wire.BackupFiles Describe(BackupServer server, ControlFile control, BackupLabel label, BackupStop stop, PostgresTime startTime)
    {
        var message = new Wire.BackupFiles
        {
            Label = request.Label.ToString(), Attempt = (uint)request.Attempt, SystemIdentifier = control.SystemIdentifier.Value, Major = (uint)server.Major,
            ControlVersion = control.ControlVersion, CatalogVersion = control.CatalogVersion, Timeline = label.StartTimeline.Value, StartLsn = label.StartWalLocation.Value,
            StopLsn = stop.Stop.Value, CheckpointLsn = label.CheckpointLocation.Value, StartTime = startTime.Microseconds, StopTime = stop.Time.Microseconds,
            BlockSize = control.BlockSize, RelationSegmentBlocks = control.RelationSegmentBlocks, WalSegmentSize = (uint)control.WalSegmentSize.Bytes, DataChecksums = control.HasDataChecksums,
            BackupLabel = ByteString.CopyFrom(stop.Label), TablespaceMap = ByteString.CopyFrom(stop.TablespaceMap),
            GlibcVersion = server.LibcVersion ?? Marshal.PtrToStringUTF8(LibcVersion()) ?? "", IcuVersion = server.IcuVersion ?? "",
            PreloadLibraries = server.Setting("shared_preload_libraries"), ServerVersion = server.Version,
        };
        message.Settings.AddRange(server.Settings.Select(setting => new Wire.Setting { Name = setting.Name, Value = setting.Value }));
        return message;
    }

    [LibraryImport("libc", EntryPoint = "gnu_get_libc_version")]
    private static partial nint LibcVersion();

    private sealed record ReadBackup(ScannedFiles Files, ReadingResult Reading, CorruptPages Corrupt, int Catalogs);
}
