using Holdfast.Core.Postgres;

namespace Holdfast.Agent.Check;

/// <summary>What the server says of itself.</summary>
public sealed record ServerFacts
{
    /// <summary>server_version_num, such as 170011.</summary>
    public required int VersionNumber { get; init; }

    /// <summary>server_version.</summary>
    public required string Version { get; init; }

    /// <summary>pg_control_system().</summary>
    public required SystemIdentifier System { get; init; }

    /// <summary>Of the last checkpoint.</summary>
    public required TimelineId Timeline { get; init; }

    /// <summary>A standby, or a server that recovers.</summary>
    public required bool InRecovery { get; init; }

    /// <summary>off, on or always.</summary>
    public required string ArchiveMode { get; init; }

    /// <summary>archive_mode was changed and waits for a restart.</summary>
    public required bool ArchiveModePending { get; init; }

    /// <summary>archive_command as the server has it; "(disabled)" while archive_mode is off.</summary>
    public required string ArchiveCommand { get; init; }

    /// <summary>archive_library; empty below 15.</summary>
    public required string ArchiveLibrary { get; init; }

    /// <summary>wal_level.</summary>
    public required string WalLevel { get; init; }

    /// <summary>Seconds; 0 is off.</summary>
    public required int ArchiveTimeoutSeconds { get; init; }

    /// <summary>data_directory; null when this role may not see it.</summary>
    public required string? DataDirectory { get; init; }

    /// <summary>pg_stat_archiver.</summary>
    public required ArchiverFacts Archiver { get; init; }

    /// <summary>Major version.</summary>
    public int Major => VersionNumber / 10000;
}

/// <summary>pg_stat_archiver.</summary>
/// <param name="FailedCount">Since the statistics were reset.</param>
/// <param name="LastFailedWal">Null when nothing failed.</param>
/// <param name="LastFailedTime">Null when nothing failed.</param>
/// <param name="LastArchivedWal">Null when nothing was archived.</param>
/// <param name="LastArchivedTime">Null when nothing was archived.</param>
public sealed record ArchiverFacts(long FailedCount, string? LastFailedWal, DateTimeOffset? LastFailedTime, string? LastArchivedWal, DateTimeOffset? LastArchivedTime)
{
    /// <summary>The last thing that happened was a failure.</summary>
    public bool IsFailing => LastFailedTime is { } failed && (LastArchivedTime is not { } archived || failed > archived);
}
