using Npgsql;

namespace Holdfast.Tests.Fixtures;

/// <summary>Everything a server holds, as text that is equal if and only if the rows are.</summary>
public static class ServerContents
{
    // Files' numbers too: they come from the WAL, so two recoveries must agree on them.
    private const string Relations = """
        SELECT c.oid::regclass::text AS name, c.relfilenode::text AS file, c.relkind IN ('r', 'm', 'S') AS has_rows
        FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
        WHERE (n.nspname NOT IN ('pg_catalog', 'pg_toast', 'information_schema') OR c.relname = 'pg_largeobject') AND relkind <> 'c' AND relpersistence <> 't'
        ORDER BY 1
        """;

    /// <summary>One line for each relation of each database (file number, number of rows, sum of their hashes), and the transactions in doubt.</summary>
    public static async Task<string> DescribeAsync(PostgresServer server)
    {
        var lines = new List<string>();
        var databases = await ReadAsync(server, "postgres", "SELECT datname::text FROM pg_database WHERE datallowconn ORDER BY 1");
        foreach (var database in databases.Select(row => row[0])) lines.AddRange(await DescribeAsync(server, database));
        lines.AddRange((await ReadAsync(server, "postgres", "SELECT gid FROM pg_prepared_xacts ORDER BY 1")).Select(row => $"in doubt: {row[0]}"));
        return string.Join('\n', lines);
    }

    private static async Task<IEnumerable<string>> DescribeAsync(PostgresServer server, string database)
    {
        var relations = await ReadAsync(server, database, Relations);
        var counts = relations.Where(row => row[2] == "True").Select(row =>
            $"SELECT '{row[0]}', count(*)::text, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text FROM (SELECT * FROM {row[0]}) t");
        var rows = (await ReadAsync(server, database, string.Join(" UNION ALL ", counts))).ToDictionary(row => row[0], row => $"{row[1]} rows {row[2]}");
        return relations.Select(row => $"{database}.{row[0]}: file {row[1]} {rows.GetValueOrDefault(row[0])}");
    }

    private static async Task<List<string[]>> ReadAsync(PostgresServer server, string database, string sql)
    {
        await using var connection = await server.ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await using var reader = await command.ExecuteReaderAsync();
        var rows = new List<string[]>();
        while (await reader.ReadAsync()) rows.Add([.. Enumerable.Range(0, reader.FieldCount).Select(column => $"{reader[column]}")]);
        return rows;
    }
}
