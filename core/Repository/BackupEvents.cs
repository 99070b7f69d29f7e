using System.Text.Json.Serialization;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>A backup is to be made: from here on its label is taken, and nothing it may come to need expires.</summary>
/// <param name="Label">Its label; later than every one before.</param>
/// <param name="System">The history it is of.</param>
/// <param name="Host">The host that makes it.</param>
/// <param name="Parent">The backup it builds on; null for a full.</param>
public sealed record BackupIntended(BackupName Label, SystemIdentifier System, KeyThumbprint Host, BackupName? Parent = null) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.FindHost(Host) is not { Revoked: null, Role: HostRole.Database } host || host.System != System)
            return $"key {Host.Short} is no database host of system {System} that counts";
        if (state.LastLabel is { } last && Label.CompareTo(last) <= 0) return $"label {Label} does not come after {last}";
        if (state.Running.FirstOrDefault(backup => backup.System == System) is { } running) return $"backup {running.Label} of system {System} has not ended";
        if (Label.Type == BackupType.Full) return Parent is null ? null : "a full backup has no parent";
        if (Parent is not { } parent || state.FindBackup(parent) is not { } built || built.System != System || parent.OfFull != Label.OfFull)
            return $"backup {Label} needs a committed parent that goes back to {Label.OfFull}";
        return Label.Type == BackupType.Diff && parent.Type != BackupType.Full ? $"a differential backup builds on the full one, not on {parent}" : null;
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at) =>
        state with { LastLabel = Label, Running = state.Running.Add(new RunningBackup(at.Number, Label, System, Host, at.Time, Parent)) };
}

/// <summary>The backup exists (I4): its manifest is whole, and the WAL that makes it consistent is archived.</summary>
/// <param name="Label">An intended backup.</param>
/// <param name="Attempt">The attempt whose packs it is made of.</param>
/// <param name="Facts">What a reader without keys may know of it.</param>
/// <param name="Manifest">SHA-256 of the manifest root's blob.</param>
public sealed record BackupCommitted(BackupName Label, int Attempt, BackupFacts Facts, Sha256Digest Manifest) : LogEvent
{
    internal override string? Refusal(ClusterState state, EntryStamp at)
    {
        if (state.Running.Find(backup => backup.Label == Label) is not { } running) return $"no backup {Label} is being made";
        if (state.FindHost(running.Host)?.Revoked is { } revoked) return $"the host that made backup {Label} was revoked by entry {revoked.Entry}";
        if (Attempt < 1) return "attempts count from 1";
        if (Facts.StartLsn > Facts.StopLsn) return $"it starts at {Facts.StartLsn}, after its stop at {Facts.StopLsn}";
        long[] counts = [Facts.DatabaseBytes, Facts.ReadBytes, Facts.StoredBytes, Facts.FileCount, Facts.CorruptPages, Facts.WarningCount];
        return Facts.Major > 0 && counts.Min() >= 0 ? null : "a count is negative";
    }

    internal override ClusterState Fold(ClusterState state, EntryStamp at)
    {
        var running = state.Running.Find(backup => backup.Label == Label)!;
        return state with
        {
            Running = state.Running.Remove(running),
            Backups = state.Backups.Add(new LoggedBackup(at.Number, Label, running.System, running.Host, Attempt, Facts, Manifest, running.Parent)),
        };
    }
}

/// <summary>The backup will not be: what it stored is leftovers.</summary>
/// <param name="Label">An intended backup.</param>
/// <param name="Reason">For people.</param>
public sealed record BackupFailed(BackupName Label, string Reason) : LogEvent
{
    // An entry with a new property would be refused by readers that are out there: so the reason's beginning carries it.
    private const string CancelledPrefix = "cancelled: ";

    /// <summary>The reason of one that an operator ended.</summary>
    public static string ReasonOfCancelled(string reason) => ReasonOf(CancelledPrefix + reason);

