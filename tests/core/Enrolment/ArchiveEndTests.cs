using Holdfast.Core.Api;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;
using Holdfast.Tests.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.Enrolment;

/// <summary>What a revocation lets stand, found in an archive.</summary>
public sealed class ArchiveEndTests
{
    private static readonly WalSegmentName First = WalWorld.Segment;

    [Fact]
    public async Task The_end_is_that_of_the_stretch_before_the_segment_size_changed()
    {
        using var world = await WalWorld.MakeAsync();
        await StoreAsync(world, First);
        await StoreAsync(world, First.Next);
        // The same two names, in 2 MiB.
        var larger = new WalSegmentName(First.Timeline, First.Number, new WalSegmentSize(2 << 20));
        await StoreAsync(world, larger);
        await StoreAsync(world, larger.Next);
        Assert.Equal(First.Next.End, await EndAsync(world));
    }

    // Whoever can create blobs must not choose the size in which all names are read, and with it how far a revoked host is believed.
    [Fact]
    public async Task The_end_is_not_moved_by_a_size_that_only_an_unsigned_prefix_says()
    {
        using var world = await WalWorld.MakeAsync();
        await StoreAsync(world, First);
        await StoreAsync(world, First.Next);
        var before = new WalSegmentName(First.Timeline, First.Number - 1, new WalSegmentSize(2 << 20));
        var name = BlobNames.WalSegment(WalWorld.System, before);
        world.Blobs.Overwrite(name, world.SealBytes(world.Stranger, new byte[before.Size.Bytes], name: name));
        Assert.Equal(First.Next.End, await EndAsync(world));
    }

    private static async Task StoreAsync(WalWorld world, WalSegmentName segment)
    {
        var name = BlobNames.WalSegment(WalWorld.System, segment);
        var item = new WalItem(SealedKind.WalSegment, name, WalScope.Of(WalWorld.System, segment), segment.ToString());
        await world.StoreAsync(world.One, new byte[segment.Size.Bytes], item: item);
    }

    private static async Task<Lsn?> EndAsync(WalWorld world)
    {
        var decisions = new ClusterDecisions("shop", world.Log.Store, world.Blobs, world.Log.ControlPlane, new ManualTime());
        return (await decisions.RevokeAsync(new RevocationRequest("one", "stolen", DryRun: true), default)).Lsn;
    }
}
