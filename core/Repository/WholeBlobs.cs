using System.Globalization;

namespace Holdfast.Core.Repository;

/// <summary>Reading blobs whose size is not known beforehand.</summary>
public static class WholeBlobs
{
    /// <summary>
    /// Reads a whole blob; null when it is absent. One request when it is no longer than <paramref name="firstLength"/>, which should therefore
    /// cover the usual case; asking for more than there is costs nothing.
    /// </summary>
    /// <param name="store">The container.</param>
    /// <param name="name">The blob's name.</param>
    /// <param name="firstLength">What the first request asks for, 1 to 64 MiB.</param>
    /// <param name="maxLength">What the caller is ready to hold; checked before it is allocated.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="DamagedException">Longer than <paramref name="maxLength"/>.</exception>
    /// <exception cref="StoreException">As for <see cref="IObjectStore.ReadAsync"/>; or the blob changed or went away between two requests.</exception>
    public static async Task<BlobBytes?> ReadWholeAsync(
        this IObjectStore store, string name, int firstLength, int maxLength, CancellationToken cancellationToken)
    {
        var first = await store.ReadAsync(name, 0, Math.Min(firstLength, maxLength), cancellationToken).ConfigureAwait(false);
        if (first is null || first.Bytes.Length == first.Properties.Length) return first;
        if (first.Properties.Length > maxLength)
            throw new DamagedException(string.Create(CultureInfo.InvariantCulture,
                $"could not read \"{name}\" in {store.DisplayName}: it has {first.Properties.Length} bytes, expected {maxLength} at most"));
        var whole = GC.AllocateUninitializedArray<byte>((int)first.Properties.Length);
        first.Bytes.CopyTo(whole);
        for (var filled = first.Bytes.Length; filled < whole.Length;)
        {
            var next = await store.ReadAsync(name, filled, Math.Min(whole.Length - filled, AzureBlobStore.MaxReadBytes), cancellationToken).ConfigureAwait(false);
            if (next is null || next.ETag != first.ETag || next.Bytes.Length == 0)
                throw new StoreException($"could not read \"{name}\" in {store.DisplayName}: it changed or went away while it was being read");
            next.Bytes.CopyTo(whole.AsMemory(filled));
            filled += next.Bytes.Length;
        }
        return first with { Bytes = whole };
    }
}
