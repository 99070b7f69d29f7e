using Holdfast.Agent.Register;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.Register;

public class StartingPositionTests
{
    private static readonly TimelineId Two = new(2);

    [Theory]
    [InlineData("0/5000000", 2)]
    [InlineData("0/5000000", 2, "000000020000000000000004.done", "00000002.history.ready", "garbage.ready", "000000020000000000000003.00000028.backup.ready")]
    [InlineData("0/3000000", 2, "000000020000000000000004.ready", "000000020000000000000003.ready")]
    [InlineData("0/5000000", 2, "000000020000000000000007.ready")]
    [InlineData("0/9000000", 1, "000000020000000000000003.ready", "000000010000000000000009.ready")]
    [InlineData("0/9000000", 1, "000000010000000000000009.partial.ready")]
    public void Is_the_earliest_segment_that_waits_or_else_the_redo_points(string lsn, uint timeline, params string[] archiveStatus) =>
        Assert.Equal(new WalPosition(new TimelineId(timeline), Lsn.Parse(lsn)),
            StartingPosition.Of(Two, Lsn.Parse("0/5123456"), WalSegmentSize.Default, archiveStatus, []));
}
