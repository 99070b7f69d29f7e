using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Google.Protobuf;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Npgsql;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Fixtures;

/// <summary>What a host knows when its copy is complete.</summary>
/// <param name="Folder">The data directory, or a copy of it.</param>
/// <param name="Label">backup_label.</param>
/// <param name="Map">tablespace_map; empty without tablespaces.</param>
/// <param name="Stop">Where it is consistent.</param>
/// <param name="StopTime">When it stopped.</param>
internal sealed record CopiedCluster(string Folder, byte[] Label, byte[] Map, Lsn Stop, PostgresTime StopTime);

/// <summary>
/// A full backup made without the agent: every file of a folder, read, packed, stored and committed in this process, by the host's and the control plane's keys. What
/// restores are tested with; how the agent makes its own is another test's.
/// </summary>
/// <param name="agent">A database host's options.</param>
/// <param name="controlPlane">The control plane's.</param>
/// <param name="hostState">The host's state-path.</param>
internal sealed partial class BackupMaker(ResolvedOptions agent, ResolvedOptions controlPlane, string hostState)
{
    private static readonly string[] LeftOut = ["pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];

    private readonly string _cluster = agent.Get(OptionTable.Cluster);
    private readonly List<(FileId Id, string Path, FileFacts Facts)> _files = [];
    private readonly Dictionary<FileId, byte[]> _extra = [];

    /// <summary>Blocks of a frame.</summary>
    public int FrameBlocks { get; init; } = PackFormat.DefaultFrameBlocks;

    /// <summary>Raw paths, and content or, for a folder, null: what the server's folder does not have, or .NET cannot read.</summary>
    public List<(byte[] Path, byte[]? Content)> Extra { get; } = [];

    /// <summary>What the backup says of the server.</summary>
    public List<(string Name, string Value)> Settings { get; } = [];

    /// <summary>Paths below the folder that are left out.</summary>
    public HashSet<string> Omit { get; } = [];

    /// <summary>Told of each pack that was stored.</summary>
    public List<StoredPack> Packs { get; } = [];

    /// <summary>Backs up a server that runs, tablespaces too.</summary>
    public static async Task<T> WhileBackingUpAsync<T>(PostgresServer server, Func<Func<Task<CopiedCluster>>, Task<T>> read)
    {
        await using var session = await server.ConnectAsync();
        var (start, stop) = server.Major >= 15 ? ("pg_backup_start('test', true)", "pg_backup_stop(false)") : ("pg_start_backup('test', true, false)", "pg_stop_backup(false, false)");
        await using (var command = new NpgsqlCommand($"SELECT {start}", session)) await command.ExecuteNonQueryAsync();
        return await read(async () =>
        {
            await using var command = new NpgsqlCommand($"SELECT lsn::text, labelfile, coalesce(spcmapfile, ''), clock_timestamp() FROM {stop}", session);
            await using var row = await command.ExecuteReaderAsync();
            await row.ReadAsync();
            return new CopiedCluster(server.DataFolder, Encoding.UTF8.GetBytes(row.GetString(1)), Encoding.UTF8.GetBytes(row.GetString(2)), Lsn.Parse(row.GetString(0)),
                PostgresTime.From(new DateTimeOffset(row.GetDateTime(3).ToUniversalTime(), TimeSpan.Zero)));
        });
    }

    /// <summary>A copy that <see cref="BaseCopy"/> made; where it stopped, the archived backup history file says.</summary>
    public static CopiedCluster Of(PostgresServer baseCopy, FolderArchive archive)
    {
        var label = File.ReadAllBytes(Path.Combine(baseCopy.DataFolder, "backup_label"));
        var start = BackupLabel.Parse(label).StartWalLocation;
        var history = archive.Names.Where(name => name.EndsWith(".backup", StringComparison.Ordinal)).Select(name => Encoding.UTF8.GetString(archive.Read(name)))
            .Single(text => text.Contains($"START WAL LOCATION: {start} ", StringComparison.Ordinal));
        Assert.True(PostgresTimeText.TryParse(StopTime().Match(history).Groups[1].Value, out var time), history);
        return new CopiedCluster(baseCopy.DataFolder, label, [], Lsn.Parse(StopLocation().Match(history).Groups[1].Value), time);
    }

    /// <summary>Backs up a server that runs.</summary>
    public Task<LoggedBackup> BackUpAsync(PostgresServer server) => WhileBackingUpAsync(server, stop => StoreAsync(server.DataFolder, stop));

    /// <summary>Backs up a copy.</summary>
    public Task<LoggedBackup> BackUpAsync(CopiedCluster copy) => StoreAsync(copy.Folder, () => Task.FromResult(copy));

    private async Task<LoggedBackup> StoreAsync(string folder, Func<Task<CopiedCluster>> stop)
    {
        using var store = BlobServices.Open(StoreOptions.From(agent, TimeSpan.FromSeconds(30)));
        using var decisions = BlobServices.Open(StoreOptions.From(controlPlane, TimeSpan.FromSeconds(30)));
        using var signing = JsonWebKey.ReadSigning(File.ReadAllBytes(controlPlane.Get(OptionTable.SigningKeyFile)), "test");
        using var identity = HostIdentity.TryLoad(new StateFolder(Path.Combine(hostState, _cluster)))!;
        using var run = await SealingRun.StartAsync(Recipients.Of(agent), default);
        var control = ControlFile.Parse(File.ReadAllBytes(Path.Combine(folder, ControlFile.RelativePath)));
        var log = new ClusterLog(decisions.Log, [signing.PublicKey], _cluster);

        var last = (await log.ReadStateAsync(null, default)).State.LastLabel;
        var name = BackupName.After(BackupType.Full, DateTimeOffset.UtcNow, null, last);
        var attempt = new BackupAttempt(control.SystemIdentifier, name, 1);
        var view = await AppendAsync(log, signing, new BackupIntended(name, control.SystemIdentifier, identity.Signing.PublicKey.Thumbprint));
        var blobs = new AttemptBlobs(store.Data, new ObjectSealer(run, identity.Signing), attempt);
        List(folder, control.TablespaceVersionDirectory);
        await StoreFilesAsync(blobs, new ObjectSealer(run, identity.Signing), identity.Equality!, control, stop);

        var keyring = Recipients.Keyring(controlPlane, StoreOptions.OperatorDeadline, OptionTable.IndexPrivateKeyFile);
        var manifest = await new ManifestBuilder(store.Data, decisions.Catalog, keyring, new ObjectSealer(run, signing), junk => Assert.Fail(junk.Reason)).BuildAsync(attempt, new BackupTrust(view.State), default);
        view = await AppendAsync(log, signing, new BackupCommitted(name, 1, manifest.Facts, manifest.Root));
        return view.State.FindBackup(name)!;
    }

    private async Task StoreFilesAsync(AttemptBlobs blobs, ObjectSealer sealer, EqualityKey equality, ControlFile control, Func<Task<CopiedCluster>> stop)
    {
        var (started, list, extents) = (PostgresTime.From(DateTimeOffset.UtcNow), new FileListBuilder(), new ExtentsBuilder());
        using var packs = new PackBuilder(sealer, new ZstdSharpCodec(1), new PageFingerprint(equality), blobs.Attempt, 0, FrameBlocks);
        foreach (var (id, path, facts) in _files.OrderBy(file => file.Id))
        {
            var crc = 0u;
            var content = !facts.HasContent ? [] : _extra.TryGetValue(id, out var own) ? own : await File.ReadAllBytesAsync(path);
            for (var done = 0; done < content.Length;)
            {
                done += packs.Append(id, (uint)(done / PackFormat.BlockSize), content.AsSpan(done), ref crc);
                if (packs.IsFull) await SealAsync();
            }
            list.Add(new FileRow(id, facts with { Length = content.Length, Crc32C = crc }));
        }
        if (packs.HasContent) await SealAsync();
        await blobs.StoreExtentsAsync(0, 0, extents.Take(), default);
        await blobs.StoreFileListAsync(0, list.Take(), default);
        var copy = await stop();
        var label = BackupLabel.Parse(copy.Label);
        var start = copy.StopTime.CompareTo(started) < 0 ? copy.StopTime : started;
        await blobs.StoreFilesAsync(new Wire.BackupFiles
        {
            Label = blobs.Attempt.Label.ToString(), Attempt = 1, SystemIdentifier = control.SystemIdentifier.Value, Major = uint.Parse(File.ReadAllText(Path.Combine(copy.Folder, "PG_VERSION")), CultureInfo.InvariantCulture),
            ControlVersion = control.ControlVersion, CatalogVersion = control.CatalogVersion, Timeline = label.StartTimeline.Value, StartLsn = label.StartWalLocation.Value, StopLsn = copy.Stop.Value,
            CheckpointLsn = label.CheckpointLocation.Value, StartTime = start.Microseconds, StopTime = copy.StopTime.Microseconds, BlockSize = 8192,
            RelationSegmentBlocks = control.RelationSegmentBlocks, WalSegmentSize = (uint)control.WalSegmentSize.Bytes, DataChecksums = control.DataChecksumVersion > 0,
            BackupLabel = ByteString.CopyFrom(copy.Label), TablespaceMap = ByteString.CopyFrom(copy.Map), Workers = 1, IndexCounts = { 1 }, ListCount = 1, FileCount = (ulong)_files.Count, Settings = { Settings.Select(setting => new Wire.Setting { Name = setting.Name, Value = setting.Value }) },
        }, default);

        async Task SealAsync()
        {
            using var pack = await packs.SealAsync(default);
            extents.Add(pack);
            Packs.Add(pack.Pack);
            await blobs.StoreAsync(pack, default);
        }
    }

    private void List(string folder, string version)
    {
        _files.Clear();
        Add(FileId.FromPath("", version), folder, FileKind.Directory);
        Walk(folder, "", version);
        foreach (var (path, content) in Extra)
        {
            var id = FileId.FromPath(path, version);
            var kind = content is null ? FileKind.Directory : id.IsOutside ? FileKind.Outside : FileKind.Other;
            _files.Add((id, "", new FileFacts(kind, 0, content is null ? 0x1C0u : 0x1A0u, id.IsOutside ? "root" : "nobody", "nogroup", default)));
            if (content is not null) _extra[id] = content;
        }
    }

    private void Walk(string folder, string relative, string version)
    {
        foreach (var entry in new DirectoryInfo(Path.Combine(folder, relative)).EnumerateFileSystemInfos().OrderBy(entry => entry.Name, StringComparer.Ordinal))
        {
            var path = relative.Length == 0 ? entry.Name : $"{relative}/{entry.Name}";
            if (entry.Name.StartsWith("postmaster.", StringComparison.Ordinal) || path is "backup_label" or "tablespace_map" || Omit.Contains(path)) continue;
            var id = FileId.FromPath(path, version);
            if (entry.LinkTarget is { } target)
            {
                _files.Add((id, entry.FullName, Facts(entry.FullName, FileKind.Link) with { LinkTarget = Encoding.UTF8.GetBytes(target) }));
                if (relative == "pg_tblspc") WalkTablespace(target, uint.Parse(entry.Name, CultureInfo.InvariantCulture), version);
            }
            else if (entry is DirectoryInfo)
            {
                Add(id, entry.FullName, FileKind.Directory);
                if (!LeftOut.Contains(path)) Walk(folder, path, version);
            }
            else Add(id, entry.FullName, id.IsRelation ? FileKind.Relation : FileKind.Other);
        }
    }

    private void WalkTablespace(string target, uint oid, string version)
    {
        Add(FileId.OfTablespace(oid), target, FileKind.Directory);
        foreach (var path in Directory.EnumerateFileSystemEntries(target, "*", SearchOption.AllDirectories))
        {
            var id = FileId.FromPath($"pg_tblspc/{oid}/{Path.GetRelativePath(target, path)}", version);
            Add(id, path, Directory.Exists(path) ? FileKind.Directory : id.IsRelation ? FileKind.Relation : FileKind.Other);
        }
    }

    private void Add(FileId id, string path, FileKind kind) => _files.Add((id, path, Facts(path, kind)));

    private static FileFacts Facts(string path, FileKind kind) => new(kind, 0, kind == FileKind.Link ? 511u : (uint)File.GetUnixFileMode(path), "nobody", "nogroup",
        PostgresTime.From(File.GetLastWriteTimeUtc(path)));

    private static Task<LogView> AppendAsync(ClusterLog log, EcSigningKey signing, LogEvent logEvent)
    {
        var left = 1;
        return log.AppendAsync(_ => left-- > 0 ? logEvent : null, signing, TimeProvider.System, null, default);
    }

    [GeneratedRegex(@"STOP WAL LOCATION: ([0-9A-F/]+) ")]
    private static partial Regex StopLocation();

    [GeneratedRegex("STOP TIME: (.*)")]
    private static partial Regex StopTime();
}
