using System.Net.Sockets;
using System.Security.Authentication;
using Holdfast.Core;
using Npgsql;

namespace Holdfast.Agent.Host;

/// <summary>
/// What a failure of the driver's means, in PostgreSQL's words: the driver's own texts speak of its connection string, which nobody here
/// wrote, and .NET's of addresses that cannot be assigned where a socket is missing.
/// </summary>
/// <param name="Text">What happened.</param>
/// <param name="Hint">What can be done.</param>
internal sealed record ServerFailure(string Text, string Hint)
{
    private const string ServerLogHint = "see the server's log";
    private const string PasswordHint =
        "passwords come from ~/.pgpass of the user that runs this, or from the file that PGPASSFILE names (mode 0600)";

    private const string SilenceHint =
        "does the server hang, or does a firewall between drop what is sent? See pg-host, pg-port and the server's log";

    // Where builds of PostgreSQL put their sockets.
    private static readonly string[] SocketFolders = ["/var/run/postgresql", "/tmp"];

    /// <summary>A session that could not be opened.</summary>
    /// <param name="failure">The driver's, .NET's or a timeout.</param>
    /// <param name="settings">How it was tried.</param>
    public static ConfigurationException Connecting(Exception failure, NpgsqlConnectionStringBuilder settings)
    {
        var meaning = Judge(failure, settings);
        var where = $"{settings.Host}, port {settings.Port}, as {settings.Username}";
        return new ConfigurationException($"cannot connect to PostgreSQL at {where}: {meaning.Text}", meaning.Hint, failure);
    }

    /// <summary>A statement that failed, in the server's own words where it spoke, without what the driver adds to them.</summary>
    public static string TextOf(Exception failure) => failure.GetBaseException() switch
    {
        PostgresException answer => answer.MessageText,
        TimeoutException => "the server did not answer in time",
        EndOfStreamException => "the server closed the session",
        var last => last.Message,
    };

    private static ServerFailure Judge(Exception failure, NpgsqlConnectionStringBuilder settings)
    {
        for (var e = failure; e is not null; e = e.InnerException)
        {
            switch (e)
            {
                case PostgresException answer: return OfAnswer(answer, settings);
                case SocketException socket when settings.Host!.StartsWith('/'): return OfSocketFile(socket, settings);
                case SocketException socket: return OfAddress(socket, settings);
                case AuthenticationException tls: return new($"TLS failed: {tls.Message}", "see ssl and ssl_cert_file of the server");
                case TimeoutException: return new($"no answer within {settings.Timeout} s", SilenceHint);
            }
        }
        if (failure.Message.Contains("No password has been provided", StringComparison.Ordinal))
            return new("the server wants a password for this role, and there is none",
                $"{PasswordHint}; or let the role in without one, by peer in pg_hba.conf");
        return new(TextOf(failure), ServerLogHint);
    }

    private static ServerFailure OfAnswer(PostgresException answer, NpgsqlConnectionStringBuilder settings)
    {
        var hint = answer.SqlState switch
        {
            PostgresErrorCodes.InvalidPassword => $"the password is wrong or missing: {PasswordHint}",
            PostgresErrorCodes.InvalidAuthorizationSpecification =>
                "the role is pg-user, and pg_hba.conf says who may be it: peer wants its namesake of the system, or pg_ident.conf",
            PostgresErrorCodes.InvalidCatalogName => "name a database that exists by pg-database, such as postgres or template1",
            PostgresErrorCodes.InsufficientPrivilege =>
                ServerGrants.Connect(settings.Database!, settings.Username!) + " Or connect as another role, by pg-user",
            PostgresErrorCodes.TooManyConnections => ServerGrants.MoreConnections(settings.Username!, settings.Database!),
            PostgresErrorCodes.CannotConnectNow =>
                "the server starts, stops or recovers: wait, then try again. A standby answers only with hot_standby = on",
            _ => ServerLogHint,
        };
        return new ServerFailure(answer.MessageText, hint);
    }

    private static ServerFailure OfSocketFile(SocketException socket, NpgsqlConnectionStringBuilder settings)
    {
        var file = Path.Combine(settings.Host!, $".s.PGSQL.{settings.Port}");
        const string Options = "the folder is pg-socket-path, the port pg-port";
        return socket.SocketErrorCode switch
        {
            SocketError.AccessDenied => new($"this user may not reach {file}",
                "run this as the user that PostgreSQL runs as (sudo -u postgres …); see unix_socket_permissions"),
            SocketError.ConnectionRefused => new($"no server is behind {file}", "it stopped or crashed: start it, and see its log"),
            // .NET's word for a file that is not there is "Cannot assign requested address".
            _ when !File.Exists(file) => new($"there is no {file}: no server listens there", $"is it running? {Options}{Others(file)}"),
            _ => new($"{file}: {socket.Message}", $"is the server running? {Options}"),
        };
    }

    private static string Others(string file)
    {
        var sockets = SocketFolders.Where(Directory.Exists).SelectMany(folder => Directory.EnumerateFiles(folder, ".s.PGSQL.*"))
            .Where(socket => socket != file && !socket.EndsWith(".lock", StringComparison.Ordinal)).Order(StringComparer.Ordinal).ToArray();
        return sockets.Length == 0 ? "" : $"; there is {string.Join(", ", sockets)}";
    }

    private static ServerFailure OfAddress(SocketException socket, NpgsqlConnectionStringBuilder settings) => socket.SocketErrorCode switch
    {
        SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain =>
            new($"the name {settings.Host} is not resolved", "see pg-host, and this host's DNS"),
        SocketError.ConnectionRefused => new("nothing listens there",
            "is the server running, and do its listen_addresses and port agree with pg-host and pg-port?"),
        SocketError.TimedOut => new("no answer", SilenceHint),
        _ => new(socket.Message, "see pg-host and pg-port, and the network"),
    };
}
