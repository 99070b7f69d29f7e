using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Packs;

/// <summary>
/// Stores what one attempt at a backup makes: packs, and the blobs that have everything in their index. All of it is signed by the host; what others
/// put under its names does not count.
/// </summary>
/// <param name="data">The data container.</param>
/// <param name="sealer">Seals for the attempt's run, and signs as the host.</param>
/// <param name="attempt">Which attempt.</param>
public sealed class AttemptBlobs(IObjectStore data, ObjectSealer sealer, BackupAttempt attempt)
{
    private readonly SealedStore _store = new(data);

    /// <summary>Told of junk beside blobs other than packs.</summary>
    public Action<Junk> Report { get; init; } = _ => { };

    /// <summary>Which attempt.</summary>
    public BackupAttempt Attempt => attempt;

    /// <summary>Stores a pack; it can be disposed afterwards.</summary>
    /// <exception cref="RefusedException">Another pack of ours has that name: two processes make this attempt.</exception>
    /// <exception cref="StoreException">Refused or unreachable.</exception>
    public Task<StoredObject> StoreAsync(SealedPack pack, CancellationToken cancellationToken) =>
        _store.StoreAsync(Item(SealedKind.Pack, pack.Pack.Name), pack.Object, cancellationToken);

    /// <summary>Stores extents of some packs of a worker.</summary>
    /// <param name="worker">Which worker.</param>
    /// <param name="number">From 0, without gaps.</param>
    /// <param name="extents">The message (<see cref="ExtentsBuilder"/>).</param>
    /// <param name="cancellationToken">Cancels.</param>
    public Task<StoredObject> StoreExtentsAsync(int worker, int number, Wire.BackupExtents extents, CancellationToken cancellationToken) =>
        StoreAsync(SealedKind.BackupExtents, attempt.Extents(worker, number), new Wire.ObjectIndex { Extents = extents }, cancellationToken);

    /// <summary>Stores a part of the list of files.</summary>
    public Task<StoredObject> StoreFileListAsync(int number, Wire.BackupFileList list, CancellationToken cancellationToken) =>
        StoreAsync(SealedKind.BackupFileList, attempt.FileList(number), new Wire.ObjectIndex { FileList = list }, cancellationToken);

    /// <summary>Stores a part of the catalog snapshot.</summary>
    public Task<StoredObject> StoreCatalogAsync(int number, Wire.CatalogSnapshot snapshot, CancellationToken cancellationToken) =>
        StoreAsync(SealedKind.CatalogSnapshot, attempt.Catalog(number), new Wire.ObjectIndex { Catalog = snapshot }, cancellationToken);

    /// <summary>Stores what is written last. Everything else must be stored by then: who reads it takes the attempt for complete.</summary>
    public Task<StoredObject> StoreFilesAsync(Wire.BackupFiles files, CancellationToken cancellationToken) =>
        StoreAsync(SealedKind.BackupFiles, attempt.Files, new Wire.ObjectIndex { Files = files }, cancellationToken);

    private async Task<StoredObject> StoreAsync(SealedKind kind, string name, Wire.ObjectIndex index, CancellationToken cancellationToken)
    {
        using var none = new FrameSpool(0, "");
        var sealedObject = await sealer.SealAsync(new SealedContent(kind, name, 0), none, index, cancellationToken).ConfigureAwait(false);
        var stored = await _store.StoreAsync(Item(kind, name), sealedObject, cancellationToken).ConfigureAwait(false);
        foreach (var junk in stored.Junk) Report(junk);
        return stored;
    }

    private SealedItem Item(SealedKind kind, string name) => new(kind, name, Signers.Only(sealer.Signer.PublicKey, "this host"), $"blob {name}");
}
