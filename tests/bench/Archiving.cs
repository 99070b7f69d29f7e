using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>
/// The server's archive_command, set while it runs: each tool archives the WAL of its own backups by its own command, and waits for it,
/// as in production. It is in no setting of the command line, which would win over this one.
/// </summary>
public static class Archiving
{
    /// <summary>Lets what is waiting go, then archives by <paramref name="command"/>; returns when the first segment has gone that way.</summary>
    public static async Task SwitchToAsync(PostgresServer server, string command)
    {
        await FinishSegmentAsync(server);
        await server.ExecuteAsync($"ALTER SYSTEM SET archive_command = '{command.Replace("'", "''", StringComparison.Ordinal)}'");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
        await Task.Delay(500); // until the archiver has seen the signal, which nothing tells
        await FinishSegmentAsync(server);
    }

    private static async Task FinishSegmentAsync(PostgresServer server)
    {
        await server.ExecuteAsync("SELECT pg_logical_emit_message(false, 'bench', 'so that there is something to switch')");
        var segment = await server.ScalarAsync<string>("SELECT pg_walfile_name(pg_switch_wal())");
        for (var tries = 0; tries < 600; tries++, await Task.Delay(100))
        {
            if (File.Exists(Path.Combine(server.DataFolder, "pg_wal", "archive_status", segment + ".done"))) return;
        }
        throw new TimeoutException($"segment {segment} was not archived within a minute:\n{server.Log}");
    }
}
