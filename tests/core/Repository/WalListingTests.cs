using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Sealing;

namespace Holdfast.Tests.Core.Repository;

public sealed class WalListingTests
{
    private static readonly SystemIdentifier System = new(7);
    private static readonly WalSegmentSize Size = new(1 << 20);
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
    public async Task The_segment_size_is_that_of_the_first_segment_and_one_head_is_read()
    {
        // With segments of 16 MiB, number 0x123 of a log part would be impossible.
        for (ulong number = 0x123; number < 0x128; number++) Store(number);
        var inventory = await ListAsync();
        Assert.Equal(Size, inventory.Size);
        Assert.Equal(5, Assert.Single(inventory.Ranges).Range.SegmentCount);
        Assert.Equal(1, _trust.Asked);
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

    private void Store(ulong number) => _store.Overwrite(BlobNames.WalSegment(System, Name(number)), Bytes(number, Sealed.Host, Size.Bytes));

    private static byte[] Bytes(ulong number, EcSigningKey signer, int length)
    {
        using var run = Sealed.Run();
        using var compressor = new FrameCompressor(() => new ZstdSharpCodec(3), 1, 1 << 20);
        using var spool = new FrameSpool(length, "");
        var content = new byte[length];
        foreach (var frame in compressor.Compress(content, null, default)) spool.Append(frame);
        var what = new SealedContent(SealedKind.WalSegment, BlobNames.WalSegment(System, Name(number)), length, length, Sealed.Equality.Tag(content));
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
