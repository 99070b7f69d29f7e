using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Compression;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.ArchiveGet;

/// <summary>
/// Fetches WAL files for restore_command. Only a whole, verified file ever has the name that PostgreSQL asked for; "there is none" is said only
/// when the store said it (I7).
/// </summary>
public sealed class WalGetter(CommandContext context, Host.Repository repository, DataDirectory data, TimeSpan patience)
{
    // Nearly every segment of 16 MiB, sealed, in one GET; larger ones in pieces. The contract allows 64 MiB. No more than a file can have: a call's
    // deadline grows with the bytes it asks for, and a stalled one is noticed so much later.
    private const int MaxFirstRead = 17 << 20;

    private const int TagDigits = 64;

    private const string Beside = ".holdfast-";

    /// <summary>
    /// Whether the head is read before the rest. A call's limit grows with the bytes that it asks for: a store that has gone silent
    /// would be waited for during a minute by a GET of 17 MiB, and for seconds by one of the head.
    /// </summary>
    public bool ReadsHeadFirst { get; init; }

    private int FirstRead => ReadsHeadFirst
        ? SealedFormat.FirstRead
        : (int)Math.Min(MaxFirstRead, data.Control.WalSegmentSize.Bytes + (long)SealedFormat.FirstRead);

    /// <summary>Fetches a file; false when there is none.</summary>
    /// <param name="fileName">What PostgreSQL names by %f.</param>
    /// <param name="destination">Where it wants it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<bool> GetAsync(string fileName, string destination, CancellationToken cancellationToken)
    {
        var name = WalFileName.TryParse(fileName, data.Control.WalSegmentSize)
            ?? throw new ConfigurationException($"{fileName}: not the name of a WAL segment of {data.Control.WalSegmentSize}, a history file or a backup history file",
                "in postgresql.conf: restore_command = 'holdfast archive-get %f \"%p\"': the file's name first, then where it goes");
        var found = await FindAsync(name, cancellationToken).ConfigureAwait(false);
        if (found is null)
        {
            context.Log.Info($"{name} does not exist in {repository.Data.DisplayName}");
            if (name is WalFileName.Segment { Name: var absent }) await WarnOfGapAsync(absent, cancellationToken).ConfigureAwait(false);
            return false;
        }
        await WriteAsync(found, name, destination, cancellationToken).ConfigureAwait(false);
        if (found.IsDamaged) context.Log.Warn($"{name} is stored only as it failed judgement ({found.Blob.Name}): PostgreSQL replays up to the damage, and no further");
        context.Log.Info($"fetched {name}, {Terminal.Quantity.Bytes(found.Blob.Properties.Length)}");
        return true;
    }

    /// <summary>Whether a file is stored and counts; nothing is fetched but its head.</summary>
    /// <param name="name">Which.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<bool> IsThereAsync(WalFileName name, CancellationToken cancellationToken) =>
        await FindAsync(name, cancellationToken).ConfigureAwait(false) is not null;

    private Task<FoundWal?> FindAsync(WalFileName name, CancellationToken cancellationToken) => RestoredKeysFor(name) is { } keys
        ? FindAsync(new WalArchive(repository.Data, new RestoredKeysTrust(keys, ReadTrustAsync)), name, cancellationToken)
        : FindByLogAsync(name, cancellationToken);

    // What is remembered of the log judges nearly every signer; its tail is read beside the first GET.
    private async Task<FoundWal?> FindByLogAsync(WalFileName name, CancellationToken cancellationToken)
    {
        var known = repository.Remembered();
        var tail = repository.ReadLogAsync(known, cancellationToken);
        var view = known ?? await tail.ConfigureAwait(false);
        var found = await FindAsync(new WalArchive(repository.Data, new LogTrust(repository.Log, view)), name, cancellationToken).ConfigureAwait(false);
        var newest = await tail.ConfigureAwait(false);
        return newest.Head.Number > view.Head.Number
            ? await FindAsync(new WalArchive(repository.Data, new LogTrust(repository.Log, newest)), name, cancellationToken).ConfigureAwait(false)
            : found;
    }

    // What the restore planned to read, it judged by the log: nothing of the log is asked for it again.
    private RestoredKeys? RestoredKeysFor(WalFileName name)
    {
        if (!context.Options.Get(OptionTable.RestoredKeys)) return null;
        var system = data.Control.SystemIdentifier;
        WalScope? scope = name switch
        {
            WalFileName.Segment { Name: var segment } => WalScope.Of(system, segment),
            WalFileName.History history => WalScope.Of(system, history.Of),
            _ => null,
        };
        return scope is { } asked && RestoredKeysFile.Read(data, repository.Cluster, repository.ControlPlaneKey.Thumbprint, message => context.Log.Warn(message)) is { } keys && keys.Covers(asked) ? keys : null;
    }

