using Google.Protobuf;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Repository.Packs;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Backup;

/// <summary>
/// Stores what every database's catalog calls its relations: a help for people who restore. Whatever of it cannot be read is said, and left
/// out: the data is backed up all the same.
/// </summary>
internal sealed class CatalogStorer(ResolvedOptions options, AttemptBlobs blobs, Action<string> warn)
{
    // Some MiB of names, and bounded memory for a database with a million partitions.
    private const int RowsOfBlob = 20_000;

    private int _count;

    /// <summary>Stores them; returns how many blobs.</summary>
    /// <exception cref="StoreException">The store does not take them.</exception>
    public async Task<int> RunAsync(CancellationToken cancellationToken)
    {
        foreach (var database in await ListAsync(cancellationToken).ConfigureAwait(false))
        {
            try { await StoreAsync(database, cancellationToken).ConfigureAwait(false); }
            catch (ConfigurationException e)
            {
                warn($"the catalog of database {database} is not in the backup, so its tables will be known by number only: {e.Message}");
            }
        }
        return _count;
    }

    private async Task<IReadOnlyList<ConnectableDatabase>> ListAsync(CancellationToken cancellationToken)
    {
        try { return await DatabaseCatalog.DatabasesAsync(options, cancellationToken).ConfigureAwait(false); }
        catch (ConfigurationException e)
        {
            warn($"the catalogs of all databases are not in the backup, so tables will be known by number only: {e.Message}");
            return [];
        }
    }

    private async Task StoreAsync(ConnectableDatabase database, CancellationToken cancellationToken)
    {
        var snapshot = New(database);
        var kinds = new List<byte>();
        await foreach (var relation in DatabaseCatalog.RelationsAsync(options, database, cancellationToken).ConfigureAwait(false))
        {
            if (relation.FileNode == 0) continue; // dropped meanwhile
            snapshot.Oid.Add(relation.Oid);
            snapshot.Tablespace.Add(relation.Tablespace);
            snapshot.FileNode.Add(relation.FileNode);
            snapshot.Schema.Add(ByteString.CopyFrom(relation.Schema));
            snapshot.Name.Add(ByteString.CopyFrom(relation.Name));
            snapshot.RowEstimate.Add(relation.RowEstimate);
            kinds.Add(relation.Kind);
            if (kinds.Count == RowsOfBlob) snapshot = await StoreAsync(snapshot, kinds, database, cancellationToken).ConfigureAwait(false);
        }
        if (kinds.Count > 0) await StoreAsync(snapshot, kinds, database, cancellationToken).ConfigureAwait(false);
    }

    private async Task<Wire.CatalogSnapshot> StoreAsync(Wire.CatalogSnapshot snapshot, List<byte> kinds, ConnectableDatabase database, CancellationToken cancellationToken)
    {
        snapshot.Kind = ByteString.CopyFrom([.. kinds]);
        await blobs.StoreCatalogAsync(_count++, snapshot, cancellationToken).ConfigureAwait(false);
        kinds.Clear();
        return New(database);
    }

    private static Wire.CatalogSnapshot New(ConnectableDatabase database) =>
        new() { Database = database.Oid, DatabaseName = ByteString.CopyFrom(database.Name) };
}
