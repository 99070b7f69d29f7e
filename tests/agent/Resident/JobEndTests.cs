using Holdfast.Agent.Backup;
using Holdfast.Agent.Resident;
using Holdfast.Core;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Agent.Resident;

public sealed class JobEndTests
{
    public static TheoryData<Exception, bool> Failures => new()
    {
        { new StoreException("the store is away"), true },
        { new SessionLostException("terminated"), true },
        { new DamagedException("the disk"), true },
        { new RefusedException("revoked"), false },
        { new ConfigurationException("no permission"), false },
        { new ConfigurationException("cannot connect", null, new TimeoutException()), true },
        { new ConfigurationException("cannot connect", null, new Npgsql.NpgsqlException("refused")), true },
        { new ConfigurationException("no such role", null, new Npgsql.PostgresException("no", "FATAL", "FATAL", "28000")), false },
        { new InvalidOperationException("a bug"), true },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Another_attempt_is_suggested_where_it_may_do_better(Exception failure, bool mayRetry) => Assert.Equal(mayRetry, JobEnd.Of(failure).MayRetry);

    [Fact]
    public void Message_and_hint_are_one_line_of_bounded_length()
    {
        var end = JobEnd.Of(new RefusedException("one\ntwo", new string('x', 2000)));
        Assert.StartsWith("one two HINT: xxx", end.Error, StringComparison.Ordinal);
        Assert.Equal(1000, end.Error.Length);
        var report = end.ToReport("job").Ended;
        Assert.Equal(("job", false, end.Error, false), (report.Job, report.Succeeded, report.Error, report.MayRetry));
        Assert.True(JobEnd.Success.ToReport("job").Ended.Succeeded);
    }

    [Theory]
    [InlineData("20261123-140211F", 0)]
    [InlineData("nonsense", 1)]
    [InlineData("20261123-140211F_20261124-140211D", 1)]
    public void A_backup_that_this_agent_cannot_make_is_refused(string label, uint attempt)
    {
        Assert.Null(BackupJob.Read(new Wire.BackupJob { Label = label, Attempt = attempt }, out var fault));
        Assert.Contains(label, fault, StringComparison.Ordinal);
    }
}
