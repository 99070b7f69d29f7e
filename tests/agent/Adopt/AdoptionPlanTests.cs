using Holdfast.Agent.Adopt;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Agent.Adopt;

public class AdoptionPlanTests
{
    private static readonly WalSegmentSize Size = WalSegmentSize.Default;
    private static readonly SystemIdentifier System = new(1);

    [Fact]
    public void After_a_promotion_everything_since_the_switch_is_stored()
    {
        var plan = Make(2, "0/5000060", waiting: (1, 5), local: [5, 6], stored: [], written: 7);
        Assert.Equal([5ul, 6ul], plan.Upload.Select(segment => segment.Number));
        Assert.Equal("0/5000000 on timeline 1", plan.Start.ToString());
        Assert.Equal([], plan.Missing.Select(Text));
    }

    [Fact]
    public void What_is_neither_here_nor_stored_since_the_switch_is_missing() =>
        Assert.Equal(["0/5000000-0/6000000", "0/7000000-0/9000000"], Make(2, "0/5000060", (2, 9), local: [9], stored: [6], written: 10).Missing.Select(Text));

    [Fact]
    public void What_is_missing_shows_also_when_nothing_is_left_to_store() =>
        Assert.Equal(["0/5000000-0/8000000"], Make(2, "0/5000060", (2, 8), local: [], stored: [], written: 8).Missing.Select(Text));

    [Fact]
    public void A_stretch_that_is_logged_is_not_missing_again() =>
        Assert.Equal([], Make(2, "0/5000060", (2, 9), local: [9], stored: [6], written: 10,
            Cut("0/5000000", "0/6000000"), Cut("0/7000000", "0/9000000")).Missing.Select(Text));

    [Fact]
    public void Without_a_switch_only_what_follows_the_archive_can_be_missing()
    {
        var plan = Make(1, null, waiting: (1, 7), local: [7, 8], stored: [2, 4], written: 9);
        Assert.Equal(["0/5000000-0/7000000"], plan.Missing.Select(Text));
        Assert.Equal("0/7000000 on timeline 1", plan.Start.ToString());
    }

    [Fact]
    public void Segments_that_are_stored_are_compared_all_the_same() =>
        Assert.Equal([3ul, 4ul], Make(1, null, (1, 5), local: [3, 4], stored: [2, 3, 4], written: 5).Upload.Select(segment => segment.Number));

    [Fact]
    public void An_empty_archive_lacks_nothing() => Assert.Equal([], Make(1, null, (1, 7), local: [7, 8], stored: [], written: 9).Missing.Select(Text));

    // pg_resetwal --wal-segsize, and then adopt: no WAL leads across, and only a full backup helps.
    [Theory]
    [InlineData("0/5200000", "0/5200000-0/7000000")]
    [InlineData("0/7000000")]
    public void Between_the_archive_s_segments_of_another_size_and_this_servers_first_is_a_cut(string end, params string[] missing) =>
        Assert.Equal(missing, Make(1, null, (1, 7), local: [7, 8], stored: [], written: 9, Lsn.Parse(end)).Missing.Select(Text));

    [Fact]
    public void A_cut_at_a_change_of_size_is_logged_once() => Assert.Equal([], Make(2, null, (2, 7), local: [7, 8], stored: [], written: 9,
        Lsn.Parse("0/5200000"), Cut("0/5200000", "0/7000000")).Missing.Select(Text));

    private static AdoptionPlan Make(
        uint timeline, string? switchPoint, (uint Timeline, ulong Segment) waiting, ulong[] local, ulong[] stored, ulong written, params LoggedCut[] cuts) =>
        Make(timeline, switchPoint, waiting, local, stored, written, null, cuts);

    private static AdoptionPlan Make(
        uint timeline, string? switchPoint, (uint Timeline, ulong Segment) waiting, ulong[] local, ulong[] stored, ulong written, Lsn? resizedAt,
        params LoggedCut[] cuts)
    {
        WalSegmentName Segment(uint of, ulong number) => new(new TimelineId(of), number, Size);
        return AdoptionPlan.Make(new TimelineId(timeline), switchPoint is null ? null : Lsn.Parse(switchPoint),
            new WalPosition(new TimelineId(waiting.Timeline), Segment(waiting.Timeline, waiting.Segment).Start), [.. local.Select(number => Segment(timeline, number))],
            [.. stored.Select(number => Segment(timeline, number))], cuts, Segment(timeline, written).Start, Size, resizedAt);
    }

    private static LoggedCut Cut(string from, string to) => new(3, System, new TimelineId(2), Lsn.Parse(from), Lsn.Parse(to), CutReason.Adopted);

    private static string Text((Lsn From, Lsn To) missing) => $"{missing.From}-{missing.To}";
}
