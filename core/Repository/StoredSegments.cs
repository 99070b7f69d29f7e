using Holdfast.Core.Postgres;

namespace Holdfast.Core.Repository;

/// <summary>What a listing says of the archive: names only. Whether an object counts, its head says.</summary>
public static class StoredSegments
{
    /// <summary>
    /// How many segments are stored without a gap from <paramref name="first"/> on, at most <paramref name="most"/>. One listing for each folder (4 GiB of WAL)
    /// that has one of them, left at the first segment that is absent.
    /// </summary>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public static async Task<long> CountJoinedAsync(
        IObjectStore data, SystemIdentifier system, WalSegmentName first, long most, CancellationToken cancellationToken)
    {
        var next = first;
        while (Count() < most)
        {
            var folder = next.LogFolder;
            await foreach (var blob in data.ListAsync(BlobNames.WalFolder(system, next), cancellationToken).ConfigureAwait(false))
            {
                // Names decide nothing: what lies in a folder that is not its own is passed over.
                if (SegmentOf(blob.Name, first.Size) is not { } segment || segment.Timeline != first.Timeline || segment.LogFolder != folder) continue;
                if (segment.Number < next.Number) continue;
                if (segment.Number > next.Number) return Count();
                next = next.Next;
                if (Count() == most) return most;
            }
            if (next.LogFolder == folder) return Count();
        }
        return Count();

        long Count() => (long)(next.Number - first.Number);
    }

    /// <summary>The segment of which a blob is a copy (the segment's own name, .1, .damaged); null: it is none of a whole segment.</summary>
    internal static WalSegmentName? SegmentOf(string blob, WalSegmentSize size)
    {
        var file = blob.AsSpan(blob.LastIndexOf('/') + 1);
        if (file.Length < WalSegmentName.Length || !WalSegmentName.TryParse(file[..WalSegmentName.Length], size, out var segment)) return null;
        return IsWhole(file[WalSegmentName.Length..]) ? segment : null;
    }

    private static bool IsWhole(ReadOnlySpan<char> suffix) =>
        suffix.IsEmpty || suffix.StartsWith(".damaged.") || (suffix is ['.', >= '1' and <= '9', ..] && !suffix.EndsWith(".backup"));
}
