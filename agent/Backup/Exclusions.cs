namespace Holdfast.Agent.Backup;

/// <summary>What a backup leaves out, by name (design §7.4; basebackup.c, excludeDirContents and excludeFiles).</summary>
internal static class Exclusions
{
    /// <summary>PG_TEMP_FILE_PREFIX: sort and hash files, and their folder.</summary>
    private static ReadOnlySpan<byte> Temporary => "pgsql_tmp"u8;

    /// <summary>RELCACHE_INIT_FILENAME and its temporary forms: rebuilt by the server.</summary>
    private static ReadOnlySpan<byte> RelationCache => "pg_internal.init"u8;

    /// <summary>Whether a file or folder of this name is left out, wherever it is.</summary>
    public static bool IsLeftOut(ReadOnlySpan<byte> name) =>
        name.StartsWith(Temporary) || name.StartsWith(RelationCache)
        || name.SequenceEqual("postmaster.pid"u8) || name.SequenceEqual("postmaster.opts"u8)
        // Of the backup that this server was restored from, not of this one.
        || name.SequenceEqual("backup_label"u8) || name.SequenceEqual("tablespace_map"u8) || name.SequenceEqual("backup_manifest"u8)
        || name.SequenceEqual("postgresql.auto.conf.tmp"u8) || name.SequenceEqual("current_logfiles.tmp"u8);

    /// <summary>Whether a folder directly in PGDATA is kept empty: the server removes or recreates what is in it when it starts.</summary>
    public static bool IsKeptEmpty(ReadOnlySpan<byte> path) =>
        path.SequenceEqual("pg_replslot"u8) || path.SequenceEqual("pg_dynshmem"u8) || path.SequenceEqual("pg_notify"u8) || path.SequenceEqual("pg_serial"u8)
        || path.SequenceEqual("pg_snapshots"u8) || path.SequenceEqual("pg_stat_tmp"u8) || path.SequenceEqual("pg_subtrans"u8);

    /// <summary>Whether PostgreSQL cannot do without what has that path: whatever lies in the folders that it made itself, and what it starts by.</summary>
    /// <param name="path">Below PGDATA.</param>
    public static bool IsNeeded(ReadOnlySpan<byte> path)
    {
        var slash = path.IndexOf((byte)'/');
        var first = slash < 0 ? path : path[..slash];
        return first.SequenceEqual("base"u8) || first.SequenceEqual("global"u8) || first.SequenceEqual("pg_tblspc"u8) || first.SequenceEqual("PG_VERSION"u8)
            || first.SequenceEqual("pg_xact"u8) || first.SequenceEqual("pg_multixact"u8) || first.SequenceEqual("pg_commit_ts"u8)
            || first.SequenceEqual("pg_twophase"u8) || first.SequenceEqual("pg_logical"u8) || first.SequenceEqual("pg_stat"u8);
    }
}
