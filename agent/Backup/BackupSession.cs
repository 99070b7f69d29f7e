using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Npgsql;

namespace Holdfast.Agent.Backup;

/// <summary>
/// The session that a backup lives in: pg_backup_start and pg_backup_stop must run in the same one, and when it ends, so does the backup. Nothing may
/// time it out. Safe for several callers, one statement at a time.
/// </summary>
internal sealed class BackupSession : IAsyncDisposable
{
    // max_…: a server that recovers with smaller ones than the primary had refuses to start (xlogrecovery.c, CheckRequiredParameterValues).
    private const string ServerQuery = """
        SELECT current_setting('server_version_num')::int, current_setting('server_version'), (SELECT system_identifier FROM pg_control_system()), pg_is_in_recovery(),
               (SELECT setting FROM pg_settings WHERE name = 'data_directory'), pg_backend_pid(),
               (SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collprovider = 'c' AND collcollate NOT IN ('C', 'POSIX') AND collcollate <> '' ORDER BY oid LIMIT 1),
               (SELECT pg_collation_actual_version(oid) FROM pg_collation WHERE collprovider = 'i' ORDER BY oid LIMIT 1)
        """;

    private const string SettingsQuery = """
        SELECT name, setting FROM pg_settings
        WHERE name IN ('wal_level', 'archive_mode', 'max_connections', 'max_worker_processes', 'max_wal_senders', 'max_prepared_transactions', 'max_locks_per_transaction',
                       'shared_preload_libraries', 'session_preload_libraries', 'local_preload_libraries', 'track_commit_timestamp', 'wal_log_hints', 'full_page_writes', 'data_checksums',
                       'config_file', 'hba_file', 'ident_file', 'log_timezone', 'server_encoding', 'lc_messages')
        ORDER BY name
        """;

    private readonly ServerConnection _connection;
    private readonly SemaphoreSlim _gate = new(1, 1);

    private BackupSession(ServerConnection connection) => _connection = connection;

    /// <summary>The server.</summary>
    public BackupServer Server { get; private set; } = null!;

