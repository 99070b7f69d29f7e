using System.Text.Json.Serialization;

namespace Holdfast.Agent.Restore;

/// <summary>What holdfast restore --output=json prints; the schema is stable and described in docs/json.md.</summary>
/// <param name="Cluster">Its name.</param>
/// <param name="SystemIdentifier">PostgreSQL's.</param>
/// <param name="Major">PostgreSQL's major version.</param>
/// <param name="PgPath">The data directory.</param>
/// <param name="Backup">The backup's label.</param>
/// <param name="Target">As people read it.</param>
/// <param name="Timeline">The timeline followed.</param>
/// <param name="Stop">How recovery ends: consistency, before, after, end-of-wal.</param>
/// <param name="StopLsn">Where.</param>
/// <param name="StopRecord">What it stops at; null when it is not known.</param>
/// <param name="StopTime">Its time; null when it has none.</param>
/// <param name="WalStart">First byte of WAL that is read.</param>
/// <param name="WalEnd">The byte after the last segment.</param>
/// <param name="Segments">How many segments are read.</param>
/// <param name="Files">Files.</param>
/// <param name="DatabaseBytes">Bytes of all files.</param>
/// <param name="FetchedBytes">About how many bytes of packs are fetched.</param>
/// <param name="WrittenBytes">Bytes that are not zeros.</param>
/// <param name="Tablespaces">Where each goes.</param>
/// <param name="Settings">What postgresql.auto.conf says of recovery.</param>
/// <param name="Outside">Configuration files that lay outside the data directory.</param>
/// <param name="Room">What is needed and free, by file system.</param>
/// <param name="CorruptPages">Pages that failed their checksum when they were backed up, and come back so.</param>
/// <param name="Corrupt">The files of the first 1000 of them.</param>
/// <param name="Warnings">What people should know of the backup, the first of it.</param>
/// <param name="Excluded">What the operator left out of it.</param>
/// <param name="Overridden">Settings of the original that do not count in the copy; empty for a dry run.</param>
/// <param name="Notes">What people should know of the copy's configuration; empty for a dry run.</param>
/// <param name="Adopt">Whether archive_mode was left as it was.</param>
/// <param name="Done">False for a dry run.</param>
/// <param name="Seconds">How long it took; null for a dry run.</param>
public sealed record RestoreReport(
    string Cluster, string SystemIdentifier, int Major, string PgPath, string Backup, string Target, uint Timeline, string Stop, string StopLsn, string? StopRecord, DateTimeOffset? StopTime,
    string WalStart, string WalEnd, long Segments, int Files, long DatabaseBytes, long FetchedBytes, long WrittenBytes, IReadOnlyList<RestoreTablespaceReport> Tablespaces,
    IReadOnlyDictionary<string, string> Settings, IReadOnlyList<RestoreOutsideReport> Outside, IReadOnlyList<RestoreRoomReport> Room,
    long CorruptPages, IReadOnlyList<RestoreCorruptReport> Corrupt, IReadOnlyList<string> Warnings, IReadOnlyList<string> Excluded,
    IReadOnlyList<RestoreOverriddenReport> Overridden, IReadOnlyList<string> Notes,
    bool Adopt, bool Done, double? Seconds)
{
    /// <summary>Links of the data directory, tablespaces aside, and what becomes of each.</summary>
    public IReadOnlyList<RestoreLinkReport> Links { get; init; } = [];
}

/// <summary>A link of the backed-up data directory.</summary>
/// <param name="Path">Below the data directory.</param>
/// <param name="Target">Where it leads in the copy; null: what it led to is in its place.</param>
/// <param name="Was">Where it led; null when it is new, or leads to another place of the data directory.</param>
/// <param name="Kept">Whether what it led to is restored.</param>
public sealed record RestoreLinkReport(string Path, string? Target, string? Was, bool Kept);

/// <summary>A setting of the server that was backed up which does not count in the copy.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Where">The file and line that set it there; empty when none did.</param>
/// <param name="Was">Its value, without secrets.</param>
/// <param name="Now">What counts in the copy; null: PostgreSQL's default.</param>
public sealed record RestoreOverriddenReport(string Name, string Where, string Was, string? Now);

/// <summary>A tablespace.</summary>
/// <param name="Oid">Its OID.</param>
/// <param name="Was">Where it was.</param>
/// <param name="Path">Where it goes.</param>
public sealed record RestoreTablespaceReport(uint Oid, string Was, string Path);

/// <summary>A configuration file that lay outside the data directory.</summary>
/// <param name="Was">Its path on the server that was backed up.</param>
/// <param name="Copy">Its copy in the restored directory.</param>
/// <param name="Placed">Where it was put, too, by config-path; null: nowhere else.</param>
public sealed record RestoreOutsideReport(string Was, string Copy, string? Placed);

/// <summary>A file with pages that failed their checksum when they were backed up.</summary>
/// <param name="File">Below the data directory.</param>
/// <param name="Blocks">Blocks of it, ascending.</param>
public sealed record RestoreCorruptReport(string File, IReadOnlyList<uint> Blocks);

/// <summary>A file system that is written to.</summary>
/// <param name="Folders">What goes there.</param>
/// <param name="NeededBytes">To be written there.</param>
/// <param name="FreeBytes">Free there, for others than root.</param>
public sealed record RestoreRoomReport(IReadOnlyList<string> Folders, long NeededBytes, long FreeBytes);

/// <summary>Source-generated JSON of <see cref="RestoreReport"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(RestoreReport))]
public sealed partial class RestoreJson : JsonSerializerContext;
