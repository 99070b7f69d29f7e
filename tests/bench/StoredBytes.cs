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

    /// <summary>The bytes of the blobs whose name starts with <paramref name="prefix"/> and contains <paramref name="part"/>.</summary>
    public static async Task<long> SumAsync(BlobContainerClient container, string prefix, string part = "")
    {
        var sum = 0L;
        await foreach (var blob in container.GetBlobsAsync(BlobTraits.None, BlobStates.None, prefix, default))
        {
            if (blob.Name.Contains(part, StringComparison.Ordinal)) sum += blob.Properties.ContentLength ?? 0;
        }
        return sum;
    }
}
