using Holdfast.Core.Postgres;

namespace Holdfast.Core.Repository;

/// <summary>What a listing says of the archive: names only. Whether an object counts, its head says.</summary>
public static class StoredSegments
{
    /// <summary>The segments of a system below a prefix, each once, in the order of their names; what lies beside them (.1, .partial, .damaged) is left out.</summary>
    public static async Task<IReadOnlyList<WalSegmentName>> ListAsync(
        IObjectStore data, string prefix, WalSegmentSize size, CancellationToken cancellationToken)
    {
        var segments = new List<WalSegmentName>();
        await foreach (var blob in data.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
            if (WalSegmentName.TryParse(blob.Name.AsSpan(blob.Name.LastIndexOf('/') + 1), size, out var segment)) segments.Add(segment);
        return segments;
    }
}
