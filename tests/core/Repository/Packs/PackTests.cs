using CsCheck;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Repository.Packs;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Core.Repository.Packs;

public sealed class PackTests : IDisposable
{
    private const int Block = PackFormat.BlockSize;

    private static readonly Gen<byte[]> AnyContent = Gen.Select(Gen.Int[0, 40 * Block], Gen.Int, Gen.Int[0, 3]).Select(Content);

    private readonly BackupWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Any_files_come_back_from_their_packs() => Gen.Select(AnyContent.Array[1, 6], Gen.Int[1, 9], Gen.Int[1, 70_000]).Sample((files, frameBlocks, readSize) =>
    {
        using var world = new BackupWorld();
        var (packs, crcs) = Build(world, files, frameBlocks, readSize);
        for (var i = 0; i < files.Length; i++)
        {
            Assert.Equal(Crc32C.Of(files[i]), crcs[i]);
            Assert.Equal(files[i], Restore(world, packs, BackupWorld.File((uint)i + 1), files[i].Length));
        }
    }, iter: 60);

    [Fact]
    public async Task A_pack_says_what_it_holds_to_who_has_the_index_key_and_gives_it_to_nobody_but_a_restorer()
    {
        var content = Content(20 * Block + 100, 5, 1);
        var (packs, _) = Build(_world, [content], 4, 1 << 20);
        var pack = await _world.Reader(Sealed.ControlPlane).OpenAsync(packs[0], PackReader.Whole, default);
        var stored = pack.Extents.Where(extent => !extent.IsZero).ToList();
        Assert.Equal(packs[0].Blocks, stored.Sum(extent => extent.BlockCount));
        var padded = new byte[21 * Block];
        content.CopyTo(padded, 0);
        foreach (var extent in stored)
            for (var i = 0; i < extent.BlockCount; i++)
                Assert.Equal(_world.Fingerprint.Of(padded.AsSpan((int)(extent.FirstBlock + i) * Block, Block)), pack.FingerprintOf(extent.PackBlock + i));
        using var codec = new ZstdSharpCodec(1);
        var error = await Assert.ThrowsAsync<SealedObjectException>(() => pack.ReadAsync([new BlockRun(0, 1)], codec, (_, _) => { }, default));
        Assert.Contains("index only", error.Message);
    }

    [Fact]
    public void Zero_blocks_are_stored_nowhere_and_said()
    {
        var content = new byte[100 * Block];
        content[50 * Block] = 1;
        var (packs, _) = Build(_world, [content], 4, 7 * Block);
        Assert.Equal(1, packs.Single().Blocks);
        var pack = Open(_world, packs[0]);
        Assert.Equal([(0u, 50u, true), (50u, 1u, false), (51u, 49u, true)], pack.Extents.Select(extent => (extent.FirstBlock, extent.BlockCount, extent.IsZero)));
    }

    [Fact]
    public void A_pack_of_nothing_but_zeros_has_no_frames_and_is_stored_all_the_same()
    {
        var (packs, _) = Build(_world, [new byte[3 * Block + 5]], 4, 1 << 20);
        Assert.Equal(0, packs.Single().Blocks);
        Assert.Equal(new byte[3 * Block + 5], Restore(_world, packs, BackupWorld.File(1), 3 * Block + 5));
    }

    [Fact]
    public async Task A_pack_is_full_before_its_payload_has_16_MiB_and_the_next_goes_on()
    {
        var content = new byte[40 << 20];
        new Random(3).NextBytes(content);
        var (packs, _) = Build(_world, [content], 32, 1 << 18);
        Assert.Equal(3, packs.Count);
        Assert.All(packs, pack => Assert.InRange(pack.Length, 1, PackReader.Whole));
        Assert.Equal([0, 1, 2], packs.Select(pack => pack.Number));
        Assert.Equal(content, Restore(_world, packs, BackupWorld.File(1), content.Length));
        Assert.All(await Task.WhenAll(packs.Select(pack => _world.Reader().OpenAsync(pack, PackReader.Whole, default))),
            pack => Assert.True(pack.Frames.Sum(frame => frame.SealedLength) <= PackFormat.MaxPayload));
    }

    [Fact]
    public void What_shrinks_to_nothing_still_ends_a_pack()
    {
        using var builder = _world.Builder(frameBlocks: 512);
        var blocks = 0;
        for (; !builder.IsFull; blocks += 512)
        {
            builder.Space.Span.Fill(7);
            builder.Commit(BackupWorld.File(1), (uint)blocks, builder.Space.Length);
        }
        Assert.Equal(PackFormat.MaxBlocks, blocks);
        Assert.Throws<InvalidOperationException>(() => builder.Space);
        Assert.Throws<InvalidOperationException>(() => builder.Commit(BackupWorld.File(1), (uint)blocks, 1));
    }

