using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Enrolment;

public class RevocationPositionTests
{
    private static readonly LoggedCut Cut = new(7, new SystemIdentifier(1), new TimelineId(1), Lsn.Parse("0/4000000"), Lsn.Parse("0/6000000"), CutReason.Dropped);

    [Fact]
    public void Nothing_stored_is_no_position() => Assert.Null(RevocationPosition.Of([], [Cut]));

    [Theory]
    [InlineData("0/4000000", 1, "1:2", "1:3")]
    [InlineData("0/4000000", 1, "1:3", "1:2", "1:7")]
    [InlineData("0/8000000", 1, "1:2", "1:3", "1:6", "1:7", "1:9")]
    [InlineData("0/6000000", 2, "1:2", "2:5")]
    public void Is_the_end_of_the_newest_timeline_up_to_the_first_gap_that_is_not_logged(string lsn, uint timeline, params string[] stored)
    {
        var cuts = stored.Contains("1:6") ? new[] { Cut } : [];
        Assert.Equal(new WalPosition(new TimelineId(timeline), Lsn.Parse(lsn)), RevocationPosition.Of([.. stored.Select(Segment)], cuts));
    }

    private static WalSegmentName Segment(string text) => new(new TimelineId((uint)text[0] - '0'), (ulong)text[2] - '0', WalSegmentSize.Default);
}
