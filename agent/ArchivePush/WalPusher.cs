using System.Diagnostics;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.ArchivePush;

/// <summary>
/// Stores WAL files as this host. A file is acknowledged by returning; whatever else happens is an exception, and PostgreSQL keeps the file.
/// </summary>
public sealed class WalPusher : IDisposable
{
    private readonly CommandContext _context;
    private readonly Host.Repository _repository;
    private readonly HostIdentity _identity;
    private readonly DataDirectory _data;
    private readonly SealingRun _run;
    private readonly FrameCompressor _compressor;
    private readonly WalFileSealer _sealer;
    private readonly WalChain _chain;
    private readonly Task<LogView> _log;

    private WalPusher(CommandContext context, Host.Repository repository, HostIdentity identity, DataDirectory data, SealingRun run, Task<LogView> log)
    {
        (_context, _repository, _identity, _data, _run, _log) = (context, repository, identity, data, run, log);
        _compressor = new FrameCompressor(() => FrameCodecs.Create(ZstdParameters.ForPostgres(context.Options.Get(OptionTable.CompressLevel))), context.Options.Get(OptionTable.ProcessMax), FrameSize);
        _sealer = new WalFileSealer(new ObjectSealer(run, identity.Signing), identity.Equality!, _compressor, data.Control.SystemIdentifier, context.Options.Get(OptionTable.SpoolPath));
        _chain = new WalChain(repository.State);
    }

    // Large enough that zstd finds what repeats, small enough that two cores share a segment evenly.
    private const int FrameSize = 1 << 20;

