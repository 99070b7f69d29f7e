using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Unicode;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Npgsql;

namespace Holdfast.Agent.Backup;

/// <summary>A database that allows connections.</summary>
/// <param name="Oid">Its OID.</param>
/// <param name="Name">Its name as the server has it: bytes of some encoding, or of none.</param>
internal readonly record struct ConnectableDatabase(uint Oid, byte[] Name)
{
    /// <summary>Its name as a session is asked for; null when it is no UTF-8, since Npgsql asks in UTF-8 alone.</summary>
    public string? NameToConnect => Utf8.IsValid(Name) ? Encoding.UTF8.GetString(Name) : null;

    /// <inheritdoc/>
    public override string ToString() => RawFiles.Display(Name);
}

/// <summary>What a database's catalog says of one relation with files of its own.</summary>
/// <param name="Oid">pg_class.oid</param>
/// <param name="Tablespace">OID of the tablespace it lies in; the database's default is resolved.</param>
/// <param name="FileNode">The number in its files' names; mapped relations, too.</param>
/// <param name="Schema">Its schema, in the database's encoding.</param>
/// <param name="Name">Its name, in the database's encoding.</param>
/// <param name="Kind">pg_class.relkind</param>
/// <param name="RowEstimate">pg_class.reltuples; -1: never analysed.</param>
internal readonly record struct CatalogRelation(
    uint Oid, uint Tablespace, uint FileNode, byte[] Schema, byte[] Name, byte Kind, long RowEstimate);

/// <summary>Reads the catalogs of a server, a database at a time: WAL and files know relations by numbers only.</summary>
internal static class DatabaseCatalog
{
    // A database with a connection limit of -2 was dropped halfway, and takes no session.
    private const string DatabasesQuery = "SELECT oid, datname FROM pg_database WHERE datallowconn AND datconnlimit <> -2 ORDER BY oid";

    // reltablespace 0 is the database's default. pg_relation_filenode answers for mapped relations, too, whose relfilenode is 0; and NULL
    // for one that is dropped meanwhile.
    private const string RelationsQuery = """
        SELECT c.oid, CASE WHEN c.reltablespace = 0 THEN d.dattablespace ELSE c.reltablespace END, coalesce(pg_relation_filenode(c.oid), 0),
               n.nspname, c.relname, ascii(c.relkind::text), c.reltuples::float8
        FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN pg_database d ON d.datname = current_database()
        WHERE c.relpersistence <> 't' AND pg_relation_filenode(c.oid) IS NOT NULL
        """;

    /// <summary>Databases that allow connections, in the order of their OIDs.</summary>
    /// <exception cref="ConfigurationException">They cannot be listed.</exception>
    public static async Task<IReadOnlyList<ConnectableDatabase>> DatabasesAsync(ResolvedOptions options, CancellationToken cancellationToken)
    {
        var databases = new List<ConnectableDatabase>();
        var rows = RowsAsync(
            options, null, DatabasesQuery, row => new ConnectableDatabase(Oid(row, 0), ServerConnection.Bytes(row, 1)!), cancellationToken);
        await foreach (var database in rows.ConfigureAwait(false)) databases.Add(database);
        return databases;
    }

    /// <summary>The relations of a database, in no order.</summary>
    /// <exception cref="ConfigurationException">The database cannot be connected to, or read.</exception>
    public static IAsyncEnumerable<CatalogRelation> RelationsAsync(
        ResolvedOptions options, ConnectableDatabase database, CancellationToken cancellationToken) =>
        RowsAsync(options, database.NameToConnect ?? throw NotUtf8(), RelationsQuery, RelationOf, cancellationToken);

    private static CatalogRelation RelationOf(NpgsqlDataReader row) => new(
        Oid(row, 0), Oid(row, 1), Oid(row, 2), ServerConnection.Bytes(row, 3)!, ServerConnection.Bytes(row, 4)!, (byte)row.GetInt32(5),
        (long)row.GetDouble(6));

    private static uint Oid(NpgsqlDataReader row, int column) => row.GetFieldValue<uint>(column);

    private static async IAsyncEnumerable<T> RowsAsync<T>(
        ResolvedOptions options, string? database, string sql, Func<NpgsqlDataReader, T> read,
        [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Task<ServerConnection> OpenAsync() => ServerConnection.OpenAsync(options, "holdfast backup: catalog", cancellationToken, database);
        var connection = await TryAsync(OpenAsync, cancellationToken).ConfigureAwait(false);
        await using var closing = connection.ConfigureAwait(false);
        var command = new NpgsqlCommand(sql, connection.Session);
        await using var disposing = command.ConfigureAwait(false);
        var reader = await TryAsync(() => command.ExecuteReaderAsync(cancellationToken), cancellationToken).ConfigureAwait(false);
        await using var ending = reader.ConfigureAwait(false);
        while (await TryAsync(() => reader.ReadAsync(cancellationToken), cancellationToken).ConfigureAwait(false))
            yield return await TryAsync(() => Task.FromResult(read(reader)), cancellationToken).ConfigureAwait(false);
    }

    // Whatever it is, it is no reason to have no backup: callers say it and go on.
    private static async Task<T> TryAsync<T>(Func<Task<T>> call, CancellationToken cancellationToken)
    {
        try { return await call().ConfigureAwait(false); }
        catch (Exception e) when (e is not HoldfastException && !cancellationToken.IsCancellationRequested)
        {
            throw new ConfigurationException($"reading a database's catalog: {ServerFailure.TextOf(e)}", "see the server's log", e);
        }
    }

    private static ConfigurationException NotUtf8() => new(
        "its name is no UTF-8, and a session can be asked for in UTF-8 alone",
        "ALTER DATABASE … RENAME TO … gives it another name; its data is in the backup all the same");
}
