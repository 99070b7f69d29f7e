using CsCheck;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Continuity;

public class WalInventoryTests
{
    private static readonly WalSegmentSize Size = new(16 << 20);
    private static readonly SystemIdentifier System = new(7);
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    [Fact]
    public void Ranges_are_those_of_WalRanges_whatever_is_stored()
    {
        Gen.Select(Gen.UInt[1, 3], Gen.ULong[250, 270]).Array[0, 60].Sample(pairs =>
        {
            var segments = pairs.Select(pair => new WalSegmentName(new TimelineId(pair.Item1), pair.Item2, Size)).Distinct().ToArray();
            var inventory = Inventory(segments.Select(Name));
            Assert.Equal(new WalRanges(segments, []).Ranges, inventory.Ranges.Select(stored => stored.Range));
            Assert.Equal(segments.Length, inventory.SegmentCount);
            Assert.Equal(segments.Length * 10L, inventory.Ranges.Sum(stored => stored.Bytes));
        });
    }

    [Fact]
    public void Ranges_of_ranges_are_the_ranges_of_their_segments()
    {
        Gen.Select(Gen.UInt[1, 3], Gen.ULong[0, 30]).Array[0, 60].Sample(pairs =>
        {
            var segments = pairs.Select(pair => new WalSegmentName(new TimelineId(pair.Item1), pair.Item2, Size)).ToArray();
            var direct = new WalRanges(segments, []);
            var through = WalRanges.FromRanges(segments.Select(segment => new WalRange(segment.Timeline, segment.Start, segment.End, 1)), []);
            Assert.Equal(direct.Ranges, through.Ranges);
            Assert.Equal(direct.Gaps, through.Gaps);
        });
    }

    [Fact]
    public void Knows_what_lies_beside_segments()
    {
        var segment = new WalSegmentName(new TimelineId(1), 2, Size);
        var tag = new byte[32];
        var inventory = Inventory([
            Name(segment), Name(segment) + ".1", Below(BlobNames.WalBackupHistory(System, segment, 40)), Below(BlobNames.WalDamaged(System, segment, tag)),
            Below(BlobNames.WalPartial(System, segment.Next, tag)), Below(BlobNames.WalHistory(System, new TimelineId(2))), "00000001/00000000/stray", "00000003/00000000/000000010000000000000003"]);
        Assert.Equal((1L, 1L, 1L, 1L, 1L, 2L), (inventory.SegmentCount, inventory.Alternates.Count, inventory.BackupHistoryCount, inventory.Damaged.Count, inventory.Partial.Count, inventory.Foreign.Count));
        Assert.Equal([new TimelineId(2)], inventory.Histories);
        Assert.Equal(20, inventory.Ranges.Single().Bytes);
    }

    [Fact]
    public void A_million_segments_are_one_range()
    {
        var inventory = new WalInventory();
        var segment = new WalSegmentName(new TimelineId(1), 1, Size);
        for (var i = 0; i < 1_000_000; i++, segment = segment.Next) inventory.Add(Name(segment), 10, Noon, Size);
        Assert.Equal(1_000_000, inventory.Ranges.Single().Range.SegmentCount);
        Assert.Equal(0, inventory.Foreign.Count + inventory.Alternates.Count);
    }

    [Fact]
    public void Foreign_names_do_not_fill_the_memory()
    {
        var inventory = Inventory(Enumerable.Range(0, 5000).Select(i => $"junk/{i:D5}"));
        Assert.Equal((5000L, StoredExtras.Kept), (inventory.Foreign.Count, inventory.Foreign.First.Count));
    }

    private static WalInventory Inventory(IEnumerable<string> names)
    {
        var inventory = new WalInventory();
        foreach (var name in names.Order(StringComparer.Ordinal)) inventory.Add(name, 10, Noon, Size);
        return inventory;
    }

    private static string Name(WalSegmentName segment) => Below(BlobNames.WalSegment(System, segment));

    private static string Below(string blob) => blob[BlobNames.WalPrefix(System).Length..];
}
