using Google.Protobuf;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Manifests;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository.Packs;
using Holdfast.Tests.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Core.Repository.Manifests;

/// <summary>One file of a made-up data directory.</summary>
internal sealed record SourceFile(FileId Id, FileKind Kind, byte[] Content);

/// <summary>Makes a whole attempt, as an agent would: files dealt out to workers, packs, index blobs, lists, <c>files</c>.</summary>
internal sealed class AttemptWriter(BackupWorld world, int workers = 1)
{
    public int FrameBlocks { get; init; } = 4;

    /// <summary>Seal a pack after that many files.</summary>
    public int FilesPerPack { get; init; } = 3;

    /// <summary>Store a blob of extents after that many packs.</summary>
    public int PacksPerIndex { get; init; } = 2;

    /// <summary>Store a part of the list after that many rows.</summary>
    public int RowsPerPart { get; init; } = 5;

    /// <summary>Changes the extents' messages before they are stored.</summary>
    public Action<int, Wire.BackupExtents> OnExtents { get; init; } = (_, _) => { };

    /// <summary>Changes the rows before they are listed.</summary>
    public Func<List<FileRow>, IEnumerable<FileRow>> OnRows { get; init; } = rows => rows;

    /// <summary>Changes what is written last.</summary>
    public Action<Wire.BackupFiles> OnFiles { get; init; } = _ => { };

    public async Task WriteAsync(IReadOnlyList<SourceFile> files)
    {
        var blobs = world.Blobs();
        var crcs = new uint[files.Count];
        var counts = new List<uint>();
        for (var worker = 0; worker < workers; worker++)
        {
            using var builder = world.Builder(worker, FrameBlocks);
            var (extents, packs, index, inPack) = (new ExtentsBuilder(), 0, 0u, 0);
            async Task SealAsync()
            {
                using var pack = await builder.SealAsync(default);
                await blobs.StoreAsync(pack, default);
                extents.Add(pack);
                if (++packs % PacksPerIndex == 0) await StoreAsync();
            }
            async Task StoreAsync()
            {
                var message = extents.Take();
                OnExtents(worker, message);
                await blobs.StoreExtentsAsync(worker, (int)index++, message, default);
            }
            for (var i = worker; i < files.Count; i += workers)
            {
                var content = files[i].Content;
                for (var done = 0; done < content.Length;)
                {
                    done += builder.Append(files[i].Id, (uint)(done / PackFormat.BlockSize), content.AsSpan(done), ref crcs[i]);
                    if (builder.IsFull) await SealAsync();
                }
                if (++inPack % FilesPerPack == 0 && builder.HasContent) await SealAsync();
            }
            if (builder.HasContent) await SealAsync();
            if (!extents.IsEmpty) await StoreAsync();
            counts.Add(index);
        }
        await ListAsync(blobs, [.. files.Select((file, i) => Row(file, crcs[i]))], counts);
    }

    public static FileRow Row(SourceFile file, uint crc) => new(file.Id, new FileFacts(file.Kind, file.Content.Length, 0x180, "postgres", "postgres", LogWorld.Noon, crc,
        file.Kind == FileKind.Link ? "/data/ts1"u8.ToArray() : default));

    private async Task ListAsync(AttemptBlobs blobs, List<FileRow> all, List<uint> counts)
    {
        var (list, part, inPart) = (new FileListBuilder(), 0, 0);
        foreach (var row in OnRows(all))
        {
            list.Add(row);
            if (++inPart % RowsPerPart == 0) await blobs.StoreFileListAsync(part++, list.Take(), default);
        }
        if (!list.IsEmpty) await blobs.StoreFileListAsync(part++, list.Take(), default);
        var files = new Wire.BackupFiles
        {
            Label = world.Attempt.Label.ToString(), Attempt = (uint)world.Attempt.Attempt, SystemIdentifier = world.Attempt.System.Value, Major = 17, Timeline = 1,
            StartLsn = 0x4000028, StopLsn = 0x4000120, CheckpointLsn = 0x4000060, StartTime = LogWorld.Noon.Microseconds, StopTime = LogWorld.Noon.Microseconds + 5_000_000,
            BlockSize = 8192, RelationSegmentBlocks = 131072, WalSegmentSize = 16 << 20, BackupLabel = ByteString.CopyFromUtf8("START WAL LOCATION: 0/4000028\n"),
            Workers = (uint)workers, ListCount = (uint)part, FileCount = (ulong)all.Count, ReadBytes = 1,
        };
        files.IndexCounts.Add(counts);
        OnFiles(files);
        await blobs.StoreFilesAsync(files, default);
    }
}

/// <summary>The control plane's side over a <see cref="BackupWorld"/>.</summary>
internal static class Manifesting
{
    public static ManifestBuilder Builder(this BackupWorld world, Holdfast.Core.Repository.IObjectStore? data = null) =>
        new(data ?? world.Data, world.Catalog, Sealed.ControlPlane, new ObjectSealer(Run, world.Log.ControlPlane), world.Reported.Add);

    public static Task<BuiltManifest> BuildAsync(this BackupWorld world) => world.Builder(data: null).BuildAsync(world.Attempt, new BackupTrust(world.State), default);

    public static ManifestReader Manifests(this BackupWorld world, Keyring? keyring = null) => new(world.Catalog, keyring ?? Sealed.Restorer, world.Log.Pinned, world.Reported.Add);

    /// <summary>Builds and commits.</summary>
    public static async Task<LoggedBackup> CommitAsync(this BackupWorld world)
    {
        var built = await world.BuildAsync();
        world.Append(new BackupCommitted(world.Attempt.Label, world.Attempt.Attempt, built.Facts, built.Root));
        return world.State.Backups[^1];
    }

    public static async Task<List<ManifestFile>> FilesAsync(this ManifestReader reader, LoggedBackup backup)
    {
        var files = new List<ManifestFile>();
        await foreach (var file in reader.ReadFilesAsync(await reader.ReadRootAsync(backup, default), default)) files.Add(file);
        return files;
    }

    private static readonly SealingRun Run = Sealed.Run();
}
