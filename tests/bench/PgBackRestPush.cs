using Azure.Storage.Blobs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>pgBackRest's synchronous archive-push, encrypted, zstd 3: what a user who cares would set.</summary>
public sealed class PgBackRestPush(string program, AzuriteServer azurite, PostgresServer server, ScratchFolder scratch) : IPushTool
{
    private const string Container = "pgbackrest";

    private string ConfigurationFile => scratch["pgbackrest.conf"];

    /// <inheritdoc/>
    public string Name { get; } = RunProcess.RunAsync([program, "version"]).GetAwaiter().GetResult().MustExit().Output.Trim();

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" };

    /// <inheritdoc/>
    public string[] Command(string segment) => [program, $"--config={ConfigurationFile}", "--stanza=shop", "archive-push", segment];

    /// <inheritdoc/>
    public async Task PrepareAsync(int round)
    {
        var blobs = new BlobServiceClient(azurite.ConnectionString, new BlobClientOptions { Transport = azurite.CreateTransport() });
        await blobs.GetBlobContainerClient(Container).CreateIfNotExistsAsync();
        await File.WriteAllTextAsync(ConfigurationFile, Configuration(round));
        (await RunProcess.RunAsync([program, $"--config={ConfigurationFile}", "--stanza=shop", "stanza-create"])).MustExit();
    }

    private string Configuration(int round) => $"""
        [global]
        repo1-type=azure
        repo1-path=/round-{round}
        repo1-azure-account={azurite.AccountName}
        repo1-azure-key={azurite.AccountKey}
        repo1-azure-container={Container}
        repo1-azure-uri-style=path
        repo1-storage-host={azurite.BlobEndpoint.Host}
        repo1-storage-port={azurite.BlobEndpoint.Port}
        repo1-storage-ca-file={azurite.CaFile}
        repo1-cipher-type=aes-256-cbc
        repo1-cipher-pass={azurite.AccountKey}
        compress-type=zst
        compress-level=3
        process-max=2
        archive-async=n
        lock-path={scratch["lock"]}
        log-path={scratch["log"]}
        spool-path={scratch["spool"]}
        log-level-file=off
        [shop]
        pg1-path={server.DataFolder}
        pg1-socket-path={server.SocketFolder}
        pg1-user=postgres

        """;
}
