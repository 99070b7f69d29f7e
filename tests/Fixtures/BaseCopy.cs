using Npgsql;

namespace Holdfast.Tests.Fixtures;

/// <summary>Base copies of a running server, made without Holdfast: what its backups are compared with.</summary>
public static class BaseCopy
{
    private static readonly string[] LeftOut = ["pg_wal", "pg_replslot", "pg_dynshmem", "pg_notify", "pg_serial", "pg_snapshots", "pg_stat_tmp", "pg_subtrans"];

    /// <summary>
    /// Copies the data directory between backup start and stop, as a file-level tool does, and writes the label; no WAL is copied.
    /// Returns a server that has not been started, with <paramref name="source"/>'s major.
    /// </summary>
    public static async Task<PostgresServer> CopyFilesAsync(PostgresServer source)
    {
        var copy = PostgresServer.CreateEmpty(source.Major);
        await using var session = await source.ConnectAsync();
        var (start, stop) = source.Major >= 15
            ? ("pg_backup_start('copy', true)", "pg_backup_stop(false)")
            : ("pg_start_backup('copy', true, false)", "pg_stop_backup(false, false)");
        await using (var command = new NpgsqlCommand($"SELECT {start}", session))
        {
            await command.ExecuteNonQueryAsync();
        }
        CopyFolder(source.DataFolder, copy.DataFolder, "");
        await using (var command = new NpgsqlCommand($"SELECT labelfile, spcmapfile FROM {stop}", session))
        await using (var row = await command.ExecuteReaderAsync())
        {
            await row.ReadAsync();
            await File.WriteAllTextAsync(Path.Combine(copy.DataFolder, "backup_label"), row.GetString(0));
            if (!row.IsDBNull(1) && row.GetString(1).Length > 0)
            {
                throw new NotSupportedException("BaseCopy does not copy tablespaces");
            }
        }
        return copy;
    }

    /// <summary>The same by pg_basebackup, with the WAL it needs to start by itself. <paramref name="arguments"/> are passed on.</summary>
    public static async Task<PostgresServer> ByPgBasebackupAsync(PostgresServer source, params IEnumerable<string> arguments)
    {
        var copy = PostgresServer.CreateEmpty(source.Major);
        await source.RunClientAsync("pg_basebackup", ["--pgdata", copy.DataFolder, "--checkpoint=fast", "--no-sync", .. arguments]);
        return copy;
    }

    /// <summary>A copy of a copy that is not running, byte for byte.</summary>
    public static async Task<PostgresServer> CloneAsync(PostgresServer copy)
    {
        var clone = PostgresServer.CreateEmpty(copy.Major);
        (await RunProcess.RunAsync(["cp", "-a", "--reflink=auto", copy.DataFolder, clone.DataFolder])).MustExit();
        return clone;
    }

    /// <summary>
    /// Makes a copy recover from <paramref name="restoreCommand"/> when it starts; a <paramref name="target"/> such as
    /// <c>recovery_target_time = '…'</c> or <c>recovery_target_name = '…'</c> makes it stop there and take writes.
    /// </summary>
    public static void Recover(PostgresServer copy, string restoreCommand, string? target = null)
    {
        var settings = $"restore_command = '{restoreCommand.Replace("'", "''", StringComparison.Ordinal)}'\n";
        if (target is not null)
        {
            settings += $"{target}\nrecovery_target_action = 'promote'\n";
        }
        File.AppendAllText(Path.Combine(copy.DataFolder, "postgresql.auto.conf"), settings);
        File.WriteAllText(Path.Combine(copy.DataFolder, "recovery.signal"), "");
    }

    private static void CopyFolder(string from, string to, string relative)
    {
        Directory.CreateDirectory(Path.Combine(to, relative));
        foreach (var entry in new DirectoryInfo(Path.Combine(from, relative)).EnumerateFileSystemInfos())
        {
            var path = Path.Combine(relative, entry.Name);
            if (entry is DirectoryInfo)
            {
                if (LeftOut.Contains(path))
                {
                    Directory.CreateDirectory(Path.Combine(to, path));
                    continue;
                }
                CopyFolder(from, to, path);
            }
            else if (!entry.Name.StartsWith("postmaster.", StringComparison.Ordinal))
            {
                CopyFile(entry.FullName, Path.Combine(to, path));
            }
        }
    }

    private static void CopyFile(string from, string to)
    {
        try
        {
            File.Copy(from, to);
        }
        catch (FileNotFoundException)
        {
            // Dropped since it was listed: the WAL says so, too.
        }
    }
}
