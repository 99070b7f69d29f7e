using Holdfast.Agent.Options;
using Holdfast.Core;
using Npgsql;

namespace Holdfast.Agent.Host;

/// <summary>
/// One session with the server on this host, as the pg-… options say; never pooled. All sessions are opened here, and what a role or a
/// database sets for its sessions does not change them: no timeout ends one, no function of a user's schema stands in for PostgreSQL's.
/// </summary>
public sealed class ServerConnection : IAsyncDisposable
{
    // In the startup packet they stand above what ALTER ROLE and ALTER DATABASE set, before the first statement. Every major from 14 on
    // knows them.
    private const string WithoutTimeouts =
        "-c statement_timeout=0 -c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c idle_session_timeout=0 -c tcp_user_timeout=0";

    // A server that does not know a setting of the startup packet ends the session: this one is set when the major is known.
    private const int FirstWithTransactionTimeout = 17;

    private readonly NpgsqlDataSource _source;

    private ServerConnection(NpgsqlDataSource source, NpgsqlConnection session, string role)
    {
        _source = source;
        Session = session;
        Role = role;
    }

    /// <summary>The role that it connected as.</summary>
    public string Role { get; }

    /// <summary>The session.</summary>
    public NpgsqlConnection Session { get; }

    /// <summary>Connects.</summary>
    /// <param name="options">The pg-… options.</param>
    /// <param name="applicationName">What pg_stat_activity shows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="database">Instead of pg-database.</param>
    /// <param name="commandSeconds">How long a statement may take; 0: as long as it takes.</param>
    /// <exception cref="ConfigurationException">The server cannot be reached, or does not let this role in.</exception>
    public static async Task<ServerConnection> OpenAsync(
        ResolvedOptions options, string applicationName, CancellationToken cancellationToken, string? database = null,
        int commandSeconds = 60)
    {
        var settings = Settings(options, applicationName, database ?? options.Get(OptionTable.PgDatabase), commandSeconds);
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableTransportSecurity();
        // The built-in types are enough, and names of a user's types may be of any encoding.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        var source = builder.Build();
        try
        {
            var session = await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false);
            await ResetTransactionTimeoutAsync(session, cancellationToken).ConfigureAwait(false);
            return new ServerConnection(source, session, settings.Username!);
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw ServerFailure.Connecting(e, settings);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>A hint: statements that change rights, and where. Rights to functions are a database's own.</summary>
    internal string AsSuperuser(string statements) => $"as a superuser, in database {Session.Database}: {statements}";

    /// <summary>A text of the server's as messages show it (<see cref="RawFiles.Display"/>), whatever its encoding; null: NULL.</summary>
    internal static string? Text(NpgsqlDataReader row, int column) => Bytes(row, column) is { } bytes ? RawFiles.Display(bytes) : null;

    /// <summary>A text of the server's as it has it: bytes of some encoding, or of none; null for NULL.</summary>
    internal static byte[]? Bytes(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : row.GetFieldValue<byte[]>(column);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync().ConfigureAwait(false);
        await _source.DisposeAsync().ConfigureAwait(false);
    }

    private static NpgsqlConnectionStringBuilder Settings(
        ResolvedOptions options, string applicationName, string database, int commandSeconds) => new()
        {
            Host = options.Find(OptionTable.PgHost) ?? options.Get(OptionTable.PgSocketPath),
            Port = options.Get(OptionTable.PgPort),
            Database = database,
            Username = options.Find(OptionTable.PgUser) ?? Environment.UserName,
            ApplicationName = applicationName,
            Timeout = 10,
            CommandTimeout = commandSeconds,
            Pooling = false,
            GssEncryptionMode = GssEncryptionMode.Disable,
            TcpKeepAlive = true,
            // The server then sends text as it has it: names and paths are bytes of some encoding, or of none.
            ClientEncoding = "SQL_ASCII",
            // An owner of a database can put functions of his own before PostgreSQL's, for a superuser to call.
            SearchPath = "pg_catalog",
            Options = WithoutTimeouts,
        };

    private static async Task ResetTransactionTimeoutAsync(NpgsqlConnection session, CancellationToken cancellationToken)
    {
        if (session.PostgreSqlVersion.Major < FirstWithTransactionTimeout) return;
        var command = new NpgsqlCommand("SET transaction_timeout = 0", session);
        await using (command.ConfigureAwait(false)) await command.ExecuteNonQueryAsync(cancellationToken).ConfigureAwait(false);
    }
}
