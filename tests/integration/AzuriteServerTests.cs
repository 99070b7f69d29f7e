using Azure.Storage.Blobs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

public sealed class AzuriteServerTests
{
    [NeedsFact(Needs.Azurite)]
    public async Task Keeps_a_blob_over_a_stop_and_answers_again_after_a_kill()
    {
        await using var azurite = await AzuriteServer.StartNewAsync();
        var container = Connect(azurite).GetBlobContainerClient("shelf");
        await container.CreateAsync();
        await container.UploadBlobAsync("kept", BinaryData.FromString("words"));

        await azurite.StopAsync();
        await azurite.StartAsync();
        var kept = await container.GetBlobClient("kept").DownloadContentAsync();
        Assert.Equal("words", kept.Value.Content.ToString());

        await azurite.Kill9();
        await azurite.StartAsync();
        Assert.True(await container.GetBlobClient("kept").ExistsAsync());
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Leaves_neither_process_nor_folder_behind()
    {
        var azurite = await AzuriteServer.StartNewAsync();
        var (processId, folder) = (azurite.ProcessId, Path.GetDirectoryName(azurite.CaFile)!);
        Assert.True(RunProcess.Signal(processId, 0));

        await azurite.DisposeAsync();

        Assert.False(RunProcess.Signal(processId, 0));
        Assert.False(Directory.Exists(folder));
    }

    [NeedsFact(Needs.Azurite)]
    public async Task Is_not_trusted_without_its_authority()
    {
        await using var azurite = await AzuriteServer.StartNewAsync();
        using var stranger = new HttpClient();
        await Assert.ThrowsAsync<HttpRequestException>(() => stranger.GetAsync(azurite.BlobEndpoint));
    }

    private static BlobServiceClient Connect(AzuriteServer azurite) =>
        new(azurite.ConnectionString, new BlobClientOptions { Transport = azurite.CreateTransport() });
}
