using System.Net.Sockets;
using Holdfast.Agent.Backup;
using Holdfast.Agent.Resident;
using Holdfast.Core;
using Holdfast.Core.Repository;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Tests.Agent.Resident;

public sealed class JobEndTests
{
    public static TheoryData<Exception, AttemptRetry> Failures => new()
    {
        { new StoreException("the store is away"), AttemptRetry.Later },
        { new SessionLostException("terminated"), AttemptRetry.Later },
        { new DamagedException("the disk"), AttemptRetry.Later },
        { new RefusedException("revoked"), AttemptRetry.Never },
        { new ConfigurationException("no permission"), AttemptRetry.Never },
        { Connecting(new TimeoutException()), AttemptRetry.Later },
        { Connecting(new Npgsql.NpgsqlException("refused")), AttemptRetry.Later },
        { Connecting(new Npgsql.NpgsqlException("", new SocketException((int)SocketError.ConnectionRefused))), AttemptRetry.Later },
        { Connecting(new Npgsql.NpgsqlException("", new SocketException((int)SocketError.AddressNotAvailable))), AttemptRetry.Later },
        { Connecting(new Npgsql.NpgsqlException("", new SocketException((int)SocketError.AccessDenied))), AttemptRetry.Never },
        { Connecting(new Npgsql.NpgsqlException("No password has been provided but the backend requires one")), AttemptRetry.Never },
        { new InvalidOperationException("a bug"), AttemptRetry.Later },
    };

    [Theory]
    [MemberData(nameof(Failures))]
    public void Another_attempt_is_suggested_where_it_may_do_better(Exception failure, AttemptRetry retry) =>
        Assert.Equal(retry, JobEnd.Of(failure).Retry);

    [Theory]
    [InlineData("57P03", AttemptRetry.Later)] // the database system is starting up
    [InlineData("53300", AttemptRetry.Later)] // too many clients; too many connections for role
    [InlineData("53100", AttemptRetry.Later)] // the disk is full
    [InlineData("57P01", AttemptRetry.Later)]
    [InlineData("57P05", AttemptRetry.Later)]
    [InlineData("57014", AttemptRetry.Later)] // pg_cancel_backend
    [InlineData("08006", AttemptRetry.Later)]
    [InlineData("58030", AttemptRetry.Later)]
    [InlineData("XX000", AttemptRetry.Later)]
    [InlineData("28P01", AttemptRetry.Never)]
    [InlineData("28000", AttemptRetry.Never)]
    [InlineData("3D000", AttemptRetry.Never)]
    [InlineData("42501", AttemptRetry.Never)]
    [InlineData("55000", AttemptRetry.Never)] // the database takes no connections; wal_level
    [InlineData("57P04", AttemptRetry.Never)] // the database was dropped
    public void What_the_server_says_is_classed_by_its_SQLSTATE(string state, AttemptRetry retry) =>
        Assert.Equal(retry, JobEnd.Of(Connecting(new Npgsql.PostgresException("no", "FATAL", "FATAL", state))).Retry);

    [Fact]
    public void Message_and_hint_are_one_line_of_bounded_length()
    {
        var end = JobEnd.Of(new RefusedException("one\ntwo", new string('x', 2000)));
        Assert.StartsWith("one two HINT: xxx", end.Error, StringComparison.Ordinal);
        Assert.Equal(1000, end.Error.Length);
        var report = end.ToReport("job").Ended;
        Assert.Equal(("job", false, end.Error, false, (uint)AttemptRetry.Never), (report.Job, report.Succeeded, report.Error, report.MayRetry, report.Retry));
        Assert.True(JobEnd.Of(new StoreException("away")).ToReport("job").Ended is { MayRetry: true, Retry: (uint)AttemptRetry.Later });
        Assert.True(JobEnd.Success.ToReport("job").Ended.Succeeded);
    }

    private static ConfigurationException Connecting(Exception cause) => new("cannot connect", null, cause);

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