    /// <summary>The reason of one that failed by itself, whatever its host says.</summary>
    public static string ReasonOfFailed(string reason) => ReasonOf(IsOfCancelled(reason) ? $"the host says: {reason}" : reason);

    internal static bool IsOfCancelled(string reason) => reason.TrimStart().StartsWith(CancelledPrefix, StringComparison.Ordinal);

    internal override string? Refusal(ClusterState state, EntryStamp at) =>
        state.Running.All(backup => backup.Label != Label) ? $"no backup {Label} is being made" : BadText("a reason", Reason, MaxReason);

    internal override ClusterState Fold(ClusterState state, EntryStamp at)
    {
        var running = state.Running.Find(backup => backup.Label == Label)!;
        var failed = state.FailedBackups.Add(new FailedBackup(at.Number, Label, running.System, at.Time, Reason));
        return state with
        {
            Running = state.Running.Remove(running),
            FailedBackups = failed.Count > ClusterState.FailedBackupsKept ? failed.RemoveAt(0) : failed,
        };
    }
}

/// <summary>What the log says of a committed backup.</summary>
/// <param name="Major">PostgreSQL's major version.</param>
/// <param name="Timeline">The timeline it started on.</param>
/// <param name="StartLsn">The checkpoint's redo: replay starts here.</param>
/// <param name="StopLsn">Replay must reach this.</param>
/// <param name="StartTime">By the server's clock.</param>
/// <param name="StopTime">By the server's clock: no earlier time can be recovered to from it.</param>
/// <param name="DatabaseBytes">Of all files.</param>
/// <param name="ReadBytes">Read from the data directory.</param>
/// <param name="StoredBytes">Of its own packs.</param>
/// <param name="FileCount">Files in it.</param>
/// <param name="CorruptPages">Pages that were stored although they fail their checksum.</param>
/// <param name="WarningCount">What people should know of it; the manifest has the words, which may name a user's files.</param>
public sealed record BackupFacts(
    int Major, TimelineId Timeline, Lsn StartLsn, Lsn StopLsn, PostgresTime StartTime, PostgresTime StopTime,
    long DatabaseBytes, long ReadBytes, long StoredBytes, long FileCount, long CorruptPages,
    [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] long WarningCount = 0);

/// <summary>A backup that was intended and has not ended.</summary>
/// <param name="Entry">The entry that intended it.</param>
/// <param name="Label">Its label.</param>
/// <param name="System">The history.</param>
/// <param name="Host">Who makes it.</param>
/// <param name="Time">When it was intended.</param>
/// <param name="Parent">What it builds on.</param>
public sealed record RunningBackup(long Entry, BackupName Label, SystemIdentifier System, KeyThumbprint Host, PostgresTime Time, BackupName? Parent = null);

/// <summary>A committed backup.</summary>
/// <param name="Entry">The entry that committed it.</param>
/// <param name="Label">Its label.</param>
/// <param name="System">The history.</param>
/// <param name="Host">Who made it.</param>
/// <param name="Attempt">Whose packs it is made of.</param>
/// <param name="Facts">Times, LSNs, sizes.</param>
/// <param name="Manifest">SHA-256 of the manifest root's blob.</param>
/// <param name="Parent">What it builds on.</param>
public sealed record LoggedBackup(
    long Entry, BackupName Label, SystemIdentifier System, KeyThumbprint Host, int Attempt, BackupFacts Facts, Sha256Digest Manifest, BackupName? Parent = null);

/// <summary>A backup that failed.</summary>
/// <param name="Entry">The entry that said so.</param>
/// <param name="Label">Its label.</param>
/// <param name="System">The history.</param>
/// <param name="Time">When it was said.</param>
/// <param name="Reason">Why.</param>
public sealed record FailedBackup(long Entry, BackupName Label, SystemIdentifier System, PostgresTime Time, string Reason)
{
    /// <summary>Whether an operator ended it: then a schedule does not repeat it.</summary>
    [JsonIgnore]
    public bool IsCancelled => BackupFailed.IsOfCancelled(Reason);
}
