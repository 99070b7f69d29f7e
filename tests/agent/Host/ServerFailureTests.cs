using System.Net.Sockets;
using Holdfast.Agent.Host;
using Npgsql;

namespace Holdfast.Tests.Agent.Host;

public class ServerFailureTests
{
    private static readonly NpgsqlConnectionStringBuilder Socket = Settings("/nowhere");
    private static readonly NpgsqlConnectionStringBuilder Address = Settings("db.example");

    [Fact]
    public void A_missing_socket_is_not_an_address_that_cannot_be_assigned()
    {
        var cause = new SocketException((int)SocketError.AddressNotAvailable);
        var failure = ServerFailure.Connecting(new NpgsqlException("driver", cause), Socket);
        Assert.Equal(
            "cannot connect to PostgreSQL at /nowhere, port 5433, as backup: there is no /nowhere/.s.PGSQL.5433: no server listens there",
            failure.Message);
        Assert.Contains("pg-socket-path", failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(SocketError.ConnectionRefused, "nothing listens there", "listen_addresses")]
    [InlineData(SocketError.HostNotFound, "the name db.example is not resolved", "pg-host")]
    [InlineData(SocketError.TimedOut, "no answer", "firewall")]
    public void A_network_that_fails_is_told_in_its_own_words(SocketError error, string text, string hint)
    {
        var failure = ServerFailure.Connecting(new NpgsqlException("driver", new SocketException((int)error)), Address);
        Assert.EndsWith(": " + text, failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("28P01", "pgpass")]
    [InlineData("28000", "pg_hba.conf")]
    [InlineData("3D000", "pg-database")]
    [InlineData("53300", "max_connections")]
    [InlineData("57P03", "starts, stops or recovers")]
    [InlineData("42501", "GRANT CONNECT ON DATABASE \"shop\"")]
    [InlineData("58P01", "server's log")]
    public void What_the_server_refuses_has_a_hint_of_its_own(string state, string hint)
    {
        var failure = ServerFailure.Connecting(new NpgsqlException("driver", Answer(state)), Socket);
        Assert.EndsWith(", as backup: what the server says", failure.Message, StringComparison.Ordinal);
        Assert.Contains(hint, failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void The_drivers_advice_about_its_connection_string_does_not_leak() =>
        Assert.Equal("what the server says", ServerFailure.TextOf(new NpgsqlException("driver", Answer("XX000"))));

    private static PostgresException Answer(string state) => new(
        "what the server says", "FATAL", "FATAL", state,
        detail: "Detail redacted as it may contain sensitive data. Specify 'Include Error Detail' in the connection string.");

    private static NpgsqlConnectionStringBuilder Settings(string host) =>
        new() { Host = host, Port = 5433, Username = "backup", Database = "shop", Timeout = 10 };
}
