using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Postgres;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

/// <summary>Watching an archive of real WAL grow, segment by segment.</summary>
public sealed class WalChainWatchTests : IDisposable
{
    private static readonly GoldenWal Golden = GoldenWal.Open(17);

    private readonly ScratchFolder _folder = new();
    private readonly SealingRun _run = Sealed.Run();
    private readonly FrameCompressor _compressor = new(() => new ZstdSharpCodec(1), 2, 1 << 20);
    private readonly MemoryObjectStore _blobs = new();
    private readonly List<(WalSegmentName Name, byte[] Bytes)> _first = Golden.Segments(1), _second = Golden.Segments(2);
    private readonly WalChainWatch _watch;

    public WalChainWatchTests() => _watch = new WalChainWatch(_blobs, Sealed.Restorer, Golden.SystemIdentifier, _first[0].Name);

    public void Dispose()
    {
        _compressor.Dispose();
        _run.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task Proves_each_segment_once_as_it_comes()
    {
        foreach (var segment in _first)
        {
            await StoreAsync(segment);
            Assert.False(await LookAsync());
            Assert.Equal(segment.Name.Next, _watch.Next);
        }
        Assert.Equal((0L, _first[^1].Name.End), (_watch.BreakCount, _watch.ReplaysTo));
        _blobs.Lose(BlobNames.WalSegment(Golden.SystemIdentifier, _first[3].Name)); // what was proven is not read again
        Assert.False(await LookAsync());
        Assert.Equal(0, _watch.BreakCount);
    }

    [Fact]
    public async Task Reads_no_more_than_it_may_and_goes_on()
    {
        foreach (var segment in _first) await StoreAsync(segment);
        Assert.True(await LookAsync(limit: 5));
        Assert.Equal(_first[5].Name, _watch.Next);
        while (await LookAsync(limit: 5)) ;
        Assert.Equal(_first[^1].Name.Next, _watch.Next);
    }

    [Fact]
    public async Task A_missing_segment_is_a_break_until_it_comes()
    {
        foreach (var segment in _first.Where((_, number) => number != 4)) await StoreAsync(segment);
        await LookAsync();
        var gap = Assert.Single(_watch.Breaks);
        Assert.Equal((WalBreakKind.Gap, _first[4].Name, _first[4].Name.Start), (gap.Kind, gap.First, _watch.ReplaysTo));
        await StoreAsync(_first[4]);
        await LookAsync();
        Assert.Equal((0L, _first[^1].Name.End), (_watch.BreakCount, _watch.ReplaysTo));
    }

    [Fact]
    public async Task Earlier_breaks_stay_when_a_later_gap_is_filled()
    {
        foreach (var segment in _first.Where((_, number) => number is not (2 or 6))) await StoreAsync(segment);
        await LookAsync();
        Assert.Equal([_first[2].Name, _first[6].Name], _watch.Breaks.Select(found => found.First));
        await StoreAsync(_first[6]);
        await LookAsync();
        Assert.Equal([_first[2].Name], _watch.Breaks.Select(found => found.First));
    }

    [Fact]
    public async Task Junk_under_a_later_name_is_a_break_and_no_end()
    {
        await StoreAsync(_first[0]);
        _blobs.Overwrite(BlobNames.WalSegment(Golden.SystemIdentifier, _first[2].Name), [1, 2, 3]);
        await LookAsync();
        Assert.Equal([WalBreakKind.Gap, WalBreakKind.Unusable], _watch.Breaks.Select(found => found.Kind));
        Assert.Equal(_first[1].Name.Start, _watch.ReplaysTo);
        await StoreAsync(_first[1]);
        await LookAsync();
        Assert.Equal([WalBreakKind.Unusable], _watch.Breaks.Select(found => found.Kind));
    }

    [Fact]
    public async Task Follows_to_the_next_timeline()
    {
        foreach (var segment in _first) await StoreAsync(segment);
        await LookAsync();
        await StoreAsync(_second[0]);
        await LookAsync();
        Assert.Equal((_second[0].Name.Next, 0L), (_watch.Next, _watch.BreakCount));
    }

    [Fact]
    public async Task A_gap_wider_than_a_folder_is_found_where_the_host_says_it_is()
    {
        var size = new WalSegmentSize(1 << 20);
        var source = new SyntheticWal(size);
        while (source.Position < source.Name(1).Start) source.AddFiller(3000);
        var far = new SyntheticWal(size, firstSegment: 1 + 3 * (ulong)size.SegmentsPerLog);
        while (far.Position < far.Name(1).Start) far.AddFiller(3000);
        var watch = new WalChainWatch(_blobs, Sealed.Restorer, SyntheticWal.System, source.Name(0));
        await StoreAsync((source.Name(0), source.Segment(0)), SyntheticWal.System);
        await StoreAsync((far.Name(0), far.Segment(0)), SyntheticWal.System);
        await watch.LookAsync(Trust, new ArchivingHint(source.Name(0).Timeline, null), 100, default);
        Assert.Equal((source.Name(1), 0L), (watch.Next, watch.BreakCount));
        await watch.LookAsync(Trust, new ArchivingHint(source.Name(0).Timeline, far.Name(0).End), 100, default);
        Assert.Equal((far.Name(1), 1L, source.Name(1).Start), (watch.Next, watch.BreakCount, watch.ReplaysTo));
    }

    // After pg_resetwal from 1 to 2 MiB the names that will come are there already, of other WAL.
    [Fact]
    public async Task Names_of_segments_of_another_size_are_waited_behind_and_no_break()
    {
        var (small, large) = (new SyntheticWal(new WalSegmentSize(1 << 20), firstSegment: 3), new SyntheticWal(new WalSegmentSize(2 << 20), firstSegment: 4));
        while (small.Position < small.Name(4).Start) small.AddFiller(3000);
        while (large.Position < large.Name(3).Start) large.AddFiller(3000);
        for (var i = 0; i < 4; i++) await StoreAsync((small.Name(i), small.Segment(i)), SyntheticWal.System);
        var watch = new WalChainWatch(_blobs, Sealed.Restorer, SyntheticWal.System, large.Name(0));
        Assert.False(await watch.LookAsync(Trust, null, 100, default));
        Assert.Equal((large.Name(0), 0L), (watch.Next, watch.BreakCount));
        await StoreAsync((large.Name(0), large.Segment(0)), SyntheticWal.System);
        await watch.LookAsync(Trust, null, 100, default);
        Assert.Equal((large.Name(1), 0L), (watch.Next, watch.BreakCount));
        await StoreAsync((large.Name(2), large.Segment(2)), SyntheticWal.System);
        await watch.LookAsync(Trust, null, 100, default);
        await watch.LookAsync(Trust, null, 100, default); // the name of what is missing is there, and fills no gap
        Assert.Equal((large.Name(3), 1L, large.Name(1).Start), (watch.Next, watch.BreakCount, watch.ReplaysTo));
        await StoreAsync((large.Name(1), large.Segment(1)), SyntheticWal.System);
        await watch.LookAsync(Trust, null, 100, default);
        Assert.Equal((large.Name(3), 0L), (watch.Next, watch.BreakCount));
    }

    private static ISignerTrust Trust { get; } = new TrustsOneHost();

    private Task<bool> LookAsync(int limit = 100) => _watch.LookAsync(Trust, null, limit, default);

    private Task StoreAsync((WalSegmentName Name, byte[] Bytes) segment) => StoreAsync(segment, Golden.SystemIdentifier);

    private async Task StoreAsync((WalSegmentName Name, byte[] Bytes) segment, SystemIdentifier system)
    {
        var path = _folder[segment.Name.ToString()];
        await File.WriteAllBytesAsync(path, segment.Bytes);
        using var handle = File.OpenHandle(path);
        var sealer = new WalFileSealer(new ObjectSealer(_run, Sealed.Host), Sealed.Equality, _compressor, system, _folder.Path);
        using var wal = await sealer.SealAsync(handle, new WalFileName.Segment(segment.Name), default);
        await new WalArchive(_blobs, Trust).StoreAsync(wal.Item, wal.Object, wal.Own, default);
    }

    private sealed class TrustsOneHost : ISignerTrust
    {
        public ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken) =>
            new(new SignerVerdict(head.IsSignedBy(Sealed.Host.PublicKey), "host", "not the host's signature"));
    }
}