    /// <summary>Connects and looks at the server.</summary>
    /// <exception cref="ConfigurationException">The server cannot be reached, or this role may not see enough.</exception>
    public static async Task<BackupSession> OpenAsync(ResolvedOptions options, CancellationToken cancellationToken)
    {
        var connection = await ServerConnection.OpenAsync(options, "holdfast backup", cancellationToken, commandSeconds: 0)
            .ConfigureAwait(false);
        var session = new BackupSession(connection);
        try
        {
            await session.PrepareAsync(cancellationToken).ConfigureAwait(false);
            return session;
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Finds, as the user that PostgreSQL runs as, what of its configuration the server did not tell.</summary>
    /// <param name="root">PGDATA.</param>
    /// <param name="warn">Told of what could not be found or read.</param>
    public void FollowConfiguration(byte[] root, Action<string> warn) => Server = ServerConfiguration.Complete(Server, root, warn);

    /// <summary>Begins the backup; returns START WAL LOCATION and the server's time.</summary>
    /// <param name="label">For people, in backup_label.</param>
    /// <param name="fast">Checkpoint at once rather than spread over checkpoint_completion_target.</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<(Lsn Start, PostgresTime Time)> StartAsync(string label, bool fast, CancellationToken cancellationToken)
    {
        var call = Server.Major >= 15 ? "pg_backup_start($1, $2)" : "pg_start_backup($1, $2, false)";
        return QueryAsync("starting the backup", $"SELECT lsn::text, clock_timestamp() FROM {call} lsn", row => (Lsn.Parse(row.GetString(0)), Time(row, 1)), cancellationToken, label, fast);
    }

    /// <summary>
    /// Ends the backup, in the backend that began it. On a standby the stop is the minimum recovery point (xlog.c, do_pg_backup_stop): no page that was
    /// read is beyond the one in pg_control, which was read last.
    /// </summary>
    /// <exception cref="SessionLostException">It is not the same backend any more.</exception>
    public Task<BackupStop> StopAsync(CancellationToken cancellationToken)
    {
        var call = Server.Major >= 15 ? "pg_backup_stop(false)" : "pg_stop_backup(false, false)";
        // What a standby has replayed may be of a primary whose clock is ahead of its own.
        var time = Server.InRecovery ? "GREATEST(clock_timestamp(), pg_last_xact_replay_timestamp())" : "clock_timestamp()";
        var timeline = Server.InRecovery ? "(SELECT min_recovery_end_timeline FROM pg_control_recovery())" : "NULL::int";
        var query = $"SELECT lsn::text, textsend(labelfile), textsend(spcmapfile), {time}, pg_backend_pid(), {timeline} FROM {call}";
        return QueryAsync("ending the backup", query, row =>
        {
            RequireSameBackend(row.GetInt32(4));
            return new BackupStop(Lsn.Parse(row.GetString(0)), (byte[])row.GetValue(1), row.IsDBNull(2) ? [] : (byte[])row.GetValue(2), Time(row, 3))
            {
                Timeline = row.IsDBNull(5) ? null : new TimelineId((uint)row.GetInt32(5)),
            };
        }, cancellationToken);
    }

    /// <summary>How far the server has written, or a standby received and replayed: a page whose LSN is beyond it was never right.</summary>
    public Task<Lsn> InsertLsnAsync(CancellationToken cancellationToken)
    {
        var query = Server.InRecovery
            ? "SELECT GREATEST(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn())::text"
            : "SELECT pg_current_wal_insert_lsn()::text";
        return QueryAsync("asking for the insert position", query, row => Lsn.Parse(row.GetString(0)), cancellationToken);
    }

    /// <summary>Asks the server again and again, until the watch is to end.</summary>
    /// <param name="interval">How often.</param>
    /// <param name="end">Ends the watch. A question that is under way is waited for: cancelling it might hit the statement that ends the backup.</param>
    /// <exception cref="SessionLostException">The session is gone.</exception>
    public async Task WatchAsync(TimeSpan interval, CancellationToken end)
    {
        while (true)
        {
            await Task.Delay(interval, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (end.IsCancellationRequested) return;
            await QueryAsync("watching over the backup's session", "SELECT pg_backend_pid()", row =>
            {
                RequireSameBackend(row.GetInt32(0));
                return 0;
            }, CancellationToken.None).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _connection.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
    }

    private async Task PrepareAsync(CancellationToken cancellationToken)
    {
        var settings = await QueryAllAsync(
            "reading the server's settings", SettingsQuery, row => (Name: row.GetString(0), Value: ServerConnection.Bytes(row, 1) ?? []),
            cancellationToken).ConfigureAwait(false);
        Server = await QueryAsync("looking at the server", ServerQuery, ServerOf, cancellationToken).ConfigureAwait(false);
        var files = settings.Where(setting => setting.Name is "config_file" or "hba_file" or "ident_file").Select(setting => setting.Value);
        Server = Server with
        {
            Settings = [.. settings.Select(setting => (setting.Name, RawFiles.Display(setting.Value)))],
            ConfigurationFiles = [.. files.Where(file => file.Length > 0)],
        };
        if (Server.ConfigurationFiles.Count == 0)
            Server = Server with { Unseen = Unseen("where the server's configuration is", ServerGrants.Monitor(Role)) };
        await AddIncludedFilesAsync(cancellationToken).ConfigureAwait(false);
    }

    private static BackupServer ServerOf(NpgsqlDataReader row) => new()
    {
        VersionNumber = row.GetInt32(0),
        Version = ServerConnection.Text(row, 1)!,
        System = new SystemIdentifier(unchecked((ulong)row.GetInt64(2))),
        InRecovery = row.GetBoolean(3),
        DataDirectory = ServerConnection.Text(row, 4),
        Backend = row.GetInt32(5),
        LibcVersion = ServerConnection.Text(row, 6),
        IcuVersion = ServerConnection.Text(row, 7),
        Settings = [],
        ConfigurationFiles = [],
    };

    // What the three files include. Only a superuser sees it, unless it was granted; without, the three are captured.
    private async Task AddIncludedFilesAsync(CancellationToken cancellationToken)
    {
        const string Settings = "SELECT sourcefile FROM pg_file_settings";
        const string Others = " UNION SELECT file_name FROM pg_hba_file_rules UNION SELECT file_name FROM pg_ident_file_mappings";
        var query = Server.Major >= 16 ? Settings + Others : Settings;
        try
        {
            var all = await QueryAllAsync("listing configuration files", query, row => ServerConnection.Bytes(row, 0), cancellationToken)
                .ConfigureAwait(false);
            var included = all.OfType<byte[]>().Where(file => file is [(byte)'/', ..]);
            Server = Server with { ConfigurationFiles = [.. Server.ConfigurationFiles, .. included] };
        }
        catch (ConfigurationException)
        {
            var grants = ServerGrants.IncludedFiles(Server.Major, Role);
            Server = Server with { Unseen = Server.Unseen ?? Unseen("which files the server's configuration includes", grants) };
        }
    }

    private string Role => _connection.Role;

    private UnseenConfiguration Unseen(string what, string grants) => new(
        $"role {Role} may not see {what}: what of it lies outside the data directory is not in the backup",
        _connection.AsSuperuser(grants));

    private void RequireSameBackend(int now)
    {
        if (now != Server.Backend)
            throw new SessionLostException($"the backup's session moved from backend {Server.Backend} to {now}: something between this host and the server changes sessions");
    }

    private async Task<T> QueryAsync<T>(string doing, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values) =>
        await QueryAllAsync(doing, sql, read, cancellationToken, values).ConfigureAwait(false) is [var row, ..] ? row : throw new ConfigurationException($"{doing}: the server gave no row");

    private async Task<IReadOnlyList<T>> QueryAllAsync<T>(string doing, string sql, Func<NpgsqlDataReader, T> read, CancellationToken cancellationToken, params object[] values)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            var command = new NpgsqlCommand(sql, _connection.Session);
            await using (command.ConfigureAwait(false))
            {
                foreach (var value in values) command.Parameters.Add(value is bool flag ? new NpgsqlParameter<bool> { TypedValue = flag } : new NpgsqlParameter<string> { TypedValue = (string)value });
                var reader = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                var rows = new List<T>();
                await using (reader.ConfigureAwait(false))
                    while (await reader.ReadAsync(cancellationToken).ConfigureAwait(false)) rows.Add(read(reader));
                return rows;
            }
        }
        catch (PostgresException e) when (e.SqlState == PostgresErrorCodes.InsufficientPrivilege)
        {
            var grants = ServerGrants.Execute(ServerGrants.BackupFunctions(_connection.Session.PostgreSqlVersion.Major), _connection.Role);
            var hint = _connection.AsSuperuser($"{ServerGrants.Monitor(Role)} {grants}");
            throw new ConfigurationException($"{doing}: {e.MessageText}", $"{hint} What else is missing: holdfast check", e);
        }
        catch (PostgresException e) when (e.SqlState is not (PostgresErrorCodes.AdminShutdown or PostgresErrorCodes.CrashShutdown or PostgresErrorCodes.CannotConnectNow or "57P05"))
        {
            throw new ConfigurationException($"{doing}: {e.MessageText}", e.Hint ?? "see the server's log", e);
        }
        catch (NpgsqlException e)
        {
            throw new SessionLostException($"{doing}: the session with the server is lost: {ServerFailure.TextOf(e)}", e);
        }
        catch (InvalidOperationException e) when (_connection.Session.State != System.Data.ConnectionState.Open)
        {
            throw new SessionLostException($"{doing}: the session with the server is lost", e);
        }
        finally
        {
            _gate.Release();
        }
    }

    private static PostgresTime Time(NpgsqlDataReader row, int column) => PostgresTime.From(new DateTimeOffset(row.GetDateTime(column).ToUniversalTime(), TimeSpan.Zero));
}
