using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Api;

/// <summary>POST backups.</summary>
/// <param name="Type">What it builds on.</param>
/// <param name="Host">The host's name, or its key's thumbprint; null: as the policy says, which is the primary unless it names another.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record BackupRequest(BackupType Type, string? Host = null);

/// <summary>POST backups/{label}/cancel.</summary>
/// <param name="Reason">For those who read the log later.</param>
[JsonUnmappedMemberHandling(JsonUnmappedMemberHandling.Disallow)]
public sealed record CancelRequest(string Reason = "asked for");

/// <summary>How far a backup is.</summary>
public enum BackupPhase
{
    /// <summary>It is intended; the host has not answered.</summary>
    Waiting,

    /// <summary>The host reads and stores.</summary>
    Copying,

    /// <summary>All is stored but the WAL that makes it consistent.</summary>
    Archiving,

    /// <summary>The manifest is made.</summary>
    Finishing,

    /// <summary>It exists.</summary>
    Committed,

    /// <summary>It will not be.</summary>
    Failed,
}

/// <summary>What a host last said of its job.</summary>
/// <param name="DoneBytes">Read.</param>
/// <param name="TotalBytes">To be read.</param>
/// <param name="StoredBytes">Stored.</param>
/// <param name="DoneFiles">Files read.</param>
/// <param name="TotalFiles">Files to be read.</param>
/// <param name="BytesPerSecond">Read lately.</param>
/// <param name="Time">When it was said.</param>
/// <param name="Phase">
/// What the host does: checkpoint, scanning, catalogs, reading, stopping, listing; null: an agent that does not say. A text, because there may be more one day.
/// </param>
public sealed record BackupProgress(
    long DoneBytes, long TotalBytes, long StoredBytes, long DoneFiles, long TotalFiles, double BytesPerSecond, DateTimeOffset Time, string? Phase = null);

/// <summary>What a committed backup is.</summary>
/// <param name="Timeline">The timeline it started on.</param>
/// <param name="StartLsn">Replay starts here.</param>
/// <param name="StopLsn">Replay must reach this.</param>
/// <param name="StartTime">By the server's clock.</param>
/// <param name="StopTime">By the server's clock: the first moment that can be recovered to.</param>
/// <param name="DatabaseBytes">Of all files.</param>
/// <param name="ReadBytes">Read.</param>
/// <param name="StoredBytes">Stored.</param>
/// <param name="FileCount">Files in it.</param>
/// <param name="CorruptPages">Pages that fail their checksum.</param>
/// <param name="WarningCount">What people should know of it.</param>
public sealed record BackupResult(
    TimelineId Timeline, Lsn StartLsn, Lsn StopLsn, DateTimeOffset StartTime, DateTimeOffset StopTime,
    long DatabaseBytes, long ReadBytes, long StoredBytes, long FileCount, long CorruptPages, long WarningCount = 0)
{
    /// <summary>As the log has it.</summary>
    public static BackupResult Of(BackupFacts facts) => new(
        facts.Timeline, facts.StartLsn, facts.StopLsn, facts.StartTime.ToDateTimeOffset(), facts.StopTime.ToDateTimeOffset(),
        facts.DatabaseBytes, facts.ReadBytes, facts.StoredBytes, facts.FileCount, facts.CorruptPages, facts.WarningCount);
}

/// <summary>A backup, as GET backups/{label} tells it.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Type">What it builds on.</param>
/// <param name="Phase">How far it is.</param>
/// <param name="System">The history it is of.</param>
public sealed record BackupDocument(BackupName Label, BackupType Type, BackupPhase Phase, SystemIdentifier System)
{
    /// <summary>The host's name; null when it is not known any more.</summary>
    public string? Host { get; init; }

    /// <summary>When it was intended; null when only the end is known.</summary>
    public DateTimeOffset? Started { get; init; }

    /// <summary>When its end was logged; null while it runs, and when only the beginning is known.</summary>
    public DateTimeOffset? Ended { get; init; }

    /// <summary>Which attempt runs, or made it; 0 before the first.</summary>
    public int Attempt { get; init; }

    /// <summary>Of the running attempt.</summary>
    public BackupProgress? Progress { get; init; }

    /// <summary>Why it is not further: WAL that is waited for, why the attempt before failed.</summary>
    public string? Waiting { get; init; }

    /// <summary>In the answer to POST backups: what its operator should know, such as that another host than the policy's makes it.</summary>
    public string? Warning { get; init; }

    /// <summary>When committed.</summary>
    public BackupResult? Result { get; init; }

    /// <summary>When committed, of one backup alone: what people should know of it; null when the manifest cannot be read.</summary>
    public IReadOnlyList<string>? Warnings { get; init; }

    /// <summary>When committed, of one backup alone: what the operator left out; null when the manifest cannot be read.</summary>
    public IReadOnlyList<string>? Excluded { get; init; }

    /// <summary>When failed: why.</summary>
    public string? Error { get; init; }
}

/// <summary>GET backups.</summary>
/// <param name="Backups">In the order of labels.</param>
public sealed record BackupList(IReadOnlyList<BackupDocument> Backups);
