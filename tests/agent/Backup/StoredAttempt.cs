using System.Text;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;
using FileFacts = Holdfast.Core.Repository.Packs.FileFacts;

namespace Holdfast.Tests.Agent.Backup;

/// <summary>All that an attempt stored, read back with a restorer's keys: every file is put together from its blocks, and held against its CRC.</summary>
internal sealed class StoredAttempt
{
    private StoredAttempt(BackupFiles? files) => Files = files;

    public BackupFiles? Files { get; }

    /// <summary>The list of files; empty when only packs were stored.</summary>
    public Dictionary<FileId, FileFacts> Facts { get; } = [];

    public Dictionary<FileId, byte[]> Contents { get; } = [];

    public List<CatalogSnapshot> Catalogs { get; } = [];

    public List<StoredPack> Packs { get; } = [];

    /// <summary>Blocks whose extents say that they are zero.</summary>
    public long ZeroBlocks { get; private set; }

    public static async Task<StoredAttempt> ReadAsync(IObjectStore data, BackupAttempt attempt, Keyring keyring, BackupTrust trust, IReadOnlyList<int>? indexCounts = null)
    {
        var files = await IndexAsync(data, attempt.Files, keyring);
        var stored = new StoredAttempt(files?.Files);
        for (var n = 0; n < (stored.Files?.ListCount ?? 0); n++)
        {
            var list = (await IndexAsync(data, attempt.FileList(n), keyring))!.FileList;
            foreach (var row in FileFactsCodec.Decode(list.Files, list.Facts)) stored.Facts.Add(row.Id, row.Facts);
        }
        for (var n = 0; n < (stored.Files?.CatalogCount ?? 0); n++) stored.Catalogs.Add((await IndexAsync(data, attempt.Catalog(n), keyring))!.Catalog);
        var counts = indexCounts ?? [.. stored.Files!.IndexCounts.Select(count => (int)count)];
        var reader = new PackReader(data, keyring, trust, junk => Assert.Fail(junk.Reason));
        for (var worker = 0; worker < counts.Count; worker++)
            for (var n = 0; n < counts[worker]; n++) await stored.AddAsync((await IndexAsync(data, attempt.Extents(worker, n), keyring))!.Extents, attempt, reader);
        if (stored.Files is not null) stored.CheckFiles();
        return stored;
    }

    /// <summary>The content of a file by its path below PGDATA.</summary>
    public byte[] this[string path] => Contents[Facts.Keys.Single(id => Encoding.UTF8.GetString(id.ToPath(VersionDirectory)) == path)];

    public string VersionDirectory { get; init; } = "PG_17_202406281";

    private async Task AddAsync(BackupExtents message, BackupAttempt attempt, PackReader reader)
    {
        var packs = ExtentTableCodec.DecodePacks(message.Packs, [attempt], withSources: false);
        var extents = ExtentTableCodec.Decode(message.Extents, FileTableCodec.Decode(message.Files), packs);
        Packs.AddRange(packs);
        using var codec = new ZstdSharpCodec(3);
        foreach (var extent in extents)
            if (extent.IsZero)
            {
                Place(extent.File, extent.FirstBlock, new byte[extent.BlockCount * (long)PackFormat.BlockSize]);
                ZeroBlocks += extent.BlockCount;
            }
        foreach (var pack in packs)
        {
            var open = await reader.OpenAsync(pack, PackReader.Whole, default);
            var own = extents.Where(extent => extent.Pack == pack).ToArray();
            if (own.Length == 0) continue;
            var content = new byte[pack.Blocks * PackFormat.BlockSize];
            await open.ReadAsync([new BlockRun(0, pack.Blocks)], codec, (block, bytes) => bytes.CopyTo(content.AsSpan(block * PackFormat.BlockSize)), default);
            foreach (var extent in own)
                Place(extent.File, extent.FirstBlock, content.AsSpan(extent.PackBlock * PackFormat.BlockSize, (int)extent.BlockCount * PackFormat.BlockSize));
        }
    }

    private void Place(FileId file, uint block, ReadOnlySpan<byte> bytes)
    {
        var content = Contents.GetValueOrDefault(file, []);
        var from = block * PackFormat.BlockSize;
        if (content.Length < from + bytes.Length) Array.Resize(ref content, (int)from + bytes.Length);
        bytes.CopyTo(content.AsSpan((int)from));
        Contents[file] = content;
    }

    // Blocks are padded: a file ends where its facts say. Every byte up to there must be somewhere, which the CRC shows.
    private void CheckFiles()
    {
        foreach (var (id, facts) in Facts)
        {
            if (!facts.HasContent) continue;
            var content = Contents.GetValueOrDefault(id, []);
            Assert.True(facts.BlockCount * (long)PackFormat.BlockSize == content.Length, $"{id} has {facts.Length} bytes, its extents {content.Length}");
            Assert.DoesNotContain(content.AsSpan((int)facts.Length).ToArray(), b => b != 0);
            Array.Resize(ref content, (int)facts.Length);
            Assert.True(facts.Crc32C == Crc32C.Of(content), $"{id}: its CRC is not that of its bytes");
            Contents[id] = content;
        }
        Assert.All(Contents.Keys, id => Assert.True(Facts.ContainsKey(id), $"blocks of {id} are stored, which is in no list"));
    }

    private static async Task<ObjectIndex?> IndexAsync(IObjectStore data, string name, Keyring keyring)
    {
        if (await SealedBlob.ReadHeadAsync(data, name, SealedFormat.FirstRead, default) is not { } blob) return null;
        return (await blob.Head.OpenIndexAsync(keyring, default)).Index;
    }
}
