using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Restore;

/// <summary>Everything that is known, and was checked, before a byte is fetched: what a plan shows, and a run goes by.</summary>
/// <param name="Plan">What is to be reached.</param>
/// <param name="Contents">What the backup holds.</param>
/// <param name="Layout">Where it goes.</param>
/// <param name="Uses">The packs it takes.</param>
/// <param name="Outside">Configuration files that lay outside the data directory.</param>
/// <param name="Directory">The folder, checked.</param>
/// <param name="Owners">Whom it is given to.</param>
/// <param name="Rooms">What is needed and free, by file system.</param>
internal sealed record PreparedRestore(
    RecoveryPlan Plan, BackupContents Contents, RestoreLayout Layout, IReadOnlyList<PackUse> Uses, OutsideCopies Outside, TargetDirectory Directory,
    FileOwners Owners, IReadOnlyList<FileSystemRoom> Rooms)
{
    /// <summary>Whether the copy is to take over from the server that was backed up.</summary>
    public bool Adopts { get; init; }

    /// <summary>The data directory of the server that was backed up; the copy's where an old backup does not say.</summary>
    public string OriginalDirectory =>
        Contents.Backup.Settings.LastOrDefault(setting => setting.Name == "data_directory")?.Value.TrimEnd('/') is { Length: > 0 } path ? path : Layout.Root;

    /// <summary>
    /// Folders beside the data directory of which all is written by this restore: the cluster's own in each tablespace, and pg_wal's.
    /// </summary>
    public IReadOnlyList<string> Written => WrittenBeside(Layout);

    /// <summary>The first segment that recovery will want.</summary>
    public WalSegmentName FirstSegment => Plan.Wal[0].First;

    /// <summary>About how many bytes of packs are fetched.</summary>
    public long FetchedBytes => Uses.Sum(use => use.FetchedBytes);

    /// <summary>Reads the manifest, lays it out, and checks all that can be checked: this host first, then the packs. Changes nothing.</summary>
    public static async Task<PreparedRestore> MakeAsync(Host.Repository repository, RecoveryPlan plan, Keyring keyring, ResolvedOptions options, Action<Junk> report, CancellationToken cancellationToken)
    {
        var contents = await BackupContents.ReadAsync(repository, plan.Backup, keyring, report, cancellationToken).ConfigureAwait(false);
        CheckSegmentSize(contents, plan);
        var prepared = LayOut(contents, plan, repository.Cluster, options);
        await CheckPacksAsync(repository.Data, prepared.Uses, cancellationToken).ConfigureAwait(false);
        return prepared;
    }

    /// <summary>Lays out what a manifest lists, and checks what this host has. Changes nothing.</summary>
    /// <param name="contents">What the manifest lists.</param>
    /// <param name="plan">What is to be reached.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="options">Where everything is wanted.</param>
    public static PreparedRestore LayOut(BackupContents contents, RecoveryPlan plan, string cluster, ResolvedOptions options)
    {
        var root = options.Get(OptionTable.PgPath) is var path && path.Length > 1 ? path.TrimEnd('/') : path;
        var linkMap = options.TryGet(OptionTable.LinkMap, out var linkMoves) ? linkMoves : LinkMoves.None;
        var layout = new RestoreLayout(root, contents.VersionDirectory, new RestoreLinks(root, options.Get(OptionTable.LinkAll), linkMap));
        layout.TakeLinks([.. contents.Files.Select(file => file.Row)], options.TryGet(OptionTable.TablespaceMap, out var moves) ? moves : TablespaceMoves.None);
        foreach (var file in contents.Files) layout.Take(file);
        layout.Finish();
        var (directory, owners) = Check(root, plan, contents, layout, cluster);
        var outside = new OutsideCopies(layout, contents.Backup.Settings, options.Find(OptionTable.ConfigPath)?.TrimEnd('/'));
        outside.Check();
        var rooms = DiskRoom.Of(layout, directory.Continues);
        if (!options.Get(OptionTable.SkipSpaceCheck)) DiskRoom.Check(rooms);
        var uses = PackUse.Of(layout.Files.Append(layout.Control!).SelectMany(file => file.Pieces));
        return new PreparedRestore(plan, contents, layout, uses, outside, directory, owners, rooms) { Adopts = options.Get(OptionTable.AdoptAfterwards) };
    }

    private static (TargetDirectory, FileOwners) Check(string root, RecoveryPlan plan, BackupContents contents, RestoreLayout layout, string cluster)
    {
        var others = WrittenBeside(layout);
        foreach (var tablespace in layout.Tablespaces) TargetDirectory.CheckPlace(tablespace.Path);
        var directory = new TargetDirectory(root, $"cluster {cluster}, backup {plan.Backup.Label}, manifest {plan.Backup.Manifest}");
        directory.Check(others);
        TargetDirectory.CheckAbsent(layout.Links.Files.Where(file => !directory.HasClaimed(file)));
        var ours = layout.Files.Select(file => file.Path).Concat(layout.Directories.Select(entry => entry.Path)).Concat(RestoreRun.OwnNames.Select(name => Path.Combine(root, name)))
            .Concat(layout.Tablespaces.Select(tablespace => RestoreTree.LinkOf(layout, tablespace)))
            .Concat(layout.Folders.SelectMany(layout.Ways)) // of a tablespace that was being dropped, the backup has the link alone
            .Concat(layout.Links.Made.Select(link => link.Path)).Append(layout.Control!.Path).ToHashSet(StringComparer.Ordinal);
        directory.CheckOnlyOurs(ours, others);
        var owners = new FileOwners(root);
        owners.Check(contents.Files.Where(file => file.Row.Facts.Kind != FileKind.Outside).Select(file => file.Row.Facts));
        return (directory, owners);
    }

    // A tablespace in the data directory is written and judged with it.
    private static string[] WrittenBeside(RestoreLayout layout) =>
        [.. layout.Tablespaces.Select(layout.VersionFolder).Where(folder => !folder.StartsWith(layout.Root + "/", StringComparison.Ordinal)), .. layout.Links.Folders];

    // pg_control in the backup makes PostgreSQL ask for names of its size, in which others mean other WAL.
    private static void CheckSegmentSize(BackupContents contents, RecoveryPlan plan)
    {
        var (made, stored) = (new WalSegmentSize(contents.Backup.WalSegmentSize), plan.Wal[0].Size);
        if (made == stored) return;
        throw new DamagedException(
            $"backup {plan.Backup.Label} was made with WAL segments of {made}, and what is stored from {plan.WalStart} on has segments of {stored}",
            "somebody's junk may have the names of its WAL; see what does not count: holdfast info --verify");
    }

    // A listing tells in seconds what a fetch would find out in hours.
    private static async Task CheckPacksAsync(IObjectStore data, IReadOnlyList<PackUse> uses, CancellationToken cancellationToken)
    {
        var faults = new List<DamagedException>();
        var byPack = uses.ToDictionary(use => use.Pack);
        await PackPresence.CheckAsync(data, byPack.Keys, (pack, fault) => faults.Add(byPack[pack].Describe(fault)), cancellationToken).ConfigureAwait(false);
        if (faults.Count == 0) return;
        throw new DamagedException(faults.Count == 1 ? faults[0].Message : $"{faults[0].Message}\n  and {faults.Count - 1} more packs are missing or of another length", faults[0].Hint, faults[0]);
    }
}
