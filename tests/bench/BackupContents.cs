using Holdfast.Tests.Fixtures;
using Npgsql;

namespace Holdfast.Bench;

/// <summary>What the backed-up cluster holds.</summary>
public static class BackupContents
{
    private const int Scale = 100;
    private const int PayloadBytes = 1990; // four rows fill a page
    private const int Tables = 4;
    private const int RowsPerTable = 131_072; // with the payload above, 256 MiB

    /// <summary>Compressible: pgbench's tables, 1.5 GiB that shrink to a twentieth. Incompressible: 1 GiB of random bytes, in tables of four files.</summary>
    public static async Task LoadAsync(PostgresServer server, string variant)
    {
        if (variant == "compressible") await server.RunClientAsync("pgbench", "--initialize", $"--scale={Scale}", "--quiet");
        else for (var table = 1; table <= Tables; table++) await FillAsync(server, $"noise{table}");
        await server.ExecuteAsync("VACUUM (FREEZE, ANALYZE)");
        await server.ExecuteAsync("CHECKPOINT");
    }

    /// <summary>One number that stands for every row of every table.</summary>
    public static async Task<string> FingerprintAsync(PostgresServer server)
    {
        var tables = await server.ScalarAsync<string[]>("SELECT array_agg(relname::text ORDER BY relname) FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace");
        var sums = new List<string>();
        foreach (var table in tables) sums.Add(await server.ScalarAsync<string>($"SELECT '{table}:' || count(*) || ':' || coalesce(sum(hashtextextended({table}::text, 0)::numeric), 0) FROM {table}"));
        return string.Join(' ', sums);
    }

    private static async Task FillAsync(PostgresServer server, string table)
    {
        await using var connection = await server.ConnectAsync();
        await using (var create = new NpgsqlCommand($"CREATE TABLE {table} (noise bytea); ALTER TABLE {table} ALTER noise SET STORAGE PLAIN", connection)) await create.ExecuteNonQueryAsync();
        await using var rows = await connection.BeginBinaryImportAsync($"COPY {table} FROM STDIN (FORMAT binary)");
        for (var row = 0; row < RowsPerTable; row++)
        {
            var noise = new byte[PayloadBytes];
            Random.Shared.NextBytes(noise);
            await rows.StartRowAsync();
            await rows.WriteAsync(noise);
        }
        await rows.CompleteAsync();
    }
}
