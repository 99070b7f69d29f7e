using Holdfast.Agent.ArchiveGet;
using Holdfast.Core.Postgres;

namespace Holdfast.Tests.Agent.ArchiveGet;

public sealed class StandbyTests
{
    private static readonly WalSegmentSize Size = new(16 << 20);

    [Theory]
    [InlineData("000000020000000000000003", false, true)]
    [InlineData("00000003.history", false, true)] // a timeline that may not be there: looked for again and again
    [InlineData("00000002.history", false, false)] // "not there" would be: timeline 2 has no parents
    [InlineData("00000002.history", true, true)] // PostgreSQL reads its own
    [InlineData("000000020000000000000003.partial", false, false)]
    public void The_history_of_a_timeline_that_is_reached_is_never_said_to_be_absent(string asked, bool isLocal, bool expected) =>
        Assert.Equal(expected, Standby.AsksAgain(WalFileName.TryParse(asked, Size)!, new TimelineId(2), isLocal));
}
