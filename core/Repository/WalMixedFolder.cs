using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;

namespace Holdfast.Core.Repository;

/// <summary>
/// A folder with segments of several sizes: finds the size of each of its names. Read are the heads at both ends of neighbouring names and of all that share a
/// name, which are of different sizes; and between two that differ, of those in the middle. So thousands of small segments behind a few large ones cost
/// a few heads.
/// </summary>
/// <param name="sizes">Reads heads.</param>
/// <param name="names">All names of segments, and <c>{segment}.{n}</c>, below <c>{s}/wal/</c>, in ordinal order.</param>
internal sealed class WalMixedFolder(WalFolderSizes sizes, IReadOnlyList<string> names)
{
    private const int ReadAhead = 8;

    private readonly WalSegmentSize?[] _found = new WalSegmentSize?[names.Count];

    /// <summary>The size of each name, in their order; what does not count has that of a neighbour: whoever reads it is told.</summary>
    /// <param name="cancellationToken">Cancels.</param>
    public async Task<IReadOnlyList<WalSegmentSize>> FindAsync(CancellationToken cancellationToken)
    {
        var asked = Enumerable.Range(0, names.Count).Where(at => !IsJoined(at - 1) || !IsJoined(at) || IsShared(at)).ToList();
        foreach (var some in asked.Chunk(ReadAhead)) await Task.WhenAll(some.Select(at => ReadAsync(at, cancellationToken))).ConfigureAwait(false);
        for (var i = 1; i < asked.Count; i++) await SplitAsync(asked[i - 1], asked[i], cancellationToken).ConfigureAwait(false);
        var before = Array.Find(_found, size => size is not null) ?? WalSegmentSize.Default;
        return [.. _found.Select(size => before = size ?? before)];
    }

    private async Task ReadAsync(int at, CancellationToken cancellationToken) =>
        _found[at] = await sizes.SizeOfAsync(names[at], cancellationToken).ConfigureAwait(false);

    private async Task SplitAsync(int low, int high, CancellationToken cancellationToken)
    {
        if (high - low <= 1) return;
        if (_found[low] == _found[high])
        {
            Array.Fill(_found, _found[low], low, high - low);
            return;
        }
        var middle = (low + high) / 2;
        await ReadAsync(middle, cancellationToken).ConfigureAwait(false);
        _found[middle] ??= _found[low];
        await SplitAsync(low, middle, cancellationToken).ConfigureAwait(false);
        await SplitAsync(middle, high, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Whether a name is followed by its neighbour, or by one that shares it.</summary>
    private bool IsJoined(int at) => at >= 0 && at + 1 < names.Count && Digits(at + 1) - Digits(at) <= 1;

    private bool IsShared(int at) => (at > 0 && Digits(at - 1) == Digits(at)) || (at + 1 < names.Count && Digits(at + 1) == Digits(at));

    private uint Digits(int at) => WalFolder.DigitsOf(names[at]);
}
