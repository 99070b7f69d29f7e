using System.Text.Json.Serialization;

namespace Holdfast.Agent.Info;

/// <summary>What holdfast info --output=json prints; the schema is stable and described in docs/json.md.</summary>
/// <param name="Cluster">Its name.</param>
/// <param name="ClusterId">32 hexadecimal digits.</param>
/// <param name="Time">This host's clock.</param>
/// <param name="LogEntry">The last entry of the log.</param>
/// <param name="Hosts">Registered hosts, in the log's order.</param>
/// <param name="Histories">One for each system identifier.</param>
public sealed record InfoReport(string Cluster, string ClusterId, DateTimeOffset Time, long LogEntry, IReadOnlyList<InfoHost> Hosts, IReadOnlyList<InfoHistory> Histories)
{
    /// <summary>Whether anything is missing, or verification found a break.</summary>
    [JsonIgnore]
    public bool IsWhole => Histories.All(history => history.Gaps.Count == 0 && history.Verification is not { Whole: false });
}

/// <summary>A registered host.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Role">database, restorer or drill.</param>
/// <param name="Key">The thumbprint of its signing key.</param>
/// <param name="RegisteredAt">The control plane's clock.</param>
/// <param name="SystemIdentifier">A database's.</param>
/// <param name="Timeline">A database's timeline when it was registered.</param>
/// <param name="Lsn">A database's position when it was registered: its WAL counts from here on.</param>
/// <param name="RevokedAt">Null while in force.</param>
/// <param name="RevokedReason">Null while in force.</param>
public sealed record InfoHost(
    string Name, string Role, string Key, DateTimeOffset RegisteredAt, string? SystemIdentifier, uint? Timeline, string? Lsn, DateTimeOffset? RevokedAt, string? RevokedReason);

/// <summary>The WAL of one system identifier.</summary>
/// <param name="SystemIdentifier">PostgreSQL's.</param>
/// <param name="Major">PostgreSQL's major version; null without an index key.</param>
/// <param name="SegmentSize">wal_segment_size in bytes, of the newest stretch; null while no segment is stored.</param>
/// <param name="Segments">Segments stored.</param>
/// <param name="Bytes">Bytes stored.</param>
/// <param name="Timelines">In order.</param>
/// <param name="Gaps">Segments missing between others, also at switches of timelines.</param>
/// <param name="Partial">Last, incomplete segments of timelines that were left.</param>
/// <param name="Damaged">Segments stored although they failed judgement.</param>
/// <param name="Alternates">Blobs beside a name that something else had taken.</param>
/// <param name="Foreign">Blobs that Holdfast does not make.</param>
/// <param name="Cuts">Stretches that the log says are not to be had.</param>
/// <param name="Backups">Committed backups, the oldest first.</param>
/// <param name="Running">Backups that were begun and have not ended.</param>
/// <param name="Failed">The last backups that failed.</param>
/// <param name="Restorable">What can be recovered to, by timeline, then start.</param>
/// <param name="Verification">Only with --verify.</param>
public sealed record InfoHistory(
    string SystemIdentifier, int? Major, long? SegmentSize, long Segments, long Bytes, IReadOnlyList<InfoTimeline> Timelines, IReadOnlyList<InfoGap> Gaps,
    InfoExtras Partial, InfoExtras Damaged, InfoExtras Alternates, InfoExtras Foreign, IReadOnlyList<InfoCut> Cuts,
    IReadOnlyList<InfoBackup> Backups, IReadOnlyList<InfoRunningBackup> Running, IReadOnlyList<InfoFailedBackup> Failed, IReadOnlyList<InfoRestorable> Restorable, InfoVerification? Verification);

/// <summary>A committed backup.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Type">full, diff or incr.</param>
/// <param name="Parent">What it builds on; null for a full.</param>
/// <param name="Host">The host that made it.</param>
/// <param name="Major">PostgreSQL's major version.</param>
/// <param name="Timeline">The timeline it is of.</param>
/// <param name="StartLsn">Replay starts here.</param>
/// <param name="StopLsn">Replay must reach this.</param>
/// <param name="Started">By the server's clock.</param>
/// <param name="Stopped">By the server's clock: no earlier time can be recovered to from it.</param>
/// <param name="DatabaseBytes">Of all files.</param>
/// <param name="ReadBytes">Read from the data directory.</param>
/// <param name="StoredBytes">Of its own packs.</param>
/// <param name="Files">Files in it.</param>
/// <param name="CorruptPages">Pages that were stored although they fail their checksum.</param>
/// <param name="Warnings">How many things people should know of it.</param>
/// <param name="Details">Of the backup that --set names; null otherwise, and without a key that opens indexes.</param>
public sealed record InfoBackup(
    string Label, string Type, string? Parent, string Host, int Major, uint Timeline, string StartLsn, string StopLsn, DateTimeOffset Started, DateTimeOffset Stopped,
    long DatabaseBytes, long ReadBytes, long StoredBytes, long Files, long CorruptPages, long Warnings, InfoBackupDetails? Details = null);

/// <summary>What a backup's manifest says beyond the log.</summary>
/// <param name="Warnings">The first of them, in words.</param>
/// <param name="Excluded">What the operator left out: rules.</param>
/// <param name="ExcludedFiles">Files and folders that were left out for that.</param>
/// <param name="Corrupt">Files of the first 1000 corrupt pages.</param>
public sealed record InfoBackupDetails(
    IReadOnlyList<string> Warnings, IReadOnlyList<string> Excluded, long ExcludedFiles, IReadOnlyList<InfoCorruptFile> Corrupt);