    private async Task<ISignerTrust> ReadTrustAsync(CancellationToken cancellationToken) =>
        new LogTrust(repository.Log, await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false));

    // The store said that there is none, so the answer stands (I7). But the end of the archive has nothing after it: whoever recovers to the latest
    // moment must be able to read that he did not get there. Only the 4 GiB around the segment are looked at, which is one request.
    private async Task WarnOfGapAsync(WalSegmentName absent, CancellationToken cancellationToken)
    {
        var (earlier, later) = ((WalSegmentName?)null, (WalSegmentName?)null);
        await foreach (var entry in repository.Data.ListAsync(BlobNames.WalFolder(data.Control.SystemIdentifier, absent), cancellationToken).ConfigureAwait(false))
        {
            if (!WalSegmentName.TryParse(entry.Name.AsSpan(entry.Name.LastIndexOf('/') + 1), absent.Size, out var stored)) continue;
            if (stored.Number < absent.Number) earlier = stored;
            else if (later is null) later = stored;
        }
        if (earlier is not null && later is not null)
            context.Log.Error($"{absent} is missing, but {earlier} before and {later} after it are stored: this is a gap, not the end of the archive. Recovery cannot pass it; holdfast info --gaps lists all");
    }

    private async Task<FoundWal?> FindAsync(WalArchive archive, WalFileName name, CancellationToken cancellationToken)
    {
        var system = data.Control.SystemIdentifier;
        void Report(Junk junk) => context.Log.Warn($"blob {junk.Blob} is junk: {junk.Reason}");
        return name switch
        {
            WalFileName.Segment { Name: var segment } => await archive.FindAsync(
                new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), name.FileName), FirstRead, Report, cancellationToken).ConfigureAwait(false),
            WalFileName.History history => await archive.FindAsync(
                new WalItem(SealedKind.TimelineHistory, BlobNames.WalHistory(system, history.Of), WalScope.Of(system, history.Of), name.FileName), SealedFormat.FirstRead, Report, cancellationToken).ConfigureAwait(false),
            WalFileName.BackupHistory { Name: var backup } => await archive.FindAsync(
                new WalItem(SealedKind.BackupHistory, BlobNames.WalBackupHistory(system, backup.Segment, backup.Offset), WalScope.Of(system, backup.Segment.Timeline), name.FileName), SealedFormat.FirstRead, Report, cancellationToken).ConfigureAwait(false),
            WalFileName.Partial partial => await FindPartialAsync(archive, partial, Report, cancellationToken).ConfigureAwait(false),
            _ => throw new ConfigurationException($"{name} cannot be fetched"),
        };
    }

    // A partial segment is asked for by a person, never by PostgreSQL. Two promotions may have left two that count: then the person must say which.
    private async Task<FoundWal?> FindPartialAsync(WalArchive archive, WalFileName.Partial name, Action<Junk> report, CancellationToken cancellationToken)
    {
        var system = data.Control.SystemIdentifier;
        var segment = name.Name.Segment;
        var names = new SortedSet<string>(StringComparer.Ordinal);
        var prefix = $"{BlobNames.WalSegment(system, segment)}.partial.";
        await foreach (var entry in repository.Data.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
            if (entry.Name.Length >= prefix.Length + TagDigits) names.Add(entry.Name[..(prefix.Length + TagDigits)]); // {tag} and {tag}.{n}
        var (found, damage) = (new List<FoundWal>(), (DamagedException?)null);
        foreach (var blob in names)
        {
            var item = new WalItem(SealedKind.WalPartial, blob, WalScope.Of(system, segment), name.FileName);
            try
            {
                if (await archive.FindAsync(item, FirstRead, report, cancellationToken).ConfigureAwait(false) is { } one) found.Add(one);
            }
            catch (DamagedException e) { damage ??= e; } // Told by report; a good one beside it is as good as alone.
        }
        if (found.Count > 1)
            throw new RefusedException($"{name}: {found.Count} different ones are stored: {string.Join(", ", found.Select(one => one.Blob.Name))}", "two servers ended this timeline; recover along the timeline that you want instead");
        return found.Count == 1 ? found[0] : damage is null ? null : throw damage;
    }

    private async Task WriteAsync(FoundWal found, WalFileName name, string destination, CancellationToken cancellationToken)
    {
        var expected = data.Control.WalSegmentSize.Bytes;
        var length = found.Blob.Head.Prefix.PlainLength;
        if (name is WalFileName.Segment or WalFileName.Partial && length != expected)
            throw new DamagedException($"blob {found.Blob.Name} holds {length} bytes, a segment has {expected}", "it was written by a cluster of another wal_segment_size");
        var keyring = Recipients.Keyring(context.Options, patience, OptionTable.ContentPrivateKeyFile);
        if (keyring.IsEmpty)
            throw new ConfigurationException($"{name} is stored, and this host cannot open it: it holds no restorer's key", "set content-private-key-file, which init wrote for restorers, or content-key");
        var beside = $"{destination}{Beside}{Environment.ProcessId}";
        Leftovers.Sweep(Path.GetDirectoryName(Path.GetFullPath(destination))!, $"{Path.GetFileName(destination)}{Beside}", "");
        try
        {
            using var codec = FrameCodecs.Create(3);
            // PostgreSQL makes the segment durable itself, under its final name; what must not happen is a part of it under this one.
            await using (var file = new FileStream(beside, new FileStreamOptions
            {
                Mode = FileMode.Create, Access = FileAccess.Write, BufferSize = 0, PreallocationSize = length, UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
                await found.Blob.CopyContentAsync(repository.Data, keyring, codec, file, cancellationToken).ConfigureAwait(false);
            File.Move(beside, destination, overwrite: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"{destination} cannot be written: {e.Message}", "free room in pg_wal, and run as the user that owns it", e);
        }
        finally
        {
            File.Delete(beside);
        }
    }
}
