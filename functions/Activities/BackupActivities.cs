namespace Holdfast.Functions.Activities;

/// <summary>A job that was sent.</summary>
/// <param name="Job">Its id.</param>
/// <param name="Attempt">The attempt, whose number is the prefix of what it stores.</param>
public sealed record JobTicket(string Job, int Attempt);

/// <summary>An attempt at a backup.</summary>
/// <param name="Label">The backup.</param>
/// <param name="Attempt">The attempt.</param>
public sealed record AttemptReference(string Label, int Attempt);

/// <summary>Which attempt is to come.</summary>
/// <param name="Label">The backup.</param>
/// <param name="After">The attempt before; 0: none.</param>
public sealed record NextAttempt(string Label, int After);

/// <summary>A job to end.</summary>
/// <param name="Label">Its backup.</param>
/// <param name="Job">The job.</param>
/// <param name="Reason">For people.</param>
public sealed record JobCancellation(string Label, string Job, string Reason);

/// <summary>How far the WAL of an attempt was proven.</summary>
/// <param name="Label">The backup.</param>
/// <param name="Attempt">The attempt.</param>
/// <param name="Proven">Segments that are proven, from the first on.</param>
public sealed record ArchiveQuestion(string Label, int Attempt, long Proven);

/// <summary>The answer.</summary>
/// <param name="IsWhole">All of it is there and joins.</param>
/// <param name="Proven">Segments that are proven, from the first on.</param>
/// <param name="Waiting">What is waited for, in words.</param>
/// <param name="Missing">Segments that are not proven yet.</param>
/// <param name="IsMoreThere">The next one is stored already: this look had enough of them.</param>
public sealed record ArchiveAnswer(bool IsWhole, long Proven, string? Waiting = null, long Missing = 0, bool IsMoreThere = false);

/// <summary>A manifest that was stored.</summary>
/// <param name="Label">The backup.</param>
/// <param name="Attempt">The attempt that it is made of.</param>
/// <param name="Hash">SHA-256 of its root.</param>
/// <param name="Facts">What the log says of the backup.</param>
public sealed record StoredManifest(string Label, int Attempt, string Hash, ManifestFacts Facts);

/// <summary><see cref="Core.Repository.BackupFacts"/> in plain numbers, as a journal keeps them; LSNs and times as PostgreSQL counts them.</summary>
public sealed record ManifestFacts(
    int Major, uint Timeline, ulong StartLsn, ulong StopLsn, long StartTime, long StopTime,
    long DatabaseBytes, long ReadBytes, long StoredBytes, long FileCount, long CorruptPages, long WarningCount = 0);

/// <summary>What the backup workflow does; names are kept in journals.</summary>
public static class BackupActivities
{
    /// <summary>Chooses the number of the next attempt: in the journal before anything is sent, so that sending can be repeated.</summary>
    public static ActivityName<NextAttempt, AttemptReference> ChooseAttempt { get; } = new("backup.choose-attempt");

    /// <summary>Sends the job of an attempt to the host.</summary>
    public static ActivityName<AttemptReference, JobTicket> SendJob { get; } = new("backup.send-job");

    /// <summary>Tells the host to end a job.</summary>
    public static ActivityName<JobCancellation, bool> CancelJob { get; } = new("backup.cancel-job");

    /// <summary>Takes in all reports that are there, so that whoever is judged silent was heard.</summary>
    public static ActivityName<JobTicket, bool> ReadReports { get; } = new("backup.read-reports");

    /// <summary>Looks whether the WAL that makes an attempt consistent is archived and whole.</summary>
    public static ActivityName<ArchiveQuestion, ArchiveAnswer> CheckArchive { get; } = new("backup.check-archive");

    /// <summary>Builds and stores the manifest.</summary>
    public static ActivityName<AttemptReference, StoredManifest> BuildManifest { get; } = new("backup.build-manifest");

    /// <summary>Logs the commit: from here on the backup exists.</summary>
    public static ActivityName<StoredManifest, bool> Commit { get; } = new("backup.commit");

    /// <summary>Logs the failure, unless the backup was committed; says whether it failed.</summary>
    public static ActivityName<BackupFailure, bool> Fail { get; } = new("backup.fail");
}

/// <summary>A backup that will not be.</summary>
/// <param name="Label">The backup.</param>
/// <param name="Reason">Why.</param>
public sealed record BackupFailure(string Label, string Reason);
