using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Npgsql;

namespace Holdfast.Agent.Backup;

/// <summary>A database that a session can be opened in.</summary>
/// <param name="Oid">Its OID.</param>
/// <param name="Name">Its name.</param>
/// <param name="Tablespace">OID of its default tablespace.</param>
internal readonly record struct ConnectableDatabase(uint Oid, string Name, uint Tablespace);

/// <summary>What a database's catalog says of one relation with files of its own.</summary>
/// <param name="Oid">pg_class.oid</param>
/// <param name="Tablespace">OID of the tablespace it lies in; the database's default is resolved.</param>
/// <param name="FileNode">The number in its files' names; mapped relations, too.</param>
/// <param name="Schema">Its schema.</param>
/// <param name="Name">Its name.</param>
/// <param name="Kind">pg_class.relkind</param>
/// <param name="RowEstimate">pg_class.reltuples; -1: never analysed.</param>
internal readonly record struct CatalogRelation(uint Oid, uint Tablespace, uint FileNode, string Schema, string Name, byte Kind, long RowEstimate);

/// <summary>Reads the catalogs of a server, a database at a time: WAL and files know relations by numbers only.</summary>
internal static class DatabaseCatalog
{
    // reltablespace 0 is the database's default. pg_relation_filenode answers for mapped relations, too, whose relfilenode is 0.
    private const string RelationsQuery = """
        SELECT c.oid, CASE WHEN c.reltablespace = 0 THEN d.dattablespace ELSE c.reltablespace END, pg_relation_filenode(c.oid), n.nspname, c.relname, c.relkind, c.reltuples::float8
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_database d ON d.datname = current_database()
        WHERE c.relpersistence <> 't' AND pg_relation_filenode(c.oid) IS NOT NULL
        """;

    /// <summary>Databases that allow connections, in the order of their OIDs.</summary>
    public static async Task<IReadOnlyList<ConnectableDatabase>> DatabasesAsync(ResolvedOptions options, CancellationToken cancellationToken)
    {
        var connection = await ServerConnection.OpenAsync(options, "holdfast backup: catalog", cancellationToken).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
        {
            var databases = new List<ConnectableDatabase>();
            await foreach (var row in RowsAsync(connection, "SELECT oid, datname, dattablespace FROM pg_database WHERE datallowconn ORDER BY oid", cancellationToken).ConfigureAwait(false))
                databases.Add(new ConnectableDatabase(row.GetFieldValue<uint>(0), row.GetString(1), row.GetFieldValue<uint>(2)));
            return databases;
        }
    }

    /// <summary>The relations of a database, in no order.</summary>
    /// <exception cref="ConfigurationException">The database cannot be connected to, or read.</exception>
    public static async IAsyncEnumerable<CatalogRelation> RelationsAsync(
        ResolvedOptions options, ConnectableDatabase database, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var connection = await ServerConnection.OpenAsync(options, "holdfast backup: catalog", cancellationToken, database.Name).ConfigureAwait(false);
        await using (connection.ConfigureAwait(false))
            await foreach (var row in RowsAsync(connection, RelationsQuery, cancellationToken).ConfigureAwait(false))
                yield return new CatalogRelation(row.GetFieldValue<uint>(0), row.GetFieldValue<uint>(1), row.GetFieldValue<uint>(2), row.GetString(3), row.GetString(4), (byte)row.GetChar(5),
                    (long)row.GetDouble(6));
    }

    private static async IAsyncEnumerable<NpgsqlDataReader> RowsAsync(
        ServerConnection connection, string sql, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var command = new NpgsqlCommand(sql, connection.Session);
        await using (command.ConfigureAwait(false))
        {
            var reader = await TryAsync(() => command.ExecuteReaderAsync(cancellationToken)).ConfigureAwait(false);
            await using (reader.ConfigureAwait(false))
                while (await TryAsync(() => reader.ReadAsync(cancellationToken)).ConfigureAwait(false)) yield return reader;
        }
    }

    private static async Task<T> TryAsync<T>(Func<Task<T>> call)
    {
        try { return await call().ConfigureAwait(false); }
        catch (NpgsqlException e) { throw new ConfigurationException($"reading a database's catalog: {e.GetBaseException().Message}", "see the server's log", e); }
    }
}