    /// <summary>Opens this host's identity and keys, and starts reading the log's tail: its answer is awaited only before a PUT.</summary>
    /// <exception cref="RefusedException">The host was never registered: what it stored would not count.</exception>
    public static async Task<WalPusher> OpenAsync(CommandContext context, Host.Repository repository, DataDirectory data, CancellationToken cancellationToken)
    {
        var log = repository.ReadLogAsync(cancellationToken);
        try
        {
            var identity = HostIdentity.TryLoad(repository.State);
            if (identity?.Equality is null)
                throw new RefusedException($"this host is not registered for cluster {repository.Cluster}: nothing it stored would count ({repository.State.Path} has no keys)",
                    "register it, as the user that PostgreSQL runs as: holdfast register");
            var run = await SealingRun.StartAsync(Recipients.Of(context.Options), cancellationToken).ConfigureAwait(false);
            return new WalPusher(context, repository, identity, data, run, log);
        }
        catch
        {
            await Observe(log).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Stores one file, or finds it stored.</summary>
    /// <param name="path">The file.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task PushAsync(string path, CancellationToken cancellationToken)
    {
        var name = WalFileName.TryParse(path, _data.Control.WalSegmentSize)
            ?? throw new ConfigurationException($"{path}: not the name of a WAL segment of {_data.Control.WalSegmentSize}, a history file or a backup history file",
                "archive-push is for archive_command, which names the file by %p");
        var started = Stopwatch.GetTimestamp();
        using var file = Open(path);
        if (name is not WalFileName.Segment { Name: var segment })
        {
            using var sealedFile = await _sealer.SealAsync(file, name, cancellationToken).ConfigureAwait(false);
            await StoreAsync(sealedFile, started, cancellationToken).ConfigureAwait(false);
            return;
        }
        var failures = new FailedJudgements(_repository.State, segment);
        if (failures.Count > 0) PageCache.Drop(file);
        try
        {
            using var sealedSegment = await _sealer.SealAsync(file, name, cancellationToken).ConfigureAwait(false);
            _chain.Judge(sealedSegment.Summary!);
            var stored = await StoreAsync(sealedSegment, started, cancellationToken).ConfigureAwait(false);
            if (stored is not null) RememberEnd(sealedSegment.Summary!);
            failures.Forget();
        }
        catch (WalDamagedException damage)
        {
            var view = await _log.ConfigureAwait(false);
            if (IsLeftOut(view.State, WalScope.Of(_data.Control.SystemIdentifier, segment), segment.ToString())
                || await IsEndOfTimelineAsync(file, segment, started, cancellationToken).ConfigureAwait(false)) failures.Forget();
            else await StoreDamagedAsync(file, segment, failures, damage, started, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>
    /// Whether the segment is the part-filled end of a timeline that was left within it, and is stored: what a later timeline took over is valid, and
    /// what follows was never written. Stored as a part-filled one, so that the name stays free for the whole segment, which only its writer has.
    /// </summary>
    private async Task<bool> IsEndOfTimelineAsync(SafeFileHandle file, WalSegmentName segment, long started, CancellationToken cancellationToken)
    {
        if (TimelineEnds.Within(_data, segment) is not { } end) return false;
        using var part = await _sealer.SealAsync(file, new WalFileName.Partial(new PartialSegmentName(segment)), cancellationToken).ConfigureAwait(false);
        if (part.Summary!.ValidEnd < end) return false;
        _context.Log.Info($"{segment} is the end of timeline {segment.Timeline}, which a later timeline left at {end}: it is stored as a .partial");
        await StoreAsync(part, started, cancellationToken).ConfigureAwait(false);
        return true;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _compressor.Dispose();
        _run.Dispose();
        _identity.Dispose();
    }

    /// <summary>Null: it is left out, as the log says.</summary>
    private async Task<StoredWal?> StoreAsync(SealedWal wal, long started, CancellationToken cancellationToken)
    {
        var view = await _log.ConfigureAwait(false);
        if (IsLeftOut(view.State, wal.Item.Scope, wal.Item.Label)) return null;
        var put = Stopwatch.GetTimestamp();
        var stored = await StoreAsync(view, wal, cancellationToken).ConfigureAwait(false);
        foreach (var junk in stored.Junk) _context.Log.Warn($"blob {junk.Blob} is junk and was left alone: {junk.Reason}");
        _context.Log.Info(stored.WasThere
            ? $"{wal.Item.Label} was stored already, and is the same"
            : $"stored {wal.Item.Label}, {Terminal.Quantity.Bytes(wal.Object.Length)}");
        if (_context.Log.Writes(LogLevel.Debug)) _context.Log.Debug(Timing(started, put, Stopwatch.GetTimestamp()));
        return stored;
    }

    /// <summary>WAL of before the registration that an operator left out by name (adopt --drop-earlier): the log has the cut, so nothing is lost silently.</summary>
    private bool IsLeftOut(ClusterState state, WalScope scope, string label)
    {
        var host = _identity.Signing.PublicKey.Thumbprint;
        if (scope.StandingOf(state, host) != Standing.BeforeRegistration || !state.IsLeftOut(host, scope)) return false;
        _context.Log.Warn($"{label} is not stored: it is older than this host's registration, and the log says that it is left out; PostgreSQL goes on");
        return true;
    }

    private async Task<StoredWal> StoreAsync(LogView view, SealedWal wal, CancellationToken cancellationToken)
    {
        var archive = new WalArchive(_repository.Data, new LogTrust(_repository.Log, view));
        var standing = wal.Item.Scope.StandingOf(view.State, _identity.Signing.PublicKey.Thumbprint);
        // A standby with archive_mode=always hands over what it restored, also from before it was registered: what is stored needs no second copy.
        if (standing == Standing.BeforeRegistration && await archive.FindSameAsync(wal.Item, wal.Own, cancellationToken).ConfigureAwait(false) is { } same) return same;
        if (standing != Standing.Counts) throw DoesNotCount(view.State, wal.Item, standing);
        return await archive.StoreAsync(wal.Item, wal.Object, wal.Own, cancellationToken).ConfigureAwait(false);
    }

    // The segment is stored: that its end could not be noted only leaves the next seam to the control plane, and must not hold up PostgreSQL.
    private void RememberEnd(WalSegmentSummary summary)
    {
        try { _chain.Remember(summary); }
        catch (ConfigurationException e) { _context.Log.Warn($"the end of {summary.Segment} is not remembered: {e.Message}"); }
    }

    // Design §6: read again past the page cache on PostgreSQL's retries; after three, released: holding it would only fill the disk.
    private async Task StoreDamagedAsync(
        SafeFileHandle file, WalSegmentName segment, FailedJudgements failures, WalDamagedException damage, long started, CancellationToken cancellationToken)
    {
        var count = failures.Add();
        if (_context.Options.Get(OptionTable.WalDamaged) == DamagedWalPolicy.Hold)
            throw new DamagedException($"{damage.Message} (judged {count} times; wal-damaged=hold keeps it in pg_wal)",
                "find out what broke it. To release PostgreSQL, set wal-damaged=store: recovery will end before this segment, so take a full backup then", damage);
        if (count < FailedJudgements.Limit)
            throw new DamagedException($"{damage.Message} (judgement {count} of {FailedJudgements.Limit})", "PostgreSQL keeps the segment and calls again; it will be read past the page cache", damage);
        using var wal = await _sealer.SealDamagedAsync(file, segment, damage.Message, cancellationToken).ConfigureAwait(false);
        if (await StoreAsync(wal, started, cancellationToken).ConfigureAwait(false) is not { } stored) return;
        await new Reports(_repository, _identity, _run, warning => _context.Log.Warn(warning)).SendAsync(DamageReport(segment, stored.Blob, damage.Message), cancellationToken).ConfigureAwait(false);
        failures.Forget();
        _context.Log.Error($"{damage.Message}. It failed {count} times and was stored as {stored.Blob}; PostgreSQL goes on, and a recovery replays up to the damage and no further. Take a full backup now: holdfast backup --type=full");
    }

    private Report DamageReport(WalSegmentName segment, string blob, string reason) => new()
    {
        DamagedWal = new DamagedWal
        {
            SystemIdentifier = _data.Control.SystemIdentifier.Value, Timeline = segment.Timeline.Value, Start = segment.Start.Value, End = segment.End.Value,
            Blob = blob, Reason = reason,
        },
    };

    private RefusedException DoesNotCount(ClusterState state, WalItem item, Standing standing)
    {
        var (why, hint) = standing switch
        {
            Standing.UnknownSigner => ("this host's key was never registered", "register it: holdfast register"),
            Standing.AfterRevocation => ("this host's key was revoked", "if this server is the primary, register it anew: move away its state-path and run holdfast register"),
            Standing.BeforeRegistration => ($"it is older than this host's registration, from {state.FindHost(_identity.Signing.PublicKey.Thumbprint)!.Start} on",
                "this stores it, or says what cannot be stored and how PostgreSQL is released from it: holdfast adopt"),
            Standing.WrongSystem => ($"this host is registered for system identifier {state.FindHost(_identity.Signing.PublicKey.Thumbprint)!.System}, the server has {item.Scope.System}", "another cluster needs a repository of its own: holdfast init --cluster=…"),
            _ => ($"this host may not archive ({standing})", "register it as a database host"),
        };
        return new RefusedException($"{item.Label} would not count in cluster {_repository.Cluster}: {why}", hint);
    }

    private static SafeFileHandle Open(string path)
    {
        try { return File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, FileOptions.SequentialScan); }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            // The file's name alone, put into the data directory, is nothing that PostgreSQL has.
            var isBareName = File.Exists(Path.Combine(Path.GetDirectoryName(path)!, "pg_wal", Path.GetFileName(path)));
            var mistaken = isBareName ? ", but one in pg_wal: archive-push was given the file's name (%f), it takes its path (%p)" : "";
            throw new ConfigurationException($"there is no {path}{mistaken}",
                "in postgresql.conf: archive_command = 'holdfast archive-push %p'; it runs as the user that PostgreSQL runs as", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{path} cannot be read: {e.Message}", "archive-push runs as the user that PostgreSQL runs as, in the data directory", e);
        }
    }

    private string Timing(long started, long put, long end)
    {
        static string Ms(long ticks) => (ticks * 1000.0 / Stopwatch.Frequency).ToString("0.00", System.Globalization.CultureInfo.InvariantCulture);
        var times = _sealer.Times;
        return $"timing_ms read={Ms(times.Read)} walk={Ms(times.Walk)} tag={Ms(times.Tag)} compress={Ms(times.Compress)} seal={Ms(times.Seal)} put={Ms(end - put)} total={Ms(end - started)}";
    }

    private static async Task Observe(Task task)
    {
        try { await task.ConfigureAwait(false); }
        catch (Exception e) when (e is HoldfastException or OperationCanceledException) { }
    }
}
