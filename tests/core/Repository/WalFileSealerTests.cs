using System.Buffers.Binary;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Postgres;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Tests.Core.Repository;

/// <summary>From a file in pg_wal to the archive and back, byte for byte; and what is refused on the way in.</summary>
public sealed class WalFileSealerTests : IDisposable
{
    private readonly ScratchFolder _folder = new();
    private readonly SealingRun _run = Sealed.Run();
    private readonly FrameCompressor _compressor = new(() => new ZstdSharpCodec(1), 2, 1 << 20);
    private readonly List<SafeFileHandle> _handles = [];

    public void Dispose()
    {
        _handles.ForEach(handle => handle.Dispose());
        _compressor.Dispose();
        _run.Dispose();
        _folder.Dispose();
    }

    [Theory, MemberData(nameof(GoldenWal.Majors), MemberType = typeof(GoldenWal))]
    public async Task Every_file_that_a_server_archived_comes_back_byte_for_byte(int major)
    {
        var golden = GoldenWal.Open(major);
        var (archive, sealer) = (Archive(out var blobs), Sealer(golden.SystemIdentifier));
        var files = 0;
        foreach (var path in golden.Under("wal"))
        {
            using var wal = await SealAsync(sealer, path[4..], golden[path], golden.SegmentSize);
            Assert.False((await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default)).WasThere);
            Assert.True((await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default)).WasThere);
            Assert.Equal(golden[path], await FetchAsync(blobs, archive, wal.Item));
            var read = IndependentReader.Open(blobs.Bytes(wal.Item.Name), wal.Item.Name, JsonWebKey.Write(Sealed.Host.PublicKey), JsonWebKey.Write(Sealed.Content, withPrivate: true), Sealed.Equality.Bytes.ToArray());
            Assert.Equal(golden[path], read.Content);
            if (wal.Summary is { } summary) Assert.Equal(summary.CoveredLength, wal.Own.ValidLength);
            files++;
        }
        Assert.Equal(golden.Under("wal").Count(), blobs.Names.Count());
        Assert.True(files > 10);
    }

    [Theory]
    [InlineData(1, 3000)]
    [InlineData(16, 9000)]
    [InlineData(64, 200_000)]
    [InlineData(128, 3_000_000)] // above 64 MiB frames wait in a file; records span batches of 16 MiB
    public async Task Segments_of_any_size_come_back_byte_for_byte_and_leave_no_spool(int mebibytes, int maxRecord)
    {
        var size = new WalSegmentSize((long)mebibytes << 20);
        var source = new SyntheticWal(size);
        while (source.Position < source.Name(2).Start) source.AddFiller(maxRecord);
        var (archive, sealer) = (Archive(out var blobs), Sealer(SyntheticWal.System));
        WalSegmentSummary? before = null;
        for (var i = 0; i < 2; i++)
        {
            var (name, bytes) = (source.Name(i), source.Segment(i));
            using var wal = await SealAsync(sealer, name.ToString(), bytes, size);
            Assert.Equal(18, wal.Summary!.Major);
            Assert.Equal(size.Bytes, wal.Own.ValidLength);
            Assert.Equal(Sealed.Equality.Tag(bytes), wal.Own.TagOf(bytes.Length));
            if (before is not null) Assert.True(WalStitch.Join(before, wal.Summary).IsProven);
            before = wal.Summary;
            await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default);
            Assert.True((await FetchAsync(blobs, archive, wal.Item)).AsSpan().SequenceEqual(bytes));
            File.Delete(_folder[name.ToString()]);
        }
        Assert.Empty(Directory.GetFileSystemEntries(_folder.Path));
    }

    [Fact]
    public async Task A_tag_says_the_same_whatever_follows_the_switch()
    {
        var golden = GoldenWal.Open(16);
        var (name, bytes) = golden.Segments(1).Concat(golden.Segments(2)).First(s => Walk(golden, s).EndsBySwitch);
        var (archive, sealer) = (Archive(out _), Sealer(golden.SystemIdentifier));
        using var first = await SealAsync(sealer, name.ToString(), bytes, golden.SegmentSize);
        await archive.StoreAsync(first.Item, first.Object, first.Own, default);
        var recycled = (byte[])bytes.Clone();
        new Random(1).NextBytes(recycled.AsSpan((int)first.Own.ValidLength));
        using var second = await SealAsync(sealer, name.ToString(), recycled, golden.SegmentSize);
        Assert.Equal(first.Own.ValidLength, second.Own.ValidLength);
        Assert.True((await archive.StoreAsync(second.Item, second.Object, second.Own, default)).WasThere);
        recycled[first.Own.ValidLength - 100] ^= 1;
        await Assert.ThrowsAsync<WalDamagedException>(() => SealAsync(sealer, name.ToString(), recycled, golden.SegmentSize));
    }

    [Fact]
    public async Task No_flipped_bit_of_a_record_gets_in()
    {
        var golden = GoldenWal.Open(18);
        var sealer = Sealer(golden.SystemIdentifier);
        var (name, bytes) = golden.Segments(1)[2];
        var summary = Walk(golden, (name, bytes));
        // Within whole records: pieces that cross a seam are proved by the neighbours, padding by nobody.
        var random = new Random(4);
        for (var i = 0; i < 40; i++)
        {
            var changed = (byte[])bytes.Clone();
            var page = random.Next(1, 100) * 8192;
            changed[page + random.Next(8, 16)] ^= (byte)(1 << random.Next(8)); // the page's address
            await Assert.ThrowsAsync<WalDamagedException>(() => SealAsync(sealer, name.ToString(), changed, golden.SegmentSize));
        }
        var crc = (byte[])bytes.Clone();
        crc[summary.LastRecordStart - name.Start + 20] ^= 1;
        await Assert.ThrowsAsync<WalDamagedException>(() => SealAsync(sealer, name.ToString(), crc, golden.SegmentSize));
    }

    [Fact]
    public async Task A_damaged_segment_is_stored_as_it_is_beside_its_name_and_says_why()
    {
        var golden = GoldenWal.Open(15);
        var (archive, sealer) = (Archive(out var blobs), Sealer(golden.SystemIdentifier));
        var (name, bytes) = golden.Segments(1)[1];
        var damaged = (byte[])bytes.Clone();
        damaged[8192 * 3 + 8] ^= 1;
        File.WriteAllBytes(_folder["f"], damaged);
        using var file = File.OpenHandle(_folder["f"]);
        using var wal = await sealer.SealDamagedAsync(file, name, "it is torn", default);
        var stored = await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default);
        Assert.StartsWith(BlobNames.WalSegment(golden.SystemIdentifier, name) + ".damaged.", stored.Blob);
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(golden.SystemIdentifier, name), wal.Item.Scope, name.ToString());
        var found = (await archive.FindAsync(item, 1 << 20, _ => { }, default))!;
        Assert.True(found.IsDamaged);
        Assert.Equal("it is torn", (await found.Blob.Head.OpenIndexAsync(Sealed.ControlPlane, default)).Index.Wal.Damage);
        Assert.Equal(damaged, await FetchAsync(blobs, archive, item));
    }

    [Fact]
    public async Task Wal_of_another_cluster_is_refused()
    {
        var golden = GoldenWal.Open(14);
        var (name, bytes) = golden.Segments(1)[0];
        var error = await Assert.ThrowsAsync<WalForeignException>(() => SealAsync(Sealer(new SystemIdentifier(5)), name.ToString(), bytes, golden.SegmentSize));
        Assert.Equal(WalForeignReason.OtherCluster, error.Reason);
        Assert.Contains(golden.SystemIdentifier.ToString(), error.Message);
    }

    [Fact]
    public async Task Another_segment_under_this_name_is_refused()
    {
        var golden = GoldenWal.Open(14);
        var (name, bytes) = golden.Segments(1)[0];
        var error = await Assert.ThrowsAsync<WalForeignException>(() => SealAsync(Sealer(golden.SystemIdentifier), name.Next.ToString(), bytes, golden.SegmentSize));
        Assert.Equal(WalForeignReason.OtherSegment, error.Reason);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData((1 << 20) - 1)]
    [InlineData((1 << 20) + 1)]
    [InlineData(16 << 20)]
    public async Task A_file_of_another_size_is_damaged(int length)
    {
        var golden = GoldenWal.Open(17);
        var (name, bytes) = golden.Segments(1)[0];
        var file = new byte[length];
        bytes.AsSpan(0, Math.Min(bytes.Length, length)).CopyTo(file);
        var sealer = Sealer(golden.SystemIdentifier);
        await Assert.ThrowsAsync<WalDamagedException>(() => SealAsync(sealer, name.ToString(), file, golden.SegmentSize));
        // Stored as damaged all the same, when PostgreSQL must be released.
        using var handle = File.OpenHandle(_folder[name.ToString()]);
        using var wal = await sealer.SealDamagedAsync(handle, name, "wrong size", default);
        var archive = Archive(out var blobs);
        await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default);
        Assert.Equal(file, await FetchAsync(blobs, archive, wal.Item));
    }

    [Fact]
    public async Task A_file_that_shrinks_while_it_is_read_is_damaged_and_a_vanished_one_is_still_read_whole()
    {
        var golden = GoldenWal.Open(17);
        var (name, bytes) = golden.Segments(1)[0];
        var path = _folder[name.ToString()];
        File.WriteAllBytes(path, bytes);
        using (var handle = File.OpenHandle(path))
        {
            File.Delete(path); // recycled under our hands: the open file stays
            using var wal = await Sealer(golden.SystemIdentifier).SealAsync(handle, Parse(name.ToString(), golden.SegmentSize), default);
            Assert.Equal(Sealed.Equality.Tag(bytes.AsSpan(0, (int)wal.Own.ValidLength)), wal.Own.TagOf(wal.Own.ValidLength));
        }
        File.WriteAllBytes(path, bytes);
        using (var handle = File.OpenHandle(path))
        {
            using var wal = await Sealer(golden.SystemIdentifier).SealAsync(handle, Parse(name.ToString(), golden.SegmentSize), default);
            using (var other = new FileStream(path, FileMode.Open, FileAccess.Write)) other.SetLength(100);
            // Comparing with what is stored reads the file again: it must not compare with less than it says.
            Assert.Throws<DamagedException>(() => wal.Own.TagOf(wal.Own.ValidLength));
        }
    }

    [Fact]
    public async Task Pages_of_a_newer_postgresql_are_stored_whole_without_a_digest()
    {
        var golden = GoldenWal.Open(18);
        var (name, bytes) = golden.Segments(1)[0];
        var newer = (byte[])bytes.Clone();
        for (var page = 0; page < newer.Length; page += 8192) BinaryPrimitives.WriteUInt16LittleEndian(newer.AsSpan(page), 0xD121);
        var archive = Archive(out var blobs);
        using var wal = await SealAsync(Sealer(golden.SystemIdentifier), name.ToString(), newer, golden.SegmentSize);
        Assert.Null(wal.Summary!.Major);
        Assert.Equal(newer.Length, wal.Own.ValidLength);
        await archive.StoreAsync(wal.Item, wal.Object, wal.Own, default);
        Assert.Equal(newer, await FetchAsync(blobs, archive, wal.Item));
        foreach (var magic in (ushort[])[0, 0xD000, 0xFFFF])
        {
            BinaryPrimitives.WriteUInt16LittleEndian(newer, magic);
            await Assert.ThrowsAsync<WalDamagedException>(() => SealAsync(Sealer(golden.SystemIdentifier), name.ToString(), newer, golden.SegmentSize));
        }
    }

    [Fact]
    public async Task A_partial_segment_counts_up_to_its_last_valid_record_and_may_end_in_anything()
    {
        var golden = GoldenWal.Open(17);
        var (name, bytes) = golden.Partial();
        var sealer = Sealer(golden.SystemIdentifier);
        using var whole = await SealAsync(sealer, $"{name}.partial", bytes, golden.SegmentSize);
        var other = (byte[])bytes.Clone();
        new Random(2).NextBytes(other.AsSpan((int)whole.Own.ValidLength + 8192));
        using var second = await SealAsync(sealer, $"{name}.partial", other, golden.SegmentSize);
        Assert.Equal(whole.Item.Name, second.Item.Name);
        var archive = Archive(out var blobs);
        await archive.StoreAsync(whole.Item, whole.Object, whole.Own, default);
        Assert.True((await archive.StoreAsync(second.Item, second.Object, second.Own, default)).WasThere);
        // Another promotion of the same segment, earlier: another name, and both stay.
        var earlier = (byte[])bytes.Clone();
        earlier.AsSpan((int)Walk(golden, (name, bytes), WalJudgement.UpToLastValidRecord).LastRecordStart.Value % (1 << 20)).Clear();
        using var third = await SealAsync(sealer, $"{name}.partial", earlier, golden.SegmentSize);
        Assert.NotEqual(whole.Item.Name, third.Item.Name);
        Assert.False((await archive.StoreAsync(third.Item, third.Object, third.Own, default)).WasThere);
        Assert.Equal(2, blobs.Names.Count());
    }

    [Fact]
    public async Task A_history_file_that_does_not_parse_is_damaged()
    {
        var sealer = Sealer(new SystemIdentifier(5));
        await Assert.ThrowsAnyAsync<DamagedException>(() => SealAsync(sealer, "00000002.history", "rubbish\n"u8.ToArray(), WalSegmentSize.Default));
        await Assert.ThrowsAnyAsync<DamagedException>(() => SealAsync(sealer, "00000002.history", [], WalSegmentSize.Default));
    }

    [Fact]
    public async Task A_spool_that_cannot_be_made_is_the_configurations_fault()
    {
        var size = new WalSegmentSize(128 << 20);
        var source = new SyntheticWal(size);
        using var sealerRun = Sealed.Run();
        var sealer = new WalFileSealer(new ObjectSealer(sealerRun, Sealed.Host), Sealed.Equality, _compressor, SyntheticWal.System, _folder["nowhere"]);
        await Assert.ThrowsAsync<ConfigurationException>(() => SealAsync(sealer, source.Name(0).ToString(), source.Segment(0), size));
    }

    private WalFileSealer Sealer(SystemIdentifier system) => new(new ObjectSealer(_run, Sealed.Host), Sealed.Equality, _compressor, system, _folder.Path);

    private async Task<SealedWal> SealAsync(WalFileSealer sealer, string fileName, byte[] content, WalSegmentSize size)
    {
        var path = _folder[fileName];
        await File.WriteAllBytesAsync(path, content);
        var handle = File.OpenHandle(path);
        _handles.Add(handle);
        return await sealer.SealAsync(handle, Parse(fileName, size), default);
    }

    private static WalFileName Parse(string fileName, WalSegmentSize size) => WalFileName.TryParse(fileName, size) ?? throw new ArgumentException(fileName);

    private static WalArchive Archive(out MemoryObjectStore blobs) => new(blobs = new MemoryObjectStore(), new TrustsOneHost());

    private static async Task<byte[]> FetchAsync(MemoryObjectStore blobs, WalArchive archive, WalItem item)
    {
        var found = await archive.FindAsync(item, 1 << 20, _ => { }, default);
        using var content = new MemoryStream();
        using var codec = new ZstdSharpCodec(3);
        await found!.Blob.CopyContentAsync(blobs, Sealed.Restorer, codec, content, default);
        return content.ToArray();
    }

    private static WalSegmentSummary Walk(GoldenWal golden, (WalSegmentName Name, byte[] Bytes) segment, WalJudgement judgement = WalJudgement.Complete)
    {
        var walker = new WalWalker(segment.Name, golden.SystemIdentifier, judgement);
        walker.Append(segment.Bytes);
        return walker.Finish();
    }

    private sealed class TrustsOneHost : ISignerTrust
    {
        public ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken) =>
            new(new SignerVerdict(head.IsSignedBy(Sealed.Host.PublicKey), "host", "not the host's signature"));
    }
}