    [Fact]
    public void Blocks_out_of_order_are_refused()
    {
        using var builder = _world.Builder();
        builder.Commit(BackupWorld.File(2), 5, 2 * Block);
        Assert.Throws<ArgumentException>(() => builder.Commit(BackupWorld.File(2), 6, Block));
        Assert.Throws<ArgumentException>(() => builder.Commit(BackupWorld.File(1), 9, Block));
        builder.Commit(BackupWorld.File(2), 7, 100);
        Assert.Throws<ArgumentException>(() => builder.Commit(BackupWorld.File(2), 8, Block)); // its last block was short
        builder.Commit(BackupWorld.File(2, 1), 0, Block);
    }

    [Fact]
    public async Task Scattered_blocks_are_fetched_by_ranges_of_their_frames_only()
    {
        var content = new byte[12 << 20];
        new Random(3).NextBytes(content);
        var (packs, _) = Build(_world, [content], 32, 1 << 18);
        var counting = new HookedStore(_world.Data);
        var pack = await new PackReader(counting, Sealed.Restorer, new BackupTrust(_world.State), _ => { }).OpenAsync(packs[0], SealedFormat.FirstRead, default);
        Assert.Equal(1, counting.Reads);
        using var codec = new ZstdSharpCodec(1);
        var got = new Dictionary<int, byte[]>();
        BlockRun[] wanted = [new(100, 1), new(700, 40), new(1000, 3), new(1200, 336)];
        await pack.ReadAsync(wanted, codec, (first, blocks) => got[first] = blocks.ToArray(), default);
        Assert.Equal(5, counting.Reads);
        foreach (var (first, blocks) in got) Assert.Equal(content.AsSpan(first * Block, blocks.Length), blocks.AsSpan());
        Assert.Equal(wanted.Sum(run => run.Count), got.Values.Sum(blocks => blocks.Length / Block));
    }

    [Theory]
    [InlineData("missing", "missing")]
    [InlineData("cut", "bytes, its prefix says")]
    [InlineData("flipped head", "signature")]
    [InlineData("another pack", "was sealed as")]
    [InlineData("a stranger's", "expected that of host")]
    public async Task A_pack_that_is_not_the_hosts_own_whole_pack_gives_one_clear_error(string harm, string says)
    {
        var (packs, _) = Build(_world, [Content(300 * Block, 9, 2)], 8, 1 << 20, packEvery: 20);
        var name = packs[0].Name;
        var bytes = _world.Data.Bytes(name);
        if (harm == "missing") _world.Data.Lose(name);
        else _world.Data.Overwrite(name, harm switch
        {
            "cut" => bytes[..^1],
            "flipped head" => Flip(bytes, SealedPrefix.ReadLength(bytes) + 40),
            "another pack" => _world.Data.Bytes(packs[1].Name),
            _ => await StrangersAsync(),
        });
        var error = await Assert.ThrowsAnyAsync<DamagedException>(() => _world.Reader().OpenAsync(packs[0], PackReader.Whole, default));
        Assert.Contains(says, error.Message);
        Assert.Contains(name, error.Message);
        Assert.NotNull(error.Hint);
    }

    [Fact]
    public async Task A_damaged_frame_is_named_and_its_neighbours_are_whole()
    {
        var content = new byte[64 * Block];
        new Random(3).NextBytes(content);
        var (packs, _) = Build(_world, [content], 8, 1 << 20);
        var name = packs[0].Name;
        var third = Open(_world, packs[0]).Frames[2];
        _world.Data.Overwrite(name, Flip(_world.Data.Bytes(name), (int)third.Offset + 5));
        var pack = await _world.Reader().OpenAsync(packs[0], PackReader.Whole, default);
        using var codec = new ZstdSharpCodec(1);
        await pack.ReadAsync([new BlockRun(0, 16), new BlockRun(24, 40)], codec, (first, blocks) => Assert.Equal(content.AsSpan(first * Block, blocks.Length), blocks), default);
        var error = await Assert.ThrowsAsync<SealedObjectException>(() => pack.ReadAsync([new BlockRun(20, 1)], codec, (_, _) => { }, default));
        Assert.Contains(name, error.Message);
        Assert.Contains("frame 3", error.Message);
    }

    [Fact]
    public async Task A_pack_beside_junk_is_found_and_the_junk_reported()
    {
        _world.Data.Overwrite(_world.Attempt.Pack(0, 0), [1, 2, 3]);
        var content = Content(5 * Block, 3, 2);
        var (packs, _) = Build(_world, [content], 8, 1 << 20);
        Assert.Contains(packs[0].Name + ".1", _world.Data.Names);
        Assert.Equal(content, Restore(_world, packs, BackupWorld.File(1), content.Length));
        Assert.Contains(_world.Reported, junk => junk.Blob == packs[0].Name);
        Assert.Equal(packs[0].Name + ".1", (await _world.Reader().OpenAsync(packs[0], 1 << 10, default)).Blob);
    }

