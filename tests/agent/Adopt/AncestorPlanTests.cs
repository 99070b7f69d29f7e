using Holdfast.Agent.Adopt;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Agent.Adopt;

public class AncestorPlanTests
{
    private static readonly WalSegmentSize Size = WalSegmentSize.Default;

    // Timeline 1 until 0/5000060, timeline 2 until 0/8000000 (a boundary), then 3.
    private static readonly TimelineHistory History = TimelineHistory.Create(
        new TimelineId(3), [Switch(1, "0/5000060"), Switch(2, "0/8000000")]);

    [Fact]
    public void What_the_dead_primary_never_archived_is_stored_up_to_the_switch() =>
        Assert.Equal(
            "1: 3 4; 2: 6",
            Text(Plan(local: [(1, 1), (1, 3), (1, 4), (1, 5), (2, 6), (2, 8)], stored: [(1, 2), (2, 5), (2, 7), (1, 9)])));

    [Fact]
    public void What_is_nowhere_is_missing_on_its_own_timeline() =>
        Assert.Equal("1: -3; 2: -5 -6 -7", Text(Plan(local: [], stored: [(1, 2), (1, 4)])));

    [Fact]
    public void A_hole_that_was_uploaded_past_is_filled() =>
        Assert.Equal("1: 3; 2:", Text(Plan(local: [(1, 3)], stored: [(1, 2), (1, 4), (2, 5), (2, 6), (2, 7)])));

    [Fact]
    public void What_may_have_expired_before_the_newest_backup_is_not_missing() =>
        Assert.Equal("1:; 2: -7", Text(Plan(local: [], stored: [(1, 2), (2, 6)], backups: [(1, 3), (2, 6), (4, 9)])));

    [Fact]
    public void A_stretch_that_is_logged_is_not_missing_again() =>
        Assert.Equal(
            "1: -4; 2:",
            Text(Plan(local: [], stored: [(1, 2), (2, 5), (2, 6), (2, 7)], cuts: Cut(1, "0/3000000", "0/4000000"))));

    [Fact]
    public void A_cut_of_another_timeline_says_nothing() =>
        Assert.Equal(
            "1: -3 -4; 2:",
            Text(Plan(local: [], stored: [(1, 2), (2, 5), (2, 6), (2, 7)], cuts: Cut(2, "0/3000000", "0/5000000"))));

    [Fact]
    public void An_archive_with_nothing_of_the_way_lacks_nothing() => Assert.Equal("", Text(Plan(local: [], stored: [(1, 9), (4, 2)])));

    private static IReadOnlyList<AncestorPlan> Plan(
        (uint Timeline, ulong Number)[] local, (uint Timeline, ulong Number)[] stored,
        (uint Timeline, ulong Number)[]? backups = null, params LoggedCut[] cuts) =>
        AncestorPlan.Make(
            History, local.Select(Segment), stored.Select(Segment), cuts,
            (backups ?? []).Select(Segment).Select(segment => new WalPosition(segment.Timeline, segment.Start)), Size);

    private static string Text(IEnumerable<AncestorPlan> plans) => string.Join("; ", plans.Select(plan => string.Concat(
        [$"{plan.Timeline}:", .. plan.Upload.Select(segment => $" {segment.Number}"),
            .. plan.Missing.SelectMany(Numbers).Select(number => $" -{number}")])));

    private static IEnumerable<ulong> Numbers((Lsn From, Lsn To) missing)
    {
        for (var number = missing.From.Value >> 24; number < missing.To.Value >> 24; number++) yield return number;
    }

    private static WalSegmentName Segment((uint Timeline, ulong Number) of) => new(new TimelineId(of.Timeline), of.Number, Size);

    private static TimelineSwitch Switch(uint parent, string at) =>
        new(new TimelineId(parent), Lsn.Parse(at), "no recovery target specified");

    private static LoggedCut Cut(uint timeline, string from, string to) =>
        new(3, new SystemIdentifier(1), new TimelineId(timeline), Lsn.Parse(from), Lsn.Parse(to), CutReason.Adopted);
}
