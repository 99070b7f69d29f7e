using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Npgsql;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>Tells again and again that the host is well, and how far its WAL is archived: silence is an alarm of its own.</summary>
internal sealed class Heartbeats(CommandContext context, ReportChannel reports, Reachability store, StateFolder state)
{
    // On a primary the timeline that it writes: right after a promotion the last checkpoint is still of the one before, and who is primary is told by it.
    private const string FactsQuery = """
        SELECT pg_is_in_recovery(),
               CASE WHEN pg_is_in_recovery() THEN (SELECT timeline_id FROM pg_control_checkpoint())
                    ELSE ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int END,
               (CASE WHEN pg_is_in_recovery() THEN pg_last_wal_replay_lsn() ELSE pg_current_wal_insert_lsn() END)::text,
               (SELECT last_archived_wal FROM pg_stat_archiver), (SELECT setting FROM pg_settings WHERE name = 'data_directory')
        """;

    private readonly Reachability _server = new(context.Log, "the server");
    private string? _dataDirectory = context.Options.Find(OptionTable.PgPath);

    /// <summary>Sends them until it is stopped.</summary>
    public async Task RunAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            try
            {
                var heartbeat = await GatherAsync(stop).ConfigureAwait(false);
                await reports.SendAsync(new Wire.Report { Heartbeat = heartbeat }, stop).ConfigureAwait(false);
                AgentTelemetry.HeartbeatSent(heartbeat.ReadyCount);
                store.Answered();
            }
            catch (StoreException e) when (!stop.IsCancellationRequested) { store.Failed(e); }
            catch (ConfigurationException e) { context.Log.Warn($"no heartbeat was sent: {e.Message}"); }
            catch (OperationCanceledException) when (stop.IsCancellationRequested) { return; }
            await Task.Delay(context.Options.Get(OptionTable.HeartbeatInterval), context.Clock, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>What there is to say now; what the server does not answer is left at 0.</summary>
    internal async Task<Wire.Heartbeat> GatherAsync(CancellationToken cancellationToken)
    {
        var heartbeat = new Wire.Heartbeat
        {
            Version = Version.AgentVersion.Text, Interval = (uint)Math.Ceiling(context.Options.Get(OptionTable.HeartbeatInterval).TotalSeconds),
        };
        try
        {
            await AskServerAsync(heartbeat, cancellationToken).ConfigureAwait(false);
            _server.Answered();
        }
        catch (ConfigurationException e) when (!cancellationToken.IsCancellationRequested) { _server.Failed(e); }
        if (_dataDirectory is not null) LookAtDisk(heartbeat, Path.Combine(_dataDirectory, "pg_wal"));
        return heartbeat;
    }

    private async Task AskServerAsync(Wire.Heartbeat heartbeat, CancellationToken cancellationToken)
    {
        var connection = await ServerConnection.OpenAsync(context.Options, "holdfast agent", cancellationToken, commandSeconds: 10).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            try
            {
                var command = new NpgsqlCommand(FactsQuery, connection.Session);
                await using (command.ConfigureAwait(false))
                {
                    var row = await command.ExecuteReaderAsync(cancellationToken).ConfigureAwait(false);
                    await using (row.ConfigureAwait(false))
                    {
                        await row.ReadAsync(cancellationToken).ConfigureAwait(false);
                        (heartbeat.InRecovery, heartbeat.Timeline) = (row.GetBoolean(0), (uint)row.GetInt32(1));
                        heartbeat.WalInsert = row.IsDBNull(2) ? 0 : Lsn.Parse(row.GetString(2)).Value;
                        _dataDirectory ??= ServerConnection.Text(row, 4);
                        if (!row.IsDBNull(3)) heartbeat.ArchivedTo = ArchivedTo(row.GetString(3), heartbeat);
                    }
                }
            }
            catch (NpgsqlException e)
            {
                throw new ConfigurationException($"asking the server where its WAL is: {ServerFailure.TextOf(e)}",
                    "see the server's log", e);
            }
        }
    }

    private ulong ArchivedTo(string segment, Wire.Heartbeat heartbeat)
    {
        if (_dataDirectory is null) return 0;
        var size = DataDirectory.Open(_dataDirectory).Control.WalSegmentSize;
        return ArchivedTo(segment, size, heartbeat.InRecovery ? null : new Lsn(heartbeat.WalInsert));
    }

    /// <summary>The end of the last archived segment, 0 when that is none of this server's WAL.</summary>
    /// <param name="segment">Its name.</param>
    /// <param name="size">The server's wal_segment_size.</param>
    /// <param name="insert">Where a primary writes; null on a standby.</param>
    internal static ulong ArchivedTo(string segment, WalSegmentSize size, Lsn? insert)
    {
        if (!WalSegmentName.TryParse(segment, size, out var name)) return 0;
        // pg_stat_archiver outlives pg_resetwal --wal-segsize: in the new size the old name may mean a place that the server has not come to.
        return insert is { IsValid: true } at && name.Start >= at ? 0 : name.End.Value;
    }

    private void LookAtDisk(Wire.Heartbeat heartbeat, string wal)
    {
        try
        {
            heartbeat.WalFreeBytes = (ulong)new DriveInfo(wal).AvailableFreeSpace;
            foreach (var file in new DirectoryInfo(wal).EnumerateFiles())
                try { heartbeat.WalBytes += (ulong)file.Length; }
                catch (FileNotFoundException) { } // recycled meanwhile
            heartbeat.ReadyCount = (uint)Directory.EnumerateFiles(Path.Combine(wal, "archive_status"), "*.ready").Count();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException) { } // not there, or not ours to see: 0 says so
        heartbeat.Conflict = RefusedWal.Find(state, wal, context.Log);
    }
}
