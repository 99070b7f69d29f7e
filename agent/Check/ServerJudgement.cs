using Holdfast.Agent.Host;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Check;

/// <summary>Judges what the server says of itself. Pure.</summary>
public static class ServerJudgement
{
    // With fewer, archiving is merely behind a burst.
    private const int ManyWaiting = 8;

    // A screen has room for so many statements.
    private const int ManyDatabases = 5;

    /// <summary>The server, against pg_control and the registration.</summary>
    /// <param name="server">What it says.</param>
    /// <param name="control">Of the data directory; null when it could not be read.</param>
    /// <param name="host">This host as the log has it; null when it is not registered.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="findings">Receives what is found.</param>
    public static void Cluster(ServerFacts server, ControlFile? control, RegisteredHost? host, string cluster, CheckFindings findings)
    {
        const CheckTopic Topic = CheckTopic.Cluster;
        findings.Ok(Topic, $"{cluster} · PostgreSQL {server.Version} · system identifier {server.System} · timeline {server.Timeline}");
        if (server.Major is < 14 or > 18) findings.Fail(Topic, $"PostgreSQL is {server.Version}, expected 14 to 18", "see which Holdfast supports this version");
        if (control is not null && control.SystemIdentifier != server.System)
            findings.Fail(Topic, $"the data directory's pg_control has system identifier {control.SystemIdentifier}, the server says {server.System}",
                "pg-path and pg-port (or pg-socket-path) are of two servers: archive_command would archive the other one");
        if (host is null) findings.Fail(Topic, "this host is not registered: archive-push acknowledges nothing", "register it, as the user that PostgreSQL runs as: holdfast register");
        else if (host.Revoked is { } revoked)
            findings.Fail(Topic, $"this host's key {host.Thumbprint.Short} was revoked: {revoked.Reason}", "if this server is the primary, register it anew: move away its state-path and run holdfast register");
        else if (host.Role != HostRole.Database) findings.Fail(Topic, $"this host is registered as {host.Role.ToString().ToLowerInvariant()}, expected database", "register it anew with a token for a database host");
        else if (host.System != server.System)
            findings.Fail(Topic, $"this host is registered for system identifier {host.System}, the server has {server.System}", "another cluster needs a repository of its own: holdfast init --cluster=…");
        else findings.Ok(Topic, $"registered as {host.Name}, key {host.Thumbprint.Short}");
    }

    /// <summary>Whether the server's settings let WAL reach the repository.</summary>
    /// <param name="server">What it says.</param>
    /// <param name="cluster">The cluster's name.</param>
    /// <param name="configurationFile">The configuration that this run uses.</param>
    /// <param name="findings">Receives what is found.</param>
    public static void Settings(ServerFacts server, string cluster, string configurationFile, CheckFindings findings)
    {
        const CheckTopic Topic = CheckTopic.Archiving;
        if (server.WalLevel == "minimal") findings.Fail(Topic, "wal_level is minimal, expected replica or logical", "set wal_level = replica and restart the server");
        if (server.ArchiveMode == "off")
        {
            if (server.ArchiveModePending) findings.Fail(Topic, "archive_mode is off until the server is restarted", "restart the server");
            else findings.Fail(Topic, "archive_mode is off: nothing is archived", $"set archive_mode = on and archive_command = '{Expected(cluster)}', and restart the server");
            return;
        }
        if (server.ArchiveLibrary.Length > 0)
            findings.Fail(Topic, $"archive_library is '{server.ArchiveLibrary}', so archive_command is not called", "set archive_library = '' and reload: Holdfast archives by archive_command");
        else foreach (var (message, hint) in CommandProblems(server.ArchiveCommand, cluster, configurationFile)) findings.Fail(Topic, message, hint);
    }

