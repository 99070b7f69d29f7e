using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Lists the WAL of one history into a <see cref="WalInventory"/>, page by page.</summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Whose word on the segment size counts.</param>
/// <param name="system">The history.</param>
public sealed class WalListing(IObjectStore data, ISignerTrust trust, SystemIdentifier system)
{
    // A head is read only until one counts; more are needed only when somebody put junk before the first segment.
    private const int HeadsTried = 16;

    // Foreign names before the first segment must not fill the memory.
    private const int NamesKept = 100_000;

    private readonly List<(string Name, BlobProperties Properties)> _waiting = [];
    private WalSegmentSize? _unsigned;
    private int _heads;

    /// <summary>Lists. The segment size is that of the first stored segment that counts; <see cref="WalSegmentSize.Default"/> when there is none.</summary>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<WalInventory> ReadAsync(CancellationToken cancellationToken)
    {
        WalInventory? inventory = null;
        var prefix = BlobNames.WalPrefix(system);
        await foreach (var entry in data.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
        {
            var name = entry.Name[prefix.Length..];
            if (inventory is null && WalInventory.IsSegment(name) && await SizeAsync(entry.Name, name, cancellationToken).ConfigureAwait(false) is { } size)
                inventory = Start(size);
            if (_waiting.Count == NamesKept) inventory ??= Start(_unsigned ?? WalSegmentSize.Default);
            if (inventory is null) _waiting.Add((name, entry.Properties));
            else inventory.Add(name, entry.Properties.Length, entry.Properties.LastModified);
        }
        return inventory ?? Start(_unsigned ?? WalSegmentSize.Default);
    }

    private WalInventory Start(WalSegmentSize size)
    {
        var inventory = new WalInventory(size);
        foreach (var (name, properties) in _waiting) inventory.Add(name, properties.Length, properties.LastModified);
        _waiting.Clear();
        return inventory;
    }

    /// <summary>The segment size, if this segment's head tells it; null to ask the next one.</summary>
    private async Task<WalSegmentSize?> SizeAsync(string blobName, string name, CancellationToken cancellationToken)
    {
        SealedBlob? blob;
        try { blob = await SealedBlob.ReadHeadAsync(data, blobName, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false); }
        catch (SealedObjectException) { blob = null; }
        if (blob is { Head.Prefix: { Kind: SealedKind.WalSegment } prefix } && WalSegmentSize.IsValid(prefix.PlainLength))
        {
            var size = new WalSegmentSize(prefix.PlainLength);
            _unsigned ??= size;
            if (WalSegmentName.TryParse(name.AsSpan(18, WalSegmentName.Length), size, out var segment)
                && (await trust.JudgeAsync(blob.Head, WalScope.Of(system, segment), cancellationToken).ConfigureAwait(false)).Counts)
                return size;
        }
        return ++_heads < HeadsTried ? null : _unsigned ?? WalSegmentSize.Default;
    }
}
