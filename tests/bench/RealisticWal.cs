using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>WAL as a busy server writes it: a third bulk load and index build, the rest small transactions with full-page images.</summary>
public static class RealisticWal
{
    /// <summary>Starts a server that archives into <paramref name="archive"/>, loads it, and returns the segments to push, oldest first.</summary>
    public static async Task<string[]> MakeAsync(PostgresServer server, string archive, int count)
    {
        await server.RunClientAsync("pgbench", "--initialize", "--scale=50", "--quiet");
        await server.ExecuteAsync("SELECT pg_switch_wal()");
        var bulk = await ArchivedAsync(server, archive, 1);
        var loadedUntil = bulk[^1];
        string[] load = [];
        while (load.Length < count - (count / 3))
        {
            // Every checkpoint makes the next change of a page carry its whole image.
            await server.ExecuteAsync("CHECKPOINT");
            await server.RunClientAsync("pgbench", "--client=4", "--jobs=2", "--time=10", "--no-vacuum");
            load = [.. (await ArchivedAsync(server, archive, bulk.Length)).Where(segment => string.CompareOrdinal(segment, loadedUntil) > 0)];
        }
        return [.. bulk.Take(count / 3), .. load.Take(count - (count / 3))];
    }

    private static async Task<string[]> ArchivedAsync(PostgresServer server, string archive, int atLeast)
    {
        var written = await server.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_lsn() - 1)");
        for (var waited = 0; waited < 600; waited++)
        {
            var segments = Directory.GetFiles(archive, new string('?', 24)).Order(StringComparer.Ordinal).ToArray();
            var waiting = Directory.GetFiles(Path.Combine(server.DataFolder, "pg_wal", "archive_status"), "*.ready").Length;
            if (waiting == 0 && segments.Length >= atLeast)
            {
                return segments;
            }
            await Task.Delay(100);
        }
        throw new TimeoutException($"the WAL before {written} was not archived within a minute:\n{server.Log}");
    }
}
