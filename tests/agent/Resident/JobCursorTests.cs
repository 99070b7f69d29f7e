using Holdfast.Agent.Host;
using Holdfast.Agent.Resident;
using Holdfast.Core;

namespace Holdfast.Tests.Agent.Resident;

public sealed class JobCursorTests : IDisposable
{
    private static readonly StartedJob Job = new("backup-20261123-140211F", "20261123-140211F/1");

    private readonly TemporaryFolder _folder = new();

    [Fact]
    public void Begins_with_job_0()
    {
        var cursor = Open();
        Assert.Equal((0L, null), (cursor.Next, cursor.Started));
    }

    [Fact]
    public void Remembers_a_started_job_until_it_is_finished()
    {
        Open().Start(Job);
        var cursor = Open();
        Assert.Equal((0L, Job), (cursor.Next, cursor.Started));
        cursor.Finish();
        cursor = Open();
        Assert.Equal((1L, null), (cursor.Next, cursor.Started));
        Assert.True(cursor.WasLast(Job));
        Assert.False(cursor.WasLast(Job with { Attempt = "20261123-140211F/2" }));
    }

    [Fact]
    public void Keeps_the_last_job_over_others_that_were_not_started()
    {
        var cursor = Open();
        cursor.Start(Job);
        cursor.Finish();
        cursor.Finish();
        cursor.SkipTo(9);
        Assert.Equal(9, Open().Next);
        Assert.True(Open().WasLast(Job));
    }

    [Theory]
    [InlineData("")]
    [InlineData("x\n\n\n")]
    [InlineData("-1\n\n\n")]
    [InlineData("1\n\n")]
    [InlineData("1\nno tab\n\n")]
    public void Refuses_a_file_that_is_damaged(string text)
    {
        _folder.Write("jobs", text);
        Assert.Contains("is damaged", Assert.Throws<ConfigurationException>(Open).Message, StringComparison.Ordinal);
    }

    public void Dispose() => _folder.Dispose();

    private JobCursor Open() => new(new StateFolder(_folder.Path));
}
