using Holdfast.Core.Repository.Packs;

namespace Holdfast.Agent.Backup;

/// <summary>Stores one worker's packs in their order, and what they hold in index blobs of some MiB. One call at a time.</summary>
internal sealed class WorkerBlobs(AttemptBlobs blobs, int worker, Action<string> warn)
{
    private readonly ExtentsBuilder _extents = new();

    /// <summary>Index blobs stored so far.</summary>
    public int IndexCount { get; private set; }

    /// <summary>Stores a pack, then, when enough has gathered, an index blob.</summary>
    public async Task PutPackAsync(SealedPack pack, CancellationToken cancellationToken)
    {
        var stored = await blobs.StoreAsync(pack, cancellationToken).ConfigureAwait(false);
        foreach (var junk in stored.Junk) warn($"blob {junk.Blob} is junk and was left alone: {junk.Reason}");
        _extents.Add(pack);
        if (_extents.IsFull) await FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Stores the last index blob.</summary>
    public Task FinishAsync(CancellationToken cancellationToken) => _extents.IsEmpty ? Task.CompletedTask : FlushAsync(cancellationToken);

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        await blobs.StoreExtentsAsync(worker, IndexCount, _extents.Take(), cancellationToken).ConfigureAwait(false);
        IndexCount++;
    }
}
