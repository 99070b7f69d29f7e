using Holdfast.Agent.Backup;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.Backup;

public sealed class PageJudgeTests
{
    private const ulong Start = 0x2000;

    private readonly List<int> _corrupt = [];
    private int _pauses;
    private readonly Lsn _insert = new(0x9000);

    [Fact]
    public void Good_pages_are_not_read_again()
    {
        var judge = Judge(SyntheticData.Pages(7, 4), 7, (_, _) => throw new InvalidOperationException("read again"));
        Assert.Equal((0, 0L, 0), (_corrupt.Count, judge.TornPages, _pauses));
    }

    [Fact]
    public void Zero_pages_are_good()
    {
        Judge(new byte[3 * 8192], 0, (_, _) => throw new InvalidOperationException("read again"));
        Assert.Empty(_corrupt);
    }

    [Fact]
    public void A_page_that_is_good_when_read_again_takes_the_place_of_what_was_read_before()
    {
        var good = SyntheticData.Pages(0, 3);
        var torn = good.ToArray();
        torn.AsSpan(8192 + 4096, 4096).Clear();
        var judge = Judge(torn, 0, From(good));
        Assert.Equal((0, 1L), (_corrupt.Count, judge.TornPages));
        Assert.Equal(good, torn);
    }

    [Fact]
    public void A_page_whose_bytes_change_is_being_written()
    {
        var pages = SyntheticData.Pages(0, 1);
        pages[5000] ^= 1;
        var other = pages.ToArray();
        other[6000] ^= 1;
        var judge = Judge(pages, 0, From(other));
        Assert.Equal((0, 1L), (_corrupt.Count, judge.TornPages));
    }

    [Theory]
    [InlineData(Start - 1, false)]
    [InlineData(Start, true)]
    [InlineData(0x9000, true)]
    [InlineData(0x9001, false)]
    public void Wal_since_the_start_mends_a_page_whose_lsn_it_may_hold(ulong lsn, bool isTorn)
    {
        var pages = SyntheticData.Pages(0, 2, lsn);
        pages[8192 + 5000] ^= 1;
        var judge = Judge(pages, 0, From(pages.ToArray()));
        Assert.Equal(isTorn ? [] : [1], _corrupt);
        Assert.Equal(isTorn ? 1 : 0, judge.TornPages);
    }

    [Fact]
    public void A_page_that_looks_new_and_is_not_is_corrupt()
    {
        var page = new byte[8192];
        page[4000] = 1;
        Judge(page, 0, From(page.ToArray()));
        Assert.Equal([0], _corrupt);
    }

    [Fact]
    public void A_page_on_another_block_is_corrupt()
    {
        Judge(SyntheticData.Pages(5, 1), 6, From(SyntheticData.Pages(5, 1)));
        Assert.Equal([0], _corrupt);
    }

    [Fact]
    public void A_page_that_was_truncated_away_is_wals_business()
    {
        var pages = SyntheticData.Pages(0, 1);
        pages[5000] ^= 1;
        Judge(pages, 0, (_, _) => 0);
        Assert.Empty(_corrupt);
    }

    [Fact]
    public void Every_corrupt_page_of_many_is_found_and_pauses_are_few()
    {
        var judge = new PageJudge(new Lsn(Start), () => _insert, () => _pauses++);
        for (var i = 0; i < 300; i++)
        {
            var pages = SyntheticData.Pages(0, 4);
            pages[3] ^= 1;
            pages[2 * 8192 + 3] ^= 1;
            judge.Judge(pages, 0, 0, From(pages.ToArray()), _corrupt.Add);
        }
        Assert.Equal(600, _corrupt.Count);
        Assert.Equal(100, _pauses);
    }

    private PageJudge Judge(byte[] pages, uint firstBlock, ReadAt read)
    {
        var judge = new PageJudge(new Lsn(Start), () => _insert, () => _pauses++);
        judge.Judge(pages, firstBlock, 0, read, _corrupt.Add);
        return judge;
    }

    private static ReadAt From(byte[] file) => (destination, offset) =>
    {
        var count = Math.Min(destination.Length, file.Length - (int)offset);
        file.AsSpan((int)offset, count).CopyTo(destination);
        return count;
    };
}
