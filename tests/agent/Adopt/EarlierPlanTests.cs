using CsCheck;
using Holdfast.Agent.Adopt;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Agent.Adopt;

public sealed class EarlierPlanTests
{
    // Registered from segment 8 on.
    private static bool Counts(WalSegmentName segment) => segment.Number >= 8;

    [Fact]
    public void Takes_what_waits_and_is_whole_and_names_what_is_not()
    {
        var plan = EarlierPlan.Make(Segments(4, 5, 6, 9), Segments(3, 5, 6, 9), Segments(6), Counts);
        Assert.Equal(Segments(5), plan.Take); // 6 is stored: archive-push finds it the same
        Assert.Equal(Segments(3), plan.Left);
        Assert.Equal(Segments(4), plan.Done); // archived elsewhere, before this archive began
    }

    [Fact]
    public void A_hole_behind_what_is_stored_is_filled_though_nobody_hands_it_over() =>
        Assert.Equal(Segments(5), EarlierPlan.Make(Segments(5), [], Segments(4, 6), Counts).Take);

    [Fact]
    public void Stretches_hold_exactly_the_segments_and_neighbours_are_one() =>
        Gen.Int[0, 40].HashSet[0, 30].Sample(numbers =>
        {
            var segments = Segments([.. numbers.Select(number => (ulong)number)]);
            var stretches = EarlierPlan.Stretches(segments);
            foreach (var segment in Segments([.. Enumerable.Range(0, 42).Select(number => (ulong)number)]))
                Assert.Equal(segments.Contains(segment), stretches.Exists(stretch => stretch.Holds(segment.Timeline, segment.Start, segment.End)));
            for (var n = 1; n < stretches.Count; n++) Assert.True(stretches[n - 1].To < stretches[n].From);
        }, iter: 200);

    private static List<WalSegmentName> Segments(params ulong[] numbers) =>
        [.. numbers.Select(number => new WalSegmentName(new TimelineId(1), number, new WalSegmentSize(1 << 20)))];
}
