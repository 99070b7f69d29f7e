using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>
/// Lists the WAL of one history into a <see cref="WalInventory"/>, page by page. Names do not say how large a segment is: signed heads of some
/// do (<see cref="WalFolderSizes"/>), and where wal_segment_size changed, those of more in the 4 GiB around.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Whose word on the segment size counts.</param>
/// <param name="system">The history.</param>
public sealed class WalListing(IObjectStore data, ISignerTrust trust, SystemIdentifier system)
{
    // 400 TB of WAL; junk beyond them must not fill the memory.
    private const int FoldersKept = 100_000;

    private readonly List<WalFolder> _folders = [];

    /// <summary>Committed backups: what they need is looked at, wherever it lies between.</summary>
    public IEnumerable<LoggedBackup> Backups { get; init; } = [];

    /// <summary>Lists.</summary>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<WalInventory> ReadAsync(CancellationToken cancellationToken)
    {
        var inventory = new WalInventory();
        var prefix = BlobNames.WalPrefix(system);
        await foreach (var entry in data.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            var (name, properties) = (entry.Name[prefix.Length..], entry.Properties);
            if (!TryKeep(name, properties)) inventory.AddOther(name, properties.Length);
        }
        var backups = Backups.Where(backup => backup.System == system)
            .Select(backup => new WalPosition(backup.Facts.Timeline, backup.Facts.StartLsn));
        var sizes = new WalFolderSizes(data, trust, system);
        var found = await sizes.FindAsync(_folders, [.. backups], cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < _folders.Count; i++)
        {
            if (found[i] is { } size) inventory.Add(_folders[i], size);
            else await AddMixedAsync(inventory, sizes, _folders[i], cancellationToken).ConfigureAwait(false);
        }
        _folders.Clear();
        return inventory;
    }

    private bool TryKeep(string name, BlobProperties properties)
    {
        if (_folders is not [.., var last] || !name.StartsWith(last.Prefix, StringComparison.Ordinal))
        {
            if (_folders.Count == FoldersKept || WalFolder.Of(name) is not { } folder) return false;
            _folders.Add(folder);
        }
        else if (!WalInventory.IsSegment(name)) return false;
        _folders[^1].Add(name, properties.Length, properties.LastModified);
        return true;
    }

    private async Task AddMixedAsync(WalInventory inventory, WalFolderSizes sizes, WalFolder folder, CancellationToken cancellationToken)
    {
        var prefix = BlobNames.WalPrefix(system);
        var names = new List<(string Name, BlobProperties Properties)>();
        await foreach (var entry in data.ListAsync(prefix + folder.Prefix, cancellationToken).ConfigureAwait(false))
            if (WalInventory.IsSegment(entry.Name.AsSpan(prefix.Length))) names.Add((entry.Name[prefix.Length..], entry.Properties));
        var found = await new WalMixedFolder(sizes, [.. names.Select(one => one.Name)]).FindAsync(cancellationToken).ConfigureAwait(false);
        foreach (var ((name, properties), size) in names.Zip(found)) inventory.Add(name, properties.Length, properties.LastModified, size);
    }
}