    /// <summary>Whether a role may back up.</summary>
    /// <param name="rights">What it may do.</param>
    /// <param name="findings">Receives what is found.</param>
    internal static void Role(RoleRights rights, CheckFindings findings)
    {
        const CheckTopic Topic = CheckTopic.Backup;
        if (rights.MissingFunctions.Count > 0)
            findings.Fail(
                Topic, $"role {rights.Role} may not call {string.Join(", ", rights.MissingFunctions)}: no backup can be made",
                $"as a superuser, in database {rights.Database}: {ServerGrants.Execute(rights.MissingFunctions, rights.Role)}");
        if (rights.ClosedDatabases.Count == 0) return;
        var shown = rights.ClosedDatabases.Take(ManyDatabases).ToArray();
        var more = rights.ClosedDatabases.Count > shown.Length ? $" and {rights.ClosedDatabases.Count - shown.Length} more" : "";
        findings.Warn(
            Topic, $"role {rights.Role} may not connect to {string.Join(", ", shown)}{more}: names of their tables will not be in backups",
            $"as a superuser: {string.Join(' ', shown.Select(database => ServerGrants.Connect(database, rights.Role)))}");
    }

    /// <summary>What pg_stat_archiver and the waiting segments say.</summary>
    /// <param name="archiver">pg_stat_archiver.</param>
    /// <param name="waiting">How many .ready files there are; null when they cannot be counted.</param>
    /// <param name="now">This host's clock.</param>
    /// <param name="findings">Receives what is found.</param>
    public static void Lag(ArchiverFacts archiver, int? waiting, DateTimeOffset now, CheckFindings findings)
    {
        const CheckTopic Topic = CheckTopic.Archiving;
        if (archiver.IsFailing)
            findings.Warn(Topic, $"archive_command failed last for {archiver.LastFailedWal} at {Quantity.TimeAgo(archiver.LastFailedTime!.Value, now)}, {archiver.FailedCount} times in all",
                "the server's log has the messages of archive-push");
        if (waiting > ManyWaiting) findings.Warn(Topic, $"{waiting} segments wait to be archived", "if the number grows, archiving is slower than WAL is made: see the server's log, compress-level and the network");
    }

    /// <summary>What is wrong with an archive_command.</summary>
    internal static IEnumerable<(string Message, string Hint)> CommandProblems(string command, string cluster, string configurationFile)
    {
        var hint = $"set archive_command = '{Expected(cluster)}' and reload";
        if (command.Length == 0 || !command.Contains("archive-push", StringComparison.Ordinal) || !command.Contains("holdfast", StringComparison.Ordinal))
        {
            var problem = command.Length == 0 ? "archive_command is empty" : $"archive_command does not call archive-push: {command}";
            yield return (problem, hint);
            yield break;
        }
        if (!command.Contains("%p", StringComparison.Ordinal))
        {
            var namesFile = command.Contains("%f", StringComparison.Ordinal);
            var mistaken = namesFile ? ": %f is its name, archive-push takes its path, %p" : " (%p)";
            yield return ($"archive_command names no file{mistaken}: {command}", hint);
        }
        if (Flag(command, "cluster") is { } other && other != cluster) yield return ($"archive_command archives into cluster {other}, this is cluster {cluster}", hint);
        if (Flag(command, "config") is { } file && file != configurationFile)
            yield return ($"archive_command uses {file}, this check uses {configurationFile}", $"run the check as archive_command does: holdfast check --config={file}");
        foreach (var hides in (string[])["|| true", "||true", "; true", ";true", "|| :", "; exit 0", "|| exit 0"])
            if (command.Contains(hides, StringComparison.Ordinal))
            {
                yield return ($"archive_command hides failures ({hides}): PostgreSQL would drop segments that are not stored", hint);
                yield break;
            }
    }

    private static string Expected(string cluster) => $"holdfast archive-push --cluster={cluster} %p";

    private static string? Flag(string command, string name)
    {
        var words = command.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < words.Length; i++)
        {
            if (words[i].StartsWith($"--{name}=", StringComparison.Ordinal)) return words[i][(name.Length + 3)..].Trim('"', '\'');
            if (words[i] == $"--{name}" && i + 1 < words.Length) return words[i + 1].Trim('"', '\'');
        }
        return null;
    }
}