    [Fact]
    public async Task A_lost_answer_is_no_conflict_and_another_process_is()
    {
        using var builder = _world.Builder();
        builder.Commit(BackupWorld.File(1), 0, Fill(builder.Space.Span));
        using var pack = await builder.SealAsync(default);
        Assert.False((await _world.Blobs().StoreAsync(pack, default)).WasThere);
        Assert.True((await _world.Blobs().StoreAsync(pack, default)).WasThere);
        using var again = _world.Builder();
        again.Commit(BackupWorld.File(1), 0, Fill(again.Space.Span));
        using var twin = await again.SealAsync(default);
        var error = await Assert.ThrowsAsync<RefusedException>(() => _world.Blobs().StoreAsync(twin, default));
        Assert.Contains(pack.Pack.Name, error.Message);
    }

    [Fact]
    public void Sealing_gives_the_memory_back()
    {
        using var builder = _world.Builder();
        var before = 0L;
        for (var n = 0; n < 6; n++)
        {
            if (n == 2) before = GC.GetAllocatedBytesForCurrentThread();
            builder.Commit(BackupWorld.File((uint)n + 1), 0, Fill(builder.Space.Span));
#pragma warning disable xUnit1031 // completes at once
            builder.SealAsync(default).GetAwaiter().GetResult().Dispose();
#pragma warning restore xUnit1031
        }
        Assert.True(GC.GetAllocatedBytesForCurrentThread() - before < 1 << 20);
    }

    internal static byte[] Content(int length, int seed, int zeros)
    {
        var content = new byte[length];
        var random = new Random(seed);
        for (var i = 0; i < length; i += Block)
            if (random.Next(4) >= zeros) random.NextBytes(content.AsSpan(i, Math.Min(random.Next(1, Block + 1), length - i)));
        return content;
    }

    internal static (List<StoredPack> Packs, uint[] Crcs) Build(BackupWorld world, byte[][] files, int frameBlocks, int readSize, int packEvery = int.MaxValue)
    {
        using var builder = world.Builder(frameBlocks: frameBlocks);
        var blobs = world.Blobs();
        var packs = new List<StoredPack>();
        var crcs = new uint[files.Length];
        void Store()
        {
            using var pack = builder.SealAsync(default).GetAwaiter().GetResult();
            blobs.StoreAsync(pack, default).GetAwaiter().GetResult();
            packs.Add(pack.Pack);
        }
        var commits = 0;
        for (var i = 0; i < files.Length; i++)
            for (var at = 0; at < files[i].Length;)
            {
                var part = files[i].AsSpan(at, Math.Min(files[i].Length - at, Math.Min(builder.Space.Length, (readSize + Block - 1) / Block * Block)));
                part.CopyTo(builder.Space.Span);
                crcs[i] = Crc32C.Combine(crcs[i], builder.Commit(BackupWorld.File((uint)i + 1), (uint)(at / Block), part.Length), part.Length);
                at += part.Length;
                if (builder.IsFull || ++commits % packEvery == 0) Store();
            }
        if (builder.HasContent) Store();
        return (packs, crcs);
    }

    private static byte[] Restore(BackupWorld world, List<StoredPack> packs, FileId file, int length)
    {
        var restored = new byte[(length + Block - 1) / Block * Block];
        using var codec = new ZstdSharpCodec(1);
        foreach (var pack in packs)
        {
            var open = Open(world, pack);
            var mine = open.Extents.Where(extent => extent.File == file && !extent.IsZero).ToList();
            open.ReadAsync([.. mine.Select(extent => new BlockRun(extent.PackBlock, (int)extent.BlockCount))], codec, (first, blocks) =>
            {
                var extent = mine.Single(one => first >= one.PackBlock && first < one.PackBlock + one.BlockCount);
                blocks.CopyTo(restored.AsSpan((int)(extent.FirstBlock + first - extent.PackBlock) * Block));
            }, default).GetAwaiter().GetResult();
        }
        return restored[..length];
    }

    private static OpenPack Open(BackupWorld world, StoredPack pack) => world.Reader().OpenAsync(pack, PackReader.Whole, default).GetAwaiter().GetResult();

    private static int Fill(Span<byte> space)
    {
        new Random(1).NextBytes(space);
        return space.Length;
    }

    private static byte[] Flip(byte[] bytes, int at)
    {
        var copy = (byte[])bytes.Clone();
        copy[at] ^= 1;
        return copy;
    }

    private async Task<byte[]> StrangersAsync()
    {
        using var builder = new PackBuilder(_world.Sealer(_world.Stranger), new ZstdSharpCodec(1), _world.Fingerprint, _world.Attempt, 0);
        builder.Commit(BackupWorld.File(1), 0, Fill(builder.Space.Span));
        using var pack = await builder.SealAsync(default);
        return BackupWorld.Bytes(pack.Object);
    }
}
