using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Agent.Restore;
using Holdfast.Core;
using Holdfast.Core.Recovery;

namespace Holdfast.Tests.Agent.Restore;

public sealed class RestoreOptionsTests
{
    [Fact]
    public void Pgdata_is_another_name_of_pg_path() => Assert.Equal("/srv/pg", Resolve("--pgdata=/srv/pg").Get(OptionTable.PgPath));

    [Fact]
    public void Tablespaces_are_moved_by_path_or_number_each_by_a_flag_of_its_own()
    {
        var moves = Resolve("--tablespace-map=/mnt/a=/srv/a", "--tablespace-map=16400=/srv/b/", @"--tablespace-map=/mnt/c\=d=/srv/c").Get(OptionTable.TablespaceMap);
        Assert.Equal(("/srv/a", "/srv/b", "/srv/c", "/mnt/e"), (moves.Of(1, "/mnt/a"), moves.Of(16400, "/mnt/b"), moves.Of(2, "/mnt/c=d"), moves.Of(3, "/mnt/e")));
    }

    [Theory]
    [InlineData("--tablespace-map=/mnt/a")]
    [InlineData("--tablespace-map=/mnt/a=b")]
    [InlineData("--tablespace-map=a=/b")]
    [InlineData("--target-time=now")]
    [InlineData("--target-timeline=0")]
    [InlineData("--target-timeline=newest")]
    [InlineData("--target-lsn=0/0")]
    [InlineData("--target-xid=2")]
    [InlineData("--target-xid=4294967298")] // 2, of epoch 1
    [InlineData("--target-xid=18446744073709551616")]
    [InlineData("--target-xid=-1")]
    [InlineData("--target-xid=08")]
    [InlineData("--target-timeline=0x100000000")]
    [InlineData("--set=20260102")]
    public void Refuses(string flag) => Assert.Throws<ConfigurationException>(() => Resolve(flag));

    [Fact]
    public void Other_flags_are_still_refused_when_given_twice() => Assert.Throws<ConfigurationException>(() => Resolve("--target-xid=771", "--target-xid=772"));

    [Theory]
    [InlineData("the end of the archive")]
    [InlineData("2026-11-23 14:29:59+00", "--target-time=2026-11-23 15:29:59+01")]
    [InlineData("2026-11-23 14:29:59+00, exclusive", "--target-time=2026-11-23T14:29:59", "--target-exclusive")]
    [InlineData("transaction 771", "--target-xid=771")]
    [InlineData("transaction 771", "--target-xid=4294968067")] // pg_current_xact_id() of epoch 1
    [InlineData("transaction 4294967295", "--target-xid=18446744073709551615")]
    [InlineData("transaction 771", "--target-xid=0x303")]
    [InlineData("transaction 771", "--target-xid=01403")]
    [InlineData("LSN 0/2A000028", "--target-lsn=0/2a000028")]
    [InlineData("restore point \"before upgrade\"", "--target-name=before upgrade")]
    [InlineData("the end of the backup", "--target-immediate")]
    public void Reads_the_target(string expected, params string[] flags) => Assert.Equal(expected, RestoreTarget.From(Resolve(flags)).ToString());

    [Theory]
    [InlineData("--target-xid=771", "--target-immediate")]
    [InlineData("--target-name=a", "--target-time=2026-11-23")]
    [InlineData("--target-exclusive")]
    [InlineData("--target-exclusive", "--target-name=a")]
    public void Refuses_two_targets_and_an_exclusiveness_of_nothing(params string[] flags) => Assert.Throws<ConfigurationException>(() => RestoreTarget.From(Resolve(flags)));

    [Fact]
    public void A_timeline_is_a_number_or_a_word()
    {
        Assert.Equal(TimelineChoice.Latest, Resolve().Get(OptionTable.TargetTimeline));
        Assert.Equal(TimelineChoice.OfBackup, Resolve("--target-timeline=current").Get(OptionTable.TargetTimeline));
        Assert.Equal("3", Resolve("--target-timeline=3").Get(OptionTable.TargetTimeline).ToString());
        Assert.Equal("26", Resolve("--target-timeline=0x1A").Get(OptionTable.TargetTimeline).ToString());
    }

    private static ResolvedOptions Resolve(params string[] flags)
    {
        var invocation = CommandTree.Parse(["restore", .. flags]);
        return OptionResolver.Resolve(CommandSet.Restore, invocation.Given.Flags, new Dictionary<string, string>());
    }
}
