using Holdfast.Core.Continuity;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Tests.Core.Enrolment;

public class RevocationPositionTests
{
    private static readonly LoggedCut Cut = new(7, new SystemIdentifier(1), new TimelineId(1), Lsn.Parse("0/4000000"), Lsn.Parse("0/6000000"), CutReason.Dropped);

    [Fact]
    public void Nothing_stored_is_no_position() => Assert.Null(RevocationPosition.Of([], [Cut], []));

    [Theory]
    [InlineData("0/4000000", 1, "1:2", "1:3")]
    [InlineData("0/4000000", 1, "1:3", "1:2", "1:7")]
    [InlineData("0/8000000", 1, "1:2", "1:3", "1:6", "1:7", "1:9")]
    [InlineData("0/6000000", 2, "1:2", "2:5")]
    public void Is_the_end_of_the_newest_timeline_up_to_the_first_gap_that_is_not_logged(string lsn, uint timeline, params string[] stored)
    {
        var cuts = stored.Contains("1:6") ? new[] { Cut } : [];
        Assert.Equal(new WalPosition(new TimelineId(timeline), Lsn.Parse(lsn)), RevocationPosition.Of([.. stored.Select(Segment)], cuts, []));
    }

    // After pg_resetwal --wal-segsize the gap is no cut that anybody logged. What the new backup needs was proven when it was committed.
    [Theory]
    [InlineData("0/3000000", null)]
    [InlineData("0/10000000", "0/8000028")]
    [InlineData("0/3000000", "0/2000028")]
    public void Passes_a_change_of_segment_size_behind_which_a_backup_was_committed_and_no_other(string lsn, string? backup)
    {
        var large = new WalSegmentName(new TimelineId(1), 2, new WalSegmentSize(64 << 20));
        WalRange[] stored = [Segment("1:2"), new WalRange(large.Timeline, large.Start, large.Next.End, 2)];
        Assert.Equal(Lsn.Parse(lsn), RevocationPosition.Of(stored, [], backup is null ? [] : [Backup(backup)])!.Value.Lsn);
    }

    // Its sibling: pg_resetwal alone, or segments that were lost.
    [Fact]
    public void Passes_any_gap_behind_which_a_backup_was_committed_and_goes_on_to_the_next()
    {
        WalRange[] stored = [.. new[] { "1:2", "1:5", "1:6", "1:8" }.Select(Segment)];
        Assert.Equal(Lsn.Parse("0/7000000"), RevocationPosition.Of(stored, [], [Backup("0/5000028"), Backup("0/2000028")])!.Value.Lsn);
    }

    [Fact]
    public void Segments_of_two_sizes_that_touch_do_not_go_on()
    {
        var small = new WalSegmentName(new TimelineId(1), 48, new WalSegmentSize(1 << 20));
        WalRange[] stored = [Segment("1:2"), new WalRange(small.Timeline, small.Start, small.End, 1)];
        Assert.Equal(Lsn.Parse("0/3000000"), RevocationPosition.Of(stored, [], [])!.Value.Lsn);
    }

    private static LoggedBackup Backup(string start)
    {
        var day = new DateTimeOffset(2026, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var facts = new BackupFacts(17, new TimelineId(1), Lsn.Parse(start), Lsn.Parse(start) + 256, default, default, 1, 1, 1, 1, 0);
        return new LoggedBackup(3, new BackupName(day, BackupType.Full, day), new SystemIdentifier(1), default, 1, facts, default);
    }

    private static WalRange Segment(string text)
    {
        var segment = new WalSegmentName(new TimelineId((uint)text[0] - '0'), (ulong)text[2] - '0', WalSegmentSize.Default);
        return new WalRange(segment.Timeline, segment.Start, segment.End, 1);
    }
}
