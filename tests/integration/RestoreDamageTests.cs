using Azure.Storage.Blobs;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// Everything that a restore reads, harmed in every way: each time the blob is named, nothing is presented as done, and no server starts. What only a manifest's
/// making reads may be missing.
/// </summary>
public sealed class RestoreDamageTests(RestoreWorld world) : IClassFixture<RestoreWorld>
{
    private const Needs Everything = Needs.Azurite | Needs.Postgres | Needs.Clients | Needs.Agent;

    public static TheoryData<string, string> Harms()
    {
        var data = new TheoryData<string, string>();
        foreach (var kind in (string[])["root", "shard", "pack"])
            foreach (var harm in (string[])["missing", "truncated", "flipped at the head", "flipped at the end", "another backup's"]) data.Add(kind, harm);
        return data;
    }

    [NeedsTheory(Everything)]
    [MemberData(nameof(Harms))]
    public async Task What_is_harmed_is_named_and_nothing_is_presented_as_done(string kind, string harm)
    {
        var other = await world.OtherAsync();
        var (blob, foreign) = kind switch
        {
            "root" => (Catalog(BlobNames.Manifest(world.Backup.System, world.Backup.Label)), Catalog(BlobNames.Manifest(world.Backup.System, other.Backup.Label))),
            "shard" => (Catalog(Assert.Single(world.Shards)), Catalog(Assert.Single(other.Shards))),
            _ => (Data(world.Packs[0]), Data(other.Packs[0])),
        };
        var content = (await blob.DownloadContentAsync()).Value.Content.ToArray();
        var harmed = harm switch
        {
            "missing" => null,
            "truncated" => content[..(content.Length / 2)],
            "flipped at the head" => Flip(content, 40),
            "flipped at the end" => Flip(content, content.Length - 10),
            _ => (await foreign.DownloadContentAsync()).Value.Content.ToArray(),
        };
        await using var restored = PostgresServer.CreateEmpty(17);
        try
        {
            if (harmed is null) await blob.DeleteAsync();
            else await blob.UploadAsync(new BinaryData(harmed), overwrite: true);

            var error = await Assert.ThrowsAnyAsync<DamagedException>(() => world.Stored.RestoreHereAsync(restored, _ => { },
                [.. RestoreWorld.Moved(restored, world.Tablespace), $"--set={world.Backup.Label}", "--target-immediate"]));

            Assert.Contains(blob.Name, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
            Assert.False(File.Exists(Path.Combine(restored.DataFolder, "global", "pg_control")));
            // Only what takes reading a whole pack is found while it is fetched: then the directory says that it is not whole.
            var begun = kind == "pack" && harm.StartsWith("flipped", StringComparison.Ordinal);
            Assert.Equal(begun, File.Exists(Path.Combine(restored.DataFolder, "holdfast.restore")));
        }
        finally
        {
            await blob.UploadAsync(new BinaryData(content), overwrite: true);
        }
    }

    [NeedsFact(Everything)]
    public async Task What_the_control_plane_read_when_it_made_the_manifest_may_be_gone()
    {
        await world.OtherAsync();
        await using var restored = PostgresServer.CreateEmpty(17);
        var gone = new List<(BlobClient Blob, BinaryData Content)>();
        await foreach (var item in world.Stored.Container("data").GetBlobsAsync(Azure.Storage.Blobs.Models.BlobTraits.None, Azure.Storage.Blobs.Models.BlobStates.None, $"{world.Backup.System}/backup/{world.Backup.Label}/", default))
        {
            if (item.Name.Contains("/pack/", StringComparison.Ordinal)) continue;
            gone.Add((Data(item.Name), (await Data(item.Name).DownloadContentAsync()).Value.Content));
            await Data(item.Name).DeleteAsync();
        }
        try
        {
            Assert.Equal(3, gone.Count); // extents, list of files, "files"
            await world.Stored.RestoreHereAsync(restored, _ => { }, [.. RestoreWorld.Moved(restored, world.Tablespace), $"--set={world.Backup.Label}", "--target-immediate"]);
            await RestoreMatrixTests.JudgeCold(restored);
        }
        finally
        {
            foreach (var (blob, content) in gone) await blob.UploadAsync(content);
        }
    }

    private static byte[] Flip(byte[] content, int at)
    {
        byte[] flipped = [.. content];
        flipped[at] ^= 1;
        return flipped;
    }

    private BlobClient Catalog(string name) => world.Stored.Container("catalog").GetBlobClient(name);

    private BlobClient Data(string name) => world.Stored.Container("data").GetBlobClient(name);
}
