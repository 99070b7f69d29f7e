using Azure.Storage.Blobs;
using Azure.Storage.Blobs.Models;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>What blobs take in the store.</summary>
public static class StoredBytes
{
    /// <summary>A container, by the account's key.</summary>
    public static BlobContainerClient Container(AzuriteServer azurite, string name) =>
        new BlobServiceClient(azurite.ConnectionString, new BlobClientOptions { Transport = azurite.CreateTransport() }).GetBlobContainerClient(name);

    /// <summary>The bytes of all blobs whose name starts with <paramref name="prefix"/>.</summary>
    public static async Task<long> SumAsync(BlobContainerClient container, string prefix) => (await ByKindAsync(container, prefix, _ => "")).Values.Sum();

    /// <summary>The same, summed by what <paramref name="kindOf"/> makes of a name; null leaves the blob out.</summary>
    public static async Task<Dictionary<string, long>> ByKindAsync(BlobContainerClient container, string prefix, Func<string, string?> kindOf)
    {
        var sums = new Dictionary<string, long>();
        await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, default))
        {
            if (kindOf(blob.Name) is { } kind) sums[kind] = sums.GetValueOrDefault(kind) + (blob.Properties.ContentLength ?? 0);
        }
        return sums;
    }
}
