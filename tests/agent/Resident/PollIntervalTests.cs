using Holdfast.Agent.Options;
using Holdfast.Agent.Resident;

namespace Holdfast.Tests.Agent.Resident;

public sealed class PollIntervalTests
{
    [Fact]
    public void A_store_on_this_host_is_asked_often_and_always()
    {
        var poll = PollInterval.For(null, isLocal: true);
        Assert.All(Enumerable.Range(0, 50), _ => Assert.Equal(TimeSpan.FromMilliseconds(50), poll.Next()));
    }

    [Fact]
    public void Another_store_is_asked_less_often_while_nothing_comes()
    {
        var poll = PollInterval.For(null, isLocal: false);
        Assert.Equal(TimeSpan.FromSeconds(1), poll.Next());
        for (var i = 0; i < 20; i++) poll.Next();
        Assert.Equal(TimeSpan.FromSeconds(5), poll.Next());
        poll.Reset();
        Assert.Equal(TimeSpan.FromSeconds(1), poll.Next());
    }

    [Fact]
    public void What_is_configured_holds_everywhere()
    {
        Assert.True(OptionTable.JobPoll.Parser("250ms", out var choice));
        Assert.Equal(TimeSpan.FromMilliseconds(250), PollInterval.For(choice.Fixed, isLocal: false).Next());
        Assert.True(OptionTable.JobPoll.Parser("auto", out choice));
        Assert.Null(choice.Fixed);
        Assert.False(OptionTable.JobPoll.Parser("1ms", out _));
        Assert.False(OptionTable.JobPoll.Parser("often", out _));
    }
}
