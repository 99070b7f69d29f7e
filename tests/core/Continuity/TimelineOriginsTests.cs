using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Core.Continuity;

public class TimelineOriginsTests
{
    private static readonly Dictionary<TimelineId, TimelineHistory> None = [];

    [Fact]
    public void Names_tell_the_parent_and_the_segment_of_the_switch()
    {
        var origins = TimelineOrigins.Find([Range(1, 3, 7), Range(2, 8, 9)], Stored(2), None);
        Assert.Equal([false, true], origins.Select(origin => origin.IsDerived));
        Assert.Null(origins[0].Switch);
        Assert.Equal((new TimelineId(1), new Lsn(8 << 20)), (origins[1].Switch!.Value.Parent, origins[1].Switch!.Value.SwitchPoint));
    }

    [Fact]
    public void The_parent_is_the_latest_timeline_that_reaches_the_switch()
    {
        var origins = TimelineOrigins.Find([Range(1, 3, 12), Range(2, 5, 6), Range(3, 10, 11)], Stored(2, 3), None);
        Assert.Equal(new TimelineId(1), origins[2].Switch!.Value.Parent);
        Assert.Single(origins[2].History.Switches);
    }

    [Fact]
    public void A_derived_history_leaves_no_gap_where_there_is_none()
    {
        WalRange[] ranges = [Range(1, 3, 9), Range(2, 8, 12), Range(3, 13, 14)];
        var origins = TimelineOrigins.Find(ranges, Stored(2, 3), None);
        Assert.Empty(WalRanges.FromRanges(ranges, origins.Select(origin => origin.History)).GapsTo(new TimelineId(3)));
    }

    [Fact]
    public void An_opened_history_is_believed_before_names()
    {
        var history = TimelineHistory.Create(new TimelineId(2), [new TimelineSwitch(new TimelineId(1), new Lsn((8 << 20) + 40), "")]);
        var origin = TimelineOrigins.Find([Range(1, 3, 7), Range(2, 8, 9)], Stored(2), new Dictionary<TimelineId, TimelineHistory> { [history.Timeline] = history })[1];
        Assert.False(origin.IsDerived);
        Assert.Same(history, origin.History);
    }

    [Fact]
    public void Without_a_history_file_there_are_no_ancestors() =>
        Assert.All(TimelineOrigins.Find([Range(1, 3, 7), Range(2, 8, 9)], Stored(), None), origin => Assert.Null(origin.Switch));

    private static HashSet<TimelineId> Stored(params uint[] timelines) => [.. timelines.Select(timeline => new TimelineId(timeline))];

    private static WalRange Range(uint timeline, ulong first, ulong last) =>
        new(new TimelineId(timeline), new Lsn(first << 20), new Lsn((last + 1) << 20), (long)(last - first) + 1);
}
