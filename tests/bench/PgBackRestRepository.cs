using Azure.Storage.Blobs;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>pgBackRest as a user who cares would set it: encrypted, zstd 3, bundles, block incremental, two processes.</summary>
public sealed class PgBackRestRepository(string program, AzuriteServer azurite, PostgresServer server, ScratchFolder scratch)
{
    private const string Container = "pgbackrest";

    /// <summary>The whole environment of its commands.</summary>
    public static IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin" };

    /// <summary>Name and version, as it says them.</summary>
    public string Name { get; } = RunProcess.RunAsync([program, "version"]).GetAwaiter().GetResult().MustExit().Output.Trim();

    /// <summary>A command of it; the first element is the program's absolute path.</summary>
    public string[] Command(params ReadOnlySpan<string> words) => [program, $"--config={scratch["pgbackrest.conf"]}", "--stanza=shop", .. words];

    /// <summary>An empty repository with a stanza.</summary>
    public async Task MakeAsync(int round)
    {
        await Blobs.CreateIfNotExistsAsync();
        await File.WriteAllTextAsync(scratch["pgbackrest.conf"], Configuration(round));
        (await RunProcess.RunAsync(Command("stanza-create"))).MustExit();
    }

    /// <summary>What the backups of a round take, their manifests too; without WAL.</summary>
    public Task<long> StoredBytesAsync(int round) => StoredBytes.SumAsync(Blobs, $"round-{round}/backup/");

    private BlobContainerClient Blobs => StoredBytes.Container(azurite, Container);

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
        repo1-bundle=y
        repo1-block=y
        repo1-retention-full=99
        compress-type=zst
        compress-level=3
        process-max=2
        start-fast=y
        archive-async=n
        expire-auto=n
        lock-path={scratch["lock"]}
        log-path={scratch["log"]}
        spool-path={scratch["spool"]}
        log-level-file=off
        log-level-console=info
        [shop]
        pg1-path={server.DataFolder}
        pg1-socket-path={server.SocketFolder}
        pg1-user=postgres

        """;
}
