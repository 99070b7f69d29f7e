namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A server that archives each WAL file into several archives, and a base copy of it: the same WAL is in all of them, so that recoveries from
/// one can be compared with recoveries from another.
/// </summary>
public sealed class ArchivedCluster : IAsyncDisposable
{
    private readonly List<PostgresServer> _servers = [];

    private ArchivedCluster(PostgresServer primary) => _servers.Add(primary);

    /// <summary>The server that archives.</summary>
    public PostgresServer Primary => _servers[0];

    /// <summary>The copy that recoveries start from; it is itself never started.</summary>
    public PostgresServer BaseCopy { get; private set; } = null!;

    /// <summary>A new server that archives into <paramref name="archives"/>, in their order; an archive that fails stops the later ones.</summary>
    public static async Task<ArchivedCluster> StartAsync(int major, int walSegmentMebibytes, params IReadOnlyList<IWalArchive> archives)
    {
        var cluster = new ArchivedCluster(await PostgresServer.StartNewAsync(major, walSegmentMebibytes, true, [
            ("autovacuum", "off"), // WAL only of what the test does
            ("max_prepared_transactions", "8"), ("track_commit_timestamp", "on"), ("max_wal_size", $"{Math.Max(64, 8 * walSegmentMebibytes)}MB")]));
        try
        {
            await cluster.Primary.StopAsync();
            await ArchiveAsync(cluster.Primary, archives);
            await cluster.Primary.StartAsync();
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>Makes a server archive from its next start on.</summary>
    public static async Task ArchiveAsync(PostgresServer server, params IReadOnlyList<IWalArchive> archives)
    {
        var commands = new List<string>();
        foreach (var archive in archives) commands.Add(await archive.AdmitAsync(server));
        (server.Settings["archive_mode"], server.Settings["archive_command"]) = ("on", string.Join(" && ", commands));
    }

    /// <summary>Takes the base copy, from the primary or a standby of it.</summary>
    public async Task TakeBaseCopyAsync(PostgresServer? source = null) => _servers.Add(BaseCopy = await Fixtures.BaseCopy.CopyFilesAsync(source ?? Primary));

    /// <summary>Ends the current segment; returns when it, and all before it, are archived.</summary>
    public Task ArchiveAllAsync() => ArchiveAllAsync(Primary);

    /// <summary>As <see cref="ArchiveAllAsync()"/>, for any server that archives.</summary>
    public static async Task ArchiveAllAsync(PostgresServer server)
    {
        // An empty segment is not switched, and then never archived: a record makes sure that there is something.
        var last = await server.ScalarAsync<string>(
            "SELECT pg_walfile_name(pg_switch_wal()) FROM pg_create_restore_point('everything is archived')");
        await Eventually.IsTrueAsync(
            () => server.ScalarAsync<bool>($"""
                SELECT coalesce(last_archived_wal >= '{last}', false)
                  AND NOT EXISTS (SELECT FROM pg_ls_archive_statusdir() WHERE name LIKE '%.ready')
                FROM pg_stat_archiver
                """),
            () => $"{last} is not archived:\n{server.Log}");
    }

    /// <summary>A copy of the base copy that recovers from <paramref name="archive"/> when it is started.</summary>
    /// <param name="archive">Where its WAL comes from.</param>
    /// <param name="settings">Settings for its configuration file: the target.</param>
    public async Task<PostgresServer> PrepareRecoveryAsync(IWalArchive archive, string settings = "")
    {
        var copy = await Fixtures.BaseCopy.CloneAsync(BaseCopy);
        _servers.Add(copy);
        foreach (var name in (string[])["autovacuum", "max_prepared_transactions", "track_commit_timestamp"]) copy.Settings[name] = Primary.Settings[name];
        File.Delete(Path.Combine(copy.DataFolder, "standby.signal")); // the copy may be a standby's
        Fixtures.BaseCopy.Recover(copy, archive.RestoreCommand);
        await File.AppendAllTextAsync(Path.Combine(copy.DataFolder, "postgresql.auto.conf"), settings + "\n");
        return copy;
    }

    /// <summary>Recovers a copy of the base copy; returns when it has ended recovery and takes writes.</summary>
    /// <inheritdoc cref="PrepareRecoveryAsync"/>
    public async Task<PostgresServer> RecoverAsync(IWalArchive archive, string settings = "")
    {
        var copy = await PrepareRecoveryAsync(archive, $"{settings}\nrecovery_target_action = 'promote'");
        copy.Settings["hot_standby"] = "off"; // then the first connection is made when recovery has ended
        await copy.StartAsync();
        return copy;
    }

    /// <summary>Deletes a recovered copy before the cluster's own end.</summary>
    public async Task DiscardAsync(PostgresServer copy)
    {
        _servers.Remove(copy);
        await copy.DisposeAsync();
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        foreach (var server in _servers) await server.DisposeAsync();
    }
}
