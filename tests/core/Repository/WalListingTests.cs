using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class WalListingTests
{
    private static readonly SystemIdentifier System = new(7);
    private static readonly WalSegmentSize Size = new(1 << 20);
    private static readonly WalSegmentSize Larger = new(2 << 20);
    private readonly MemoryObjectStore _store = new();
    private readonly SignedByHost _trust = new();

    [Fact]
    public async Task Nothing_stored_has_no_ranges_and_costs_no_read()
    {
        var inventory = await ListAsync();
        Assert.Empty(inventory.Ranges);
        Assert.Equal((WalSegmentSize.Default, 0), (inventory.Size, _trust.Asked));
    }

    [Fact]
    public async Task The_segment_size_is_that_of_the_first_and_the_last_segment_and_their_heads_are_read()
    {
        // With segments of 16 MiB, number 0x123 of a log part would be impossible.
        for (ulong number = 0x123; number < 0x128; number++) Store(number);
        var inventory = await ListAsync();
        Assert.Equal(Size, inventory.Size);
        Assert.Equal(5, Assert.Single(inventory.Ranges).Range.SegmentCount);
        Assert.Equal(2, _trust.Asked);
    }

    // pg_resetwal --wal-segsize=2 at 10 MiB: numbers start anew at 5, names that are taken.
    [Fact]
    public async Task Larger_segments_under_names_of_smaller_ones_are_a_stretch_of_their_own()
    {
        for (ulong number = 1; number <= 8; number++) Store(number);
        for (ulong number = 5; number <= 8; number++) Store(number, Larger, ".1");
        for (ulong number = 9; number <= 10; number++) Store(number, Larger);
        var inventory = await ListAsync();
        Assert.Equal([Range(Size, 1, 8), Range(Larger, 5, 10)], inventory.Ranges.Select(stored => stored.Range));
        Assert.Equal((Larger, 0, 0), (inventory.Size, inventory.Alternates.Count, inventory.Foreign.Count)); // nothing of that is junk
        Assert.Equal((Size, Larger), (inventory.SizeAt(new TimelineId(1), new Lsn(4 << 20)), inventory.SizeAt(new TimelineId(1), new Lsn(12 << 20))));
    }

    [Fact]
    public async Task A_size_that_was_tried_and_given_up_within_4_GiB_is_a_stretch_between_two()
    {
        for (ulong number = 1; number <= 6; number++) Store(number);
        for (ulong number = 4; number <= 6; number++) Store(number, Larger, ".1");
        for (ulong number = 15; number <= 17; number++) Store(number);
        Assert.Equal([Range(Size, 1, 6), Range(Larger, 4, 6), Range(Size, 15, 17)], (await ListAsync()).Ranges.Select(stored => stored.Range));
    }

    [Fact]
    public async Task Many_small_segments_behind_a_few_large_ones_cost_few_heads()
    {
        for (ulong number = 1; number <= 10; number++) Store(number, Larger);
        for (ulong number = 22; number <= 140; number++) Store(number);
        Assert.Equal([Range(Larger, 1, 10), Range(Size, 22, 140)], (await ListAsync()).Ranges.Select(stored => stored.Range));
        Assert.InRange(_trust.Asked, 4, 16);
    }

    // Larger ones went on past the names of smaller ones without a hole: within neighbours that end differently, the middle is looked at.
    [Fact]
    public async Task The_place_where_the_size_changes_within_neighbouring_names_is_found()
    {
        for (ulong number = 1; number <= 5; number++) Store(number);
        for (ulong number = 4; number <= 5; number++) Store(number, Larger, ".1");
        for (ulong number = 6; number <= 60; number++) Store(number, Larger);
        var inventory = await ListAsync();
        Assert.Equal([Range(Size, 1, 5), Range(Larger, 4, 60)], inventory.Ranges.Select(stored => stored.Range));
        Assert.Equal(0, inventory.Alternates.Count);
    }

    [Fact]
    public async Task A_change_of_size_in_a_long_archive_is_found_with_few_heads()
    {
        const ulong Log = 4096; // segments of 1 MiB in 4 GiB
        for (ulong log = 0; log < 40; log++) Store(log * Log + 7);
        Store(40 * Log + 7);
        for (ulong log = 40; log < 80; log++) Store(log * Log / 2 + 9, Larger);
        var ranges = (await ListAsync()).Ranges.Select(stored => stored.Range).ToList();
        Assert.Equal([.. Enumerable.Repeat(Size, 41), .. Enumerable.Repeat(Larger, 40)], ranges.Select(range => range.Size));
        Assert.InRange(_trust.Asked, 3, 12);
    }

    // Sibling of the archive's first segment: where only heads that do not count say a size, none is believed.
    [Fact]
    public async Task A_size_that_nobody_who_counts_has_signed_is_not_believed()
    {
        _store.Overwrite(BlobNames.WalSegment(System, Name(2)), Bytes(2, EcSigningKey.Generate(), 2 << 20));
        Assert.Equal(WalSegmentSize.Default, (await ListAsync()).Size);
    }

    [Fact]
    public async Task Junk_before_the_first_segment_does_not_decide_the_size()
    {
        _store.Overwrite(BlobNames.WalSegment(System, Name(1)), new byte[4000]);
        _store.Overwrite(BlobNames.WalSegment(System, Name(2)), Bytes(2, EcSigningKey.Generate(), 2 << 20));
        Store(0x123);
        var inventory = await ListAsync();
        Assert.Equal(Size, inventory.Size);
        Assert.Equal([2L, 1L], inventory.Ranges.Select(range => range.Range.SegmentCount));
    }

    [Fact]
    public async Task What_lies_outside_wal_is_not_looked_at()
    {
        Store(3);
        _store.Overwrite(BlobNames.Canary(System, LogWorld.Thumbprint(1)), [1]);
        Assert.Equal(0, (await ListAsync()).Foreign.Count);
    }

    private Task<Holdfast.Core.Continuity.WalInventory> ListAsync() => new WalListing(_store, _trust, System).ReadAsync(default);

    private static WalSegmentName Name(ulong number) => new(new TimelineId(1), number, Size);

    private static WalRange Range(WalSegmentSize size, ulong first, ulong last)
    {
        var (begin, end) = (new WalSegmentName(new TimelineId(1), first, size), new WalSegmentName(new TimelineId(1), last, size));
        return new WalRange(begin.Timeline, begin.Start, end.End, (long)(last - first) + 1);
    }

    private void Store(ulong number) => Store(number, Size);

    private void Store(ulong number, WalSegmentSize size, string suffix = "")
    {
        var name = BlobNames.WalSegment(System, new WalSegmentName(new TimelineId(1), number, size));
        _store.Overwrite(name + suffix, Bytes(name, Sealed.Host, size.Bytes));
    }

    private static byte[] Bytes(ulong number, EcSigningKey signer, int length) => Bytes(BlobNames.WalSegment(System, Name(number)), signer, length);

    private static byte[] Bytes(string name, EcSigningKey signer, int length)
    {
        using var run = Sealed.Run();
        using var compressor = new FrameCompressor(() => new ZstdSharpCodec(3), 1, 1 << 20);
        using var spool = new FrameSpool(length, "");
        var content = new byte[length];
        foreach (var frame in compressor.Compress(content, null, default)) spool.Append(frame);
        var what = new SealedContent(SealedKind.WalSegment, name, length, length, Sealed.Equality.Tag(content));
        var made = new ObjectSealer(run, signer).SealAsync(what, spool, new Holdfast.Core.Sealing.Wire.ObjectIndex(), default).GetAwaiter().GetResult();
        using var stream = made.Open();
        var bytes = new byte[made.Length];
        stream.ReadExactly(bytes);
        return bytes;
    }

    private sealed class SignedByHost : ISignerTrust
    {
        public int Asked { get; private set; }

        public ValueTask<SignerVerdict> JudgeAsync(SealedHead head, WalScope scope, CancellationToken cancellationToken)
        {
            Asked++;
            return new(new SignerVerdict(head.IsSignedBy(Sealed.Host.PublicKey), "db1", ""));
        }
    }
}
