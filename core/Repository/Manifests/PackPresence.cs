using Holdfast.Core.Repository.Packs;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>Whether packs are there, with their lengths, by listings alone: a request for thousands of them.</summary>
public static class PackPresence
{
    /// <summary>Looks for each.</summary>
    /// <param name="data">The data container.</param>
    /// <param name="packs">Which, in any order.</param>
    /// <param name="report">Told of each that is missing or of another length; the error names it.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public static async Task CheckAsync(IObjectStore data, IEnumerable<StoredPack> packs, Action<StoredPack, DamagedException> report, CancellationToken cancellationToken)
    {
        foreach (var ofWorker in packs.GroupBy(pack => (pack.Attempt, pack.Worker)))
        {
            await using var listing = new PackListing(data, ofWorker.Key.Attempt, ofWorker.Key.Worker, cancellationToken);
            foreach (var pack in ofWorker.OrderBy(pack => pack.Number))
                try { await listing.ExpectAsync(pack).ConfigureAwait(false); }
                catch (DamagedException e) { report(pack, e); }
        }
    }
}
