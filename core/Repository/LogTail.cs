namespace Holdfast.Core.Repository;

/// <summary>
/// Finds the last of the densely numbered blobs of a log: gallops from what is known (+1, +2, +4, …) to the first absent number, then
/// bisects. About
/// 2·log₂(distance) probes, and exactly one when nothing is new. Names alone, no trust: whoever reads the entries checks them.
/// </summary>
internal static class LogTail
{
    /// <summary>The number of the last entry at or after <paramref name="known"/>, which is taken to exist; −1: begin from
    /// nothing.</summary>
    public static async Task<long> FindAsync(IObjectStore store, long known, CancellationToken cancellationToken)
    {
        long present = known, step = 1;
        while (await ExistsAsync(store, present + step, cancellationToken).ConfigureAwait(false))
        {
            present += step;
            step *= 2;
        }

        var absent = present + step;
        while (absent - present > 1)
        {
            var middle = present + (absent - present) / 2;
            if (await ExistsAsync(store, middle, cancellationToken).ConfigureAwait(false)) present = middle;
            else absent = middle;
        }

        return present;
    }

    /// <summary>One probe.</summary>
    public static async Task<bool> ExistsAsync(IObjectStore store, long number, CancellationToken cancellationToken) =>
        number <= LogEntry.MaxNumber
        && await store.GetPropertiesAsync(LogEntry.BlobName(number), cancellationToken).ConfigureAwait(false) is not null;
}
