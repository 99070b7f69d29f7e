using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Backup;

/// <summary>What the server says of itself when a backup begins.</summary>
public sealed record BackupServer
{
    /// <summary>server_version_num.</summary>
    public required int VersionNumber { get; init; }

    /// <summary>server_version.</summary>
    public required string Version { get; init; }

    /// <summary>pg_control_system().</summary>
    public required SystemIdentifier System { get; init; }

    /// <summary>A standby, or a server that recovers.</summary>
    public required bool InRecovery { get; init; }

    /// <summary>data_directory; null when this role may not see it.</summary>
    public required string? DataDirectory { get; init; }

    /// <summary>The backend that serves the session.</summary>
    public required int Backend { get; init; }

    /// <summary>wal_level, archive_mode, …: what a restored server must have as well, or what explains it.</summary>
    public required IReadOnlyList<(string Name, string Value)> Settings { get; init; }

    /// <summary>Absolute paths of every configuration file that the server has read, raw bytes.</summary>
    public required IReadOnlyList<byte[]> ConfigurationFiles { get; init; }

    /// <summary>What of its configuration this role may not see; null: nothing.</summary>
    public UnseenConfiguration? Unseen { get; init; }

    /// <summary>Of libc collations, as the server sees it; null when unknown.</summary>
    public required string? LibcVersion { get; init; }

    /// <summary>Of ICU collations; null when the server has none.</summary>
    public required string? IcuVersion { get; init; }

    /// <summary>Major version.</summary>
    public int Major => VersionNumber / 10000;

    /// <summary>A setting's value, or an empty text.</summary>
    public string Setting(string name) => Settings.FirstOrDefault(setting => setting.Name == name).Value ?? "";
}

/// <summary>Configuration that a role may not see: what of it lies outside the data directory is not in its backups.</summary>
/// <param name="Message">What that is.</param>
/// <param name="Hint">The statement that shows it.</param>
public sealed record UnseenConfiguration(string Message, string Hint);

/// <summary>What pg_backup_stop gave.</summary>
/// <param name="Stop">Replay must reach this.</param>
/// <param name="Label">The content of backup_label.</param>
/// <param name="TablespaceMap">The content of tablespace_map; empty when there are no tablespaces.</param>
/// <param name="Time">The server's clock.</param>
public sealed record BackupStop(Lsn Stop, byte[] Label, byte[] TablespaceMap, PostgresTime Time)
{
    /// <summary>The timeline of <see cref="Stop"/> on a standby; null on a primary, where it is the start's.</summary>
    public TimelineId? Timeline { get; init; }
}
