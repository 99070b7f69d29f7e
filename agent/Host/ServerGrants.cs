namespace Holdfast.Agent.Host;

/// <summary>What gives a role what Holdfast needs of a server, as hints: statements that a superuser can run as they stand. Pure.</summary>
internal static class ServerGrants
{
    /// <summary>How many sessions a backup has at once: its own, and one that reads the catalogs.</summary>
    public const int ConnectionsOfBackup = 2;

    /// <summary>To see the server's paths, settings and statistics.</summary>
    public static string Monitor(string role) => $"GRANT pg_monitor TO {Quoted(role)};";

    /// <summary>The functions that begin and end a backup, with the arguments they have in that major.</summary>
    public static IReadOnlyList<string> BackupFunctions(int major) => major >= 15
        ? ["pg_backup_start(text, boolean)", "pg_backup_stop(boolean)"]
        : ["pg_start_backup(text, boolean, boolean)", "pg_stop_backup(boolean, boolean)"];

    /// <summary>The functions that the trial of archiving calls.</summary>
    public static IReadOnlyList<string> ArchiveFunctions { get; } = ["pg_create_restore_point(text)", "pg_switch_wal()"];

    /// <summary>To call functions.</summary>
    public static string Execute(IEnumerable<string> functions, string role) =>
        $"GRANT EXECUTE ON FUNCTION {string.Join(", ", functions)} TO {Quoted(role)};";

    /// <summary>To see which files the server's configuration includes, so that those outside the data directory are captured.</summary>
    public static string IncludedFiles(int major, string role)
    {
        string[] views = ["pg_file_settings"];
        string[] functions = ["pg_show_all_file_settings()"];
        if (major >= 16)
        {
            views = [.. views, "pg_hba_file_rules", "pg_ident_file_mappings"];
            functions = [.. functions, "pg_hba_file_rules()", "pg_ident_file_mappings()"];
        }
        return $"GRANT SELECT ON {string.Join(", ", views)} TO {Quoted(role)}; {Execute(functions, role)}";
    }

    /// <summary>To open sessions in a database.</summary>
    public static string Connect(string database, string role) => $"GRANT CONNECT ON DATABASE {Quoted(database)} TO {Quoted(role)};";

    /// <summary>When the server has no session left for a role.</summary>
    public static string MoreConnections(string role, string database) =>
        $"a backup has {ConnectionsOfBackup} sessions at once. Raise what is too low: "
        + $"ALTER ROLE {Quoted(role)} CONNECTION LIMIT {ConnectionsOfBackup + 2};"
        + $" or ALTER DATABASE {Quoted(database)} CONNECTION LIMIT -1; or max_connections, which takes a restart";

    /// <summary>An identifier as SQL takes it.</summary>
    public static string Quoted(string name) => $"\"{name.Replace("\"", "\"\"", StringComparison.Ordinal)}\"";
}
