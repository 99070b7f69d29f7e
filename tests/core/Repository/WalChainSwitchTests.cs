using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Postgres;
using Holdfast.Tests.Core.Sealing;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Repository;

/// <summary>Watching an archive across switches of timelines, with an index key only: no history file can be read.</summary>
public sealed class WalChainSwitchTests : IDisposable
{
    private static readonly WalSegmentSize Size = new(1 << 20);

    private readonly ScratchFolder _folder = new();
    private readonly SealingRun _run = Sealed.Run();
    private readonly FrameCompressor _compressor = new(() => new ZstdSharpCodec(1), 2, 1 << 20);
    private readonly MemoryObjectStore _blobs = new();
    private readonly WalChainWatch _watch;

    public WalChainSwitchTests() => _watch = new WalChainWatch(_blobs, Sealed.Restorer, SyntheticWal.System, Name(1, 1));

    public void Dispose()
    {
        _compressor.Dispose();
        _run.Dispose();
        _folder.Dispose();
    }

    [Fact]
    public async Task A_hole_of_the_old_timeline_before_a_switch_is_a_gap_until_it_is_filled()
    {
        var wal = Promoted(new SyntheticWal(Size));
        await StoreAsync(wal, 1, 1, 2);
        await StoreAsync(wal, 2, 4, 5);
        for (var look = 0; look < 2; look++)
        {
            await LookAsync();
            var gap = Assert.Single(_watch.Breaks);
            Assert.Equal((WalBreakKind.Gap, Name(1, 3), Name(1, 3)), (gap.Kind, gap.First, gap.Last));
            Assert.Equal((Name(1, 3).Start, Name(2, 6)), (_watch.ReplaysTo, _watch.Next));
        }

        await StoreAsync(wal, 1, 3);
        await LookAsync();
        Assert.Equal((0L, Name(2, 6).Start), (_watch.BreakCount, _watch.ReplaysTo));
    }

    [Fact]
    public async Task A_gap_before_a_switch_is_filled_from_a_timeline_in_between_too()
    {
        var wal = Promoted(new SyntheticWal(Size));
        await StoreAsync(wal, 1, 1, 2, 3);
        await StoreAsync(wal, 3, 6, 7);
        await LookAsync(new ArchivingHint(new TimelineId(3), null));
        Assert.Equal([(Name(1, 4), Name(1, 5))], _watch.Breaks.Select(found => (found.First, found.Last)));

        await StoreAsync(wal, 2, 4, 5);
        await LookAsync(new ArchivingHint(new TimelineId(3), null));
        Assert.Equal((0L, Name(3, 8).Start), (_watch.BreakCount, _watch.ReplaysTo));
    }

    [Fact]
    public async Task What_older_timelines_have_beyond_the_switch_is_off_the_way()
    {
        var abandoned = Promoted(new SyntheticWal(Size));
        await StoreAsync(abandoned, 1, 1, 2, 3);
        await StoreAsync(abandoned, 2, 4);
        _blobs.Overwrite(BlobNames.WalSegment(SyntheticWal.System, Name(2, 6)), [1, 2, 3]);
        await LookAsync();
        Assert.Equal([WalBreakKind.Gap, WalBreakKind.Unusable], _watch.Breaks.Select(found => found.Kind));

        // Switched within the same segment again, so that nothing of timeline 2 is read.
        var wal = new SyntheticWal(Size);
        Write(wal, 4);
        wal.Timeline = 3;
        Write(wal, 6);
        await StoreAsync(wal, 3, 4, 5);
        await LookAsync(new ArchivingHint(new TimelineId(3), null));
        Assert.Equal((0L, Name(3, 6).Start), (_watch.BreakCount, _watch.ReplaysTo));
    }

    [Fact]
    public async Task The_first_segment_of_a_timeline_must_carry_on_the_record_before_it()
    {
        await StoreAsync(Promoted(new SyntheticWal(Size)), 1, 1, 2, 3);
        await StoreAsync(Promoted(new SyntheticWal(Size), recordLength: 2000), 2, 4, 5);
        await LookAsync();
        var seam = Assert.Single(_watch.Breaks);
        Assert.Equal((WalBreakKind.Seam, Name(2, 4)), (seam.Kind, seam.First));
    }

    [Fact]
    public async Task A_name_alone_leads_to_no_other_timeline()
    {
        var wal = Promoted(new SyntheticWal(Size));
        await StoreAsync(wal, 1, 1, 2);
        _blobs.Overwrite(BlobNames.WalSegment(SyntheticWal.System, Name(2, 3)), [1, 2, 3]);
        await LookAsync();
        Assert.Equal((Name(1, 3), 0L), (_watch.Next, _watch.BreakCount));

        await StoreAsync(wal, 2, 4);
        await LookAsync();
        Assert.Equal(Name(1, 3), Assert.Single(_watch.Breaks).First);
    }

    [Fact]
    public async Task The_first_segment_that_a_backup_needs_is_missed_too()
    {
        var wal = Promoted(new SyntheticWal(Size));
        await StoreAsync(wal, 1, 2, 3);
        await LookAsync();
        Assert.Equal([(Name(1, 1), Name(1, 1))], _watch.Breaks.Select(found => (found.First, found.Last)));

        await StoreAsync(wal, 1, 1);
        await LookAsync();
        Assert.Equal((0L, Name(1, 4).Start), (_watch.BreakCount, _watch.ReplaysTo));
    }

    private static ISignerTrust Trust { get; } = new TrustsOneHost();

    /// <summary>Timeline 1 up to the middle of segment 4, timeline 2 from there to that of segment 6, then timeline 3.</summary>
    private static SyntheticWal Promoted(SyntheticWal wal, int recordLength = 3000)
    {
        Write(wal, 4, recordLength);
        wal.Timeline = 2;
        Write(wal, 6, recordLength);
        wal.Timeline = 3;
        Write(wal, 8, recordLength);
        return wal;
    }

    /// <summary>Up to the middle of a segment.</summary>
    private static void Write(SyntheticWal wal, ulong segment, int recordLength = 3000)
    {
        while (wal.Position < Name(1, segment).Start + Size.Bytes / 2) wal.AddFiller(recordLength);
    }

    private static WalSegmentName Name(uint timeline, ulong number) => new(new TimelineId(timeline), number, Size);

    private Task LookAsync(ArchivingHint? hint = null) => _watch.LookAsync(Trust, hint, 100, default);

    private async Task StoreAsync(SyntheticWal wal, uint timeline, params ulong[] numbers)
    {
        foreach (var number in numbers)
        {
            var name = Name(timeline, number);
            var path = _folder[name.ToString()];
            await File.WriteAllBytesAsync(path, wal.Segment((int)number - 1));
            using var handle = File.OpenHandle(path);
            var sealer = new WalFileSealer(new ObjectSealer(_run, Sealed.Host), Sealed.Equality, _compressor, SyntheticWal.System, _folder.Path);
            using var sealedWal = await sealer.SealAsync(handle, new WalFileName.Segment(name), default);
            await new WalArchive(_blobs, Trust).StoreAsync(sealedWal.Item, sealedWal.Object, sealedWal.Own, default);
        }
    }

    private sealed class TrustsOneHost : ISignerTrust
    {
        public ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken) =>
            new(new SignerVerdict(head.IsSignedBy(Sealed.Host.PublicKey), "host", "not the host's signature"));
    }
}