/// <summary>A file with pages that fail their checksum.</summary>
/// <param name="File">Its path below the data directory.</param>
/// <param name="Blocks">Blocks of it, ascending.</param>
public sealed record InfoCorruptFile(string File, IReadOnlyList<uint> Blocks);

/// <summary>A backup that has not ended.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Host">The host that makes it.</param>
/// <param name="Since">The control plane's clock.</param>
public sealed record InfoRunningBackup(string Label, string Host, DateTimeOffset Since);

/// <summary>A backup that failed.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Time">The control plane's clock.</param>
/// <param name="Reason">Why.</param>
public sealed record InfoFailedBackup(string Label, DateTimeOffset Time, string Reason);

/// <summary>A stretch in which every moment can be recovered to: [Start, End).</summary>
/// <param name="Timeline">The timeline to recover along.</param>
/// <param name="Start">The first backup's stop.</param>
/// <param name="End">The byte after the last segment.</param>
/// <param name="From">When the first backup stopped.</param>
/// <param name="To">The latest time in its last segments that have one; null without an index key.</param>
/// <param name="Backups">Labels of the backups in it, the oldest first.</param>
public sealed record InfoRestorable(uint Timeline, string Start, string End, DateTimeOffset From, DateTimeOffset? To, IReadOnlyList<string> Backups);

/// <summary>Blobs of one kind.</summary>
/// <param name="Count">How many.</param>
/// <param name="First">The first of them, below wal/.</param>
public sealed record InfoExtras(long Count, IReadOnlyList<string> First);

/// <summary>A timeline.</summary>
/// <param name="Timeline">Its number.</param>
/// <param name="Parent">The timeline that it left; null for the first.</param>
/// <param name="SwitchPoint">Where; null for the first.</param>
/// <param name="Origin">How that is known: root, history (the history file), names (the names of segments; the switch lies in the segment that starts there).</param>
/// <param name="Ranges">Stretches without a gap.</param>
public sealed record InfoTimeline(uint Timeline, uint? Parent, string? SwitchPoint, string Origin, IReadOnlyList<InfoRange> Ranges);

/// <summary>WAL without a gap: [Start, End).</summary>
/// <param name="Start">First byte.</param>
/// <param name="End">The byte after the last.</param>
/// <param name="FirstSegment">Its name.</param>
/// <param name="LastSegment">Its name.</param>
/// <param name="Segments">How many.</param>
/// <param name="Bytes">Stored.</param>
/// <param name="LastStored">The store's clock.</param>
/// <param name="From">The earliest time in its first segments that have one; null without an index key, or where nothing was committed.</param>
/// <param name="To">The latest time in its last segments that have one.</param>
/// <param name="SegmentSize">wal_segment_size in bytes.</param>
public sealed record InfoRange(
    string Start, string End, string FirstSegment, string LastSegment, long Segments, long Bytes, DateTimeOffset LastStored,
    DateTimeOffset? From, DateTimeOffset? To, long SegmentSize);

/// <summary>Missing segments.</summary>
/// <param name="Timeline">The timeline they are missing from.</param>
/// <param name="FirstMissing">The first.</param>
/// <param name="LastMissing">The last.</param>
/// <param name="Start">First byte missing.</param>
/// <param name="End">First byte there again.</param>
/// <param name="Segments">How many.</param>
public sealed record InfoGap(uint Timeline, string FirstMissing, string LastMissing, string Start, string End, long Segments);

/// <summary>A stretch that the log says is not to be had.</summary>
/// <param name="Timeline">The timeline.</param>
/// <param name="Start">First byte.</param>
/// <param name="End">First byte there again.</param>
/// <param name="Reason">dropped, damaged, adopted or lost.</param>
public sealed record InfoCut(uint Timeline, string Start, string End, string Reason);

/// <summary>What --verify found.</summary>
/// <param name="Whole">Every segment is signed by a host that counts, as long as it must be, and joins the one before.</param>
/// <param name="Segments">Segments read.</param>
/// <param name="Seams">Seams that join.</param>
/// <param name="Unproven">Of those, seams where a record's link could not be checked.</param>
/// <param name="Breaks">How many breaks.</param>
/// <param name="FirstBreaks">The first of them.</param>
/// <param name="Junk">Blobs that no host that counts has signed; the first of them.</param>
public sealed record InfoVerification(bool Whole, long Segments, long Seams, long Unproven, long Breaks, IReadOnlyList<InfoBreak> FirstBreaks, IReadOnlyList<InfoJunk> Junk);

/// <summary>A place where WAL does not replay on.</summary>
/// <param name="Kind">gap, unusable or seam.</param>
/// <param name="Timeline">The timeline.</param>
/// <param name="First">The segment, or the first of several.</param>
/// <param name="Last">The last of them.</param>
/// <param name="At">Replay ends at or before this position.</param>
/// <param name="Reason">What was found.</param>
public sealed record InfoBreak(string Kind, uint Timeline, string First, string Last, string At, string Reason);

/// <summary>A blob that does not count.</summary>
/// <param name="Blob">Its name.</param>
/// <param name="Reason">Why.</param>
public sealed record InfoJunk(string Blob, string Reason);

/// <summary>Source-generated JSON of <see cref="InfoReport"/>.</summary>
[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.KebabCaseLower, WriteIndented = true)]
[JsonSerializable(typeof(InfoReport))]
public sealed partial class InfoJson : JsonSerializerContext;
