using Holdfast.Tests.Fixtures;
using Npgsql;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A cluster that went through pgbench and the contrib modules while both <c>cp</c> and Holdfast archived it, with points in its history to
/// recover to. It is stopped; nothing in it changes any more.
/// </summary>
public sealed class ArchivedWorkload : IAsyncDisposable
{
    private Task<Holdfast.Core.Repository.LoggedBackup>? _backup;

    private ArchivedWorkload(ArchivedCluster cluster, FolderArchive reference, HoldfastArchive stored) => (Cluster, Reference, Stored) = (cluster, reference, stored);

    public ArchivedCluster Cluster { get; }

    public FolderArchive Reference { get; }

    public HoldfastArchive Stored { get; }

    /// <summary>The base copy as a backup in the repository, made when it is first asked for.</summary>
    public Task<Holdfast.Core.Repository.LoggedBackup> Backup => _backup ??= Stored.Backups().BackUpAsync(BackupMaker.Of(Cluster.BaseCopy, Reference));

    /// <summary>The commit of one transaction in the middle: its id, its time, and an LSN inside it, before its commit record.</summary>
    public (string Xid, string Time, string Lsn) Commit { get; private set; }

    public static async Task<ArchivedWorkload> RunAsync(int major, int walSegmentMebibytes, AzuriteServer azurite)
    {
        var (reference, stored) = (new FolderArchive(), await HoldfastArchive.CreateAsync(azurite));
        var workload = new ArchivedWorkload(await ArchivedCluster.StartAsync(major, walSegmentMebibytes, reference, stored), reference, stored);
        try
        {
            await workload.RunAsync(walSegmentMebibytes);
            return workload;
        }
        catch
        {
            await workload.DisposeAsync();
            throw;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Cluster.DisposeAsync();
        Stored.Dispose();
        Reference.Dispose();
    }

    private async Task RunAsync(int walSegmentMebibytes)
    {
        var server = Cluster.Primary;
        await server.RunClientAsync("pgbench", ["--initialize", "--init-steps=dtGvp", "--quiet"]);
        await server.ExecuteAsync("CREATE TABLE marks (n int)");
        await Cluster.TakeBaseCopyAsync();
        await Task.WhenAll(
            server.RunClientAsync("pgbench", ["--client=2", "--transactions=300", "--no-vacuum"]),
            RunScriptAsync("contrib.sql", $"strategy={(server.Major >= 15 ? "STRATEGY wal_log" : "")}"));
        await server.ExecuteAsync("INSERT INTO marks VALUES (1)");
        Commit = await CommitAsync();
        await server.ExecuteAsync("SELECT pg_create_restore_point('in the middle')");
        await server.ExecuteAsync("INSERT INTO marks VALUES (3)");
        await RunScriptAsync("storage.sql", $"copying={(server.Major >= 15 ? "STRATEGY file_copy" : "")}", $"switches={(walSegmentMebibytes == 1 ? 8 : 2)}");
        await server.RunClientAsync("pgbench", ["--client=2", "--transactions=100", "--no-vacuum"]);
        await Cluster.ArchiveAllAsync();
        await server.StopAsync();
    }

    private async Task RunScriptAsync(string name, params IEnumerable<string> variables) => await Cluster.Primary.RunClientAsync("psql",
        ["--no-psqlrc", "--quiet", "--tuples-only", $"--file={Path.Combine(AppContext.BaseDirectory, "integration", "workload", name)}", .. variables.Select(each => $"--set={each}")]);

    private async Task<(string Xid, string Time, string Lsn)> CommitAsync()
    {
        await using var session = await Cluster.Primary.ConnectAsync();
        await using var transaction = await session.BeginTransactionAsync();
        var xid = await ReadAsync("INSERT INTO marks VALUES (2) RETURNING pg_current_xact_id()::xid::text");
        var lsn = await ReadAsync("SELECT pg_current_wal_insert_lsn()::text");
        await transaction.CommitAsync();
        var time = await ReadAsync($"SELECT to_char(pg_xact_commit_timestamp('{xid}'::xid) AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS.US+00')");
        return (xid, time, lsn);

        async Task<string> ReadAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, session);
            return (string)(await command.ExecuteScalarAsync())!;
        }
    }
}
