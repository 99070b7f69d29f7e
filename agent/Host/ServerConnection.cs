using Holdfast.Agent.Options;
using Holdfast.Core;
using Npgsql;

namespace Holdfast.Agent.Host;

/// <summary>One session with the server on this host, as the pg-… options say; never pooled.</summary>
public sealed class ServerConnection : IAsyncDisposable
{
    private readonly NpgsqlDataSource _source;

    private ServerConnection(NpgsqlDataSource source, NpgsqlConnection session) => (_source, Session) = (source, session);

    /// <summary>The session.</summary>
    public NpgsqlConnection Session { get; }

    /// <summary>Connects.</summary>
    /// <param name="options">The pg-… options.</param>
    /// <param name="applicationName">What pg_stat_activity shows.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <param name="database">Instead of pg-database.</param>
    /// <param name="commandSeconds">How long a statement may take; 0: as long as it takes.</param>
    /// <param name="adjust">Changes other settings.</param>
    /// <exception cref="ConfigurationException">The server cannot be reached, or does not let this role in.</exception>
    public static async Task<ServerConnection> OpenAsync(
        ResolvedOptions options, string applicationName, CancellationToken cancellationToken, string? database = null, int commandSeconds = 60, Action<NpgsqlConnectionStringBuilder>? adjust = null)
    {
        var (host, port) = (options.Find(OptionTable.PgHost) ?? options.Get(OptionTable.PgSocketPath), options.Get(OptionTable.PgPort));
        var settings = new NpgsqlConnectionStringBuilder
        {
            Host = host,
            Port = port,
            Database = database ?? options.Get(OptionTable.PgDatabase),
            Username = options.Find(OptionTable.PgUser) ?? Environment.UserName,
            ApplicationName = applicationName,
            Timeout = 10,
            CommandTimeout = commandSeconds,
            Pooling = false,
            GssEncryptionMode = GssEncryptionMode.Disable,
        };
        adjust?.Invoke(settings);
        var builder = new NpgsqlSlimDataSourceBuilder(settings.ConnectionString);
        builder.EnableTransportSecurity();
        var source = builder.Build();
        try
        {
            return new ServerConnection(source, await source.OpenConnectionAsync(cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (e is NpgsqlException or TimeoutException or System.Net.Sockets.SocketException)
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw new ConfigurationException($"cannot connect to PostgreSQL at {host}, port {port}, as {settings.Username}: {e.GetBaseException().Message}",
                "is the server running? Its socket folder is pg-socket-path, its port pg-port, the role pg-user; run this as the user that PostgreSQL runs as", e);
        }
        catch
        {
            await source.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Session.DisposeAsync().ConfigureAwait(false);
        await _source.DisposeAsync().ConfigureAwait(false);
    }
}
