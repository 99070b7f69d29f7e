using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>A loaded server, a store, and the tools that back the one up into the other.</summary>
public sealed class BackupBench : IAsyncDisposable
{
    private readonly HoldfastBackup? _holdfast;

    private BackupBench(ScratchFolder scratch, AzuriteServer azurite, PostgresServer server, Programs programs, bool onlyPeer)
    {
        (Scratch, Azurite, Server) = (scratch, azurite, server);
        Peer = new PgBackRestBackup(new PgBackRestRepository(programs.PgBackRest, azurite, server, scratch), server, scratch);
        _holdfast = onlyPeer ? null : new HoldfastBackup(programs, azurite, server, scratch);
    }

    /// <summary>The folder of all that is neither server's nor store's.</summary>
    public ScratchFolder Scratch { get; }

    /// <summary>The server that is backed up.</summary>
    public PostgresServer Server { get; }

    /// <summary>pgBackRest.</summary>
    public IBackupTool Peer { get; }

    /// <summary>Holdfast, unless only the peer is to be measured.</summary>
    public IBackupTool? Ours => _holdfast;

    /// <summary>Those that are measured.</summary>
    public IBackupTool[] Tools => Ours is null ? [Peer] : [Ours, Peer];

    private AzuriteServer Azurite { get; }

    /// <summary>Starts the servers and loads the data; its WAL goes nowhere.</summary>
    public static async Task<BackupBench> StartAsync(Programs programs, string variant, bool onlyPeer)
    {
        var scratch = new ScratchFolder("bench");
        var azurite = await AzuriteServer.StartNewAsync();
        var server = await PostgresServer.StartNewAsync(17, 16, true,
            ("archive_mode", "on"), ("shared_buffers", "256MB"), ("max_wal_size", "4GB"), ("checkpoint_timeout", "1h"), ("autovacuum", "off"));
        await server.ExecuteAsync("ALTER SYSTEM SET archive_command = 'true'");
        await server.ExecuteAsync("SELECT pg_reload_conf()");
        await BackupContents.LoadAsync(server, variant);
        return new BackupBench(scratch, azurite, server, programs, onlyPeer);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_holdfast is not null) await _holdfast.DisposeAsync();
        await Server.DisposeAsync();
        await Azurite.DisposeAsync();
        Scratch.Dispose();
    }
}
