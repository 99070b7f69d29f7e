using System.Diagnostics;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Npgsql;

namespace Holdfast.Agent.Check;

/// <summary>One session with the server on this host.</summary>
public sealed class ServerSession : IAsyncDisposable
{
    private const string FactsQuery = """
        SELECT current_setting('server_version_num')::int, current_setting('server_version'),
               (SELECT system_identifier FROM pg_control_system()), (SELECT timeline_id FROM pg_control_checkpoint()), pg_is_in_recovery(),
               current_setting('archive_mode'), coalesce((SELECT pending_restart FROM pg_settings WHERE name = 'archive_mode'), false),
               current_setting('archive_command'), coalesce(current_setting('archive_library', true), ''), current_setting('wal_level'),
               (SELECT setting::int FROM pg_settings WHERE name = 'archive_timeout'), (SELECT setting FROM pg_settings WHERE name = 'data_directory'),
               a.failed_count, a.last_failed_wal, a.last_failed_time, a.last_archived_wal, a.last_archived_time
        FROM pg_stat_archiver a
        """;

    private const string ClosedDatabasesQuery = """
        SELECT datname::text FROM pg_database
        WHERE datallowconn AND datconnlimit <> -2 AND NOT has_database_privilege(oid, 'CONNECT') ORDER BY oid
        """;

    private readonly ServerConnection _connection;

    private ServerSession(ServerConnection connection) => _connection = connection;

    /// <summary>Connects as the options say.</summary>
    /// <exception cref="ConfigurationException">The server cannot be reached, or does not let this role in.</exception>
    public static async Task<ServerSession> OpenAsync(ResolvedOptions options, CancellationToken cancellationToken) =>
        new(await ServerConnection.OpenAsync(options, "holdfast check", cancellationToken).ConfigureAwait(false));

    /// <summary>What the server says of itself.</summary>
    /// <exception cref="ConfigurationException">It does not answer, or not to this role.</exception>
    public Task<ServerFacts> ReadAsync(CancellationToken cancellationToken) => QueryAsync("reading the server's settings", FactsQuery, row => new ServerFacts
    {
        VersionNumber = row.GetInt32(0),
        Version = ServerConnection.Text(row, 1)!,
        System = new SystemIdentifier(unchecked((ulong)row.GetInt64(2))),
        Timeline = new TimelineId((uint)row.GetInt32(3)),
        InRecovery = row.GetBoolean(4),
        ArchiveMode = row.GetString(5),
        ArchiveModePending = row.GetBoolean(6),
        ArchiveCommand = ServerConnection.Text(row, 7)!,
        ArchiveLibrary = ServerConnection.Text(row, 8)!,
        WalLevel = row.GetString(9),
        ArchiveTimeoutSeconds = row.GetInt32(10),
        DataDirectory = ServerConnection.Text(row, 11),
        Archiver = new ArchiverFacts(
            row.GetInt64(12), ServerConnection.Text(row, 13), Time(row, 14), ServerConnection.Text(row, 15), Time(row, 16)),
    }, cancellationToken);

    /// <summary>Writes a restore point, then switches to a new segment; returns the segment that holds the restore point, and is complete now.</summary>
    /// <exception cref="ConfigurationException">This role may not.</exception>
    public async Task<(WalSegmentName Segment, long Switched)> SwitchAsync(WalSegmentSize size, CancellationToken cancellationToken)
    {
        var point = await QueryAsync("creating a restore point", "SELECT pg_create_restore_point('holdfast check')::text", row => row.GetString(0), cancellationToken).ConfigureAwait(false);
        // The timeline of a segment's name: of the last checkpoint, and the server is no standby, so it is the current one.
        var timeline = await QueryAsync("asking for the timeline", $"SELECT substr(pg_walfile_name('{point}'), 1, 8)", row => row.GetString(0), cancellationToken).ConfigureAwait(false);
        await QueryAsync("switching to a new WAL segment", "SELECT pg_switch_wal()::text", row => row.GetString(0), cancellationToken).ConfigureAwait(false);
        // The function gives the position behind the record.
        var segment = WalSegmentName.Containing(new TimelineId(Convert.ToUInt32(timeline, 16)), Lsn.Parse(point) + -1, size);
        return (segment, Stopwatch.GetTimestamp());
    }

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    /// <summary>What this role may do, as far as a backup needs it.</summary>
    /// <param name="major">The server's.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="ConfigurationException">The server does not say.</exception>
    internal async Task<RoleRights> ReadRightsAsync(int major, CancellationToken cancellationToken)
    {
        var functions = string.Join(", ", ServerGrants.BackupFunctions(major).Select(function => $"('{function}')"));
        var missing = await TextsAsync(
            "asking which functions this role may call",
            $"SELECT name FROM (VALUES {functions}) AS needed (name) WHERE NOT has_function_privilege(name, 'EXECUTE')", cancellationToken)
            .ConfigureAwait(false);
        var closed = await TextsAsync("asking which databases this role may connect to", ClosedDatabasesQuery, cancellationToken)
            .ConfigureAwait(false);
        return new RoleRights(_connection.Role, _connection.Session.Database, missing, closed);
    }

    private Task<IReadOnlyList<string>> TextsAsync(string doing, string sql, CancellationToken cancellationToken) =>
        QueryAllAsync(doing, sql, row => ServerConnection.Text(row, 0)!, cancellationToken);

    private async Task<T> QueryAsync<T>(string doing, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken) =>
        await QueryAllAsync(doing, sql, read, cancellationToken).ConfigureAwait(false) is [var row, ..]
            ? row
            : throw new ConfigurationException($"{doing}: the server gave no row");

    private async Task<IReadOnlyList<T>> QueryAllAsync<T>(
        string doing, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken)
    {
        try
        {
            var command = new NpgsqlCommand(sql, _connection.Session);
            await using (command.ConfigureAwait(false))
            {
                var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                var rows = new List<T>();
                await using (reader.ConfigureAwait(false))
                    while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(read(reader));
                return rows;
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            var role = _connection.Role;
            var grants = $"{ServerGrants.Monitor(role)} {ServerGrants.Execute(ServerGrants.ArchiveFunctions, role)}";
            throw new ConfigurationException($"{doing}: {e.MessageText}", _connection.AsSuperuser(grants), e);
        }
        catch (Exception e) when (e is NpgsqlException or InvalidCastException)
        {
            throw new ConfigurationException($"{doing}: {ServerFailure.TextOf(e)}", "see the server's log", e);
        }
    }

    private static DateTimeOffset? Time(NpgsqlDataReader row, int column) => row.IsDBNull(column) ? null : new DateTimeOffset(row.GetDateTime(column).ToUniversalTime(), TimeSpan.Zero);
}
