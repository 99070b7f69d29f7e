using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// A history with branches, archived by <c>cp</c> and by Holdfast; each server goes on after the next one has left it:
/// <code>
/// 1: first - fork of 2 - late on 1
/// 2:            '- second - fork of 3 - late on 2
/// 3:                           '- third
/// </code>
/// </summary>
public sealed class BranchedTimelines : IAsyncLifetime
{
    private AzuriteServer? _azurite;
    private Task<Holdfast.Core.Repository.LoggedBackup>? _backup;

    public ArchivedCluster Cluster { get; private set; } = null!;

    public FolderArchive Reference { get; } = new();

    public HoldfastArchive Stored { get; private set; } = null!;

    /// <summary>The base copy, of timeline 1, as a backup in the repository; made when it is first asked for.</summary>
    public Task<Holdfast.Core.Repository.LoggedBackup> Backup => _backup ??= Stored.Backups().BackUpAsync(BackupMaker.Of(Cluster.BaseCopy, Reference));

    public async Task InitializeAsync()
    {
        if (Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") is null) return;
        _azurite = await AzuriteServer.StartNewAsync();
        Stored = await HoldfastArchive.CreateAsync(_azurite);
        Cluster = await ArchivedCluster.StartAsync(18, 1, Reference, Stored);
        var first = Cluster.Primary;
        await first.ExecuteAsync("CREATE TABLE told (what text)");
        await Cluster.TakeBaseCopyAsync();
        await TellAsync(first, "first", "fork of 2");
        var second = await BranchAsync("fork of 2", 1, salvageFrom: first);
        await ArchivedCluster.ArchiveAllAsync(first);
        await TellAsync(second, "second", "fork of 3");
        await ArchivedCluster.ArchiveAllAsync(second);
        await TellAsync(first, "late on 1", "late on 1");
        var third = await AdoptedAsync("fork of 3", 2);
        await TellAsync(third, "third", "end of 3");
        await TellAsync(second, "late on 2", "late on 2");
        foreach (var server in (PostgresServer[])[first, second, third])
        {
            await ArchivedCluster.ArchiveAllAsync(server);
            await server.StopAsync();
        }
    }

    public async Task DisposeAsync()
    {
        if (Cluster is not null) await Cluster.DisposeAsync();
        Stored?.Dispose();
        Reference.Dispose();
        if (_azurite is not null) await _azurite.DisposeAsync();
    }

    private static async Task TellAsync(PostgresServer server, string what, string restorePoint)
    {
        await server.ExecuteAsync($"INSERT INTO told VALUES ('{what}')");
        await server.ExecuteAsync($"SELECT pg_create_restore_point('{restorePoint}')");
    }

    // Archives from before its promotion on, so that the history file is archived, too. Of a segment that was salvaged from the old server's
    // pg_wal, not restored from the archive, PostgreSQL then archives the part before the promotion as .partial.
    private async Task<PostgresServer> BranchAsync(string restorePoint, int timeline, PostgresServer salvageFrom)
    {
        var copy = await PrepareAsync(restorePoint, timeline);
        await ArchivedCluster.ArchiveAsync(copy, Reference, Stored);
        var segment = Path.Combine("pg_wal", await salvageFrom.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_lsn())"));
        File.Copy(Path.Combine(salvageFrom.DataFolder, segment), Path.Combine(copy.DataFolder, segment));
        await copy.StartAsync();
        return copy;
    }

    // A restored copy archives nothing (design I8) until it is adopted; what it has written by then must be in the archive, too.
    private async Task<PostgresServer> AdoptedAsync(string restorePoint, int timeline)
    {
        var copy = await PrepareAsync(restorePoint, timeline);
        await copy.StartAsync();
        await copy.ExecuteAsync("INSERT INTO told VALUES ('unarchived')");
        await copy.ExecuteAsync("SELECT pg_switch_wal()");
        var current = await copy.ScalarAsync<string>("SELECT pg_walfile_name(pg_current_wal_insert_lsn())");
        foreach (var file in Directory.EnumerateFiles(Path.Combine(copy.DataFolder, "pg_wal"), "00000003*"))
            if (string.CompareOrdinal(Path.GetFileName(file), current) < 0 || file.EndsWith(".history", StringComparison.Ordinal))
                File.Copy(file, Path.Combine(Reference.Path, Path.GetFileName(file)));
        ScratchFolder.GiveToServers(Reference.Path);
        var archiveCommand = await Stored.AdoptAsync(copy);
        (copy.Settings["archive_mode"], copy.Settings["archive_command"]) = ("on", $"{Reference.ArchiveCommand} && {archiveCommand}");
        await copy.StopAsync();
        await copy.StartAsync();
        return copy;
    }

    private async Task<PostgresServer> PrepareAsync(string restorePoint, int timeline)
    {
        var copy = await Cluster.PrepareRecoveryAsync(Stored,
            $"recovery_target_name = '{restorePoint}'\nrecovery_target_timeline = '{timeline}'\nrecovery_target_action = 'promote'");
        copy.Settings["hot_standby"] = "off";
        return copy;
    }
}
