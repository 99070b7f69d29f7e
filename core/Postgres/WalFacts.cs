namespace Holdfast.Core.Postgres;

/// <summary>How a transaction ended (access/xact.h).</summary>
public enum WalTransactionEndKind : byte
{
    /// <summary>COMMIT.</summary>
    Commit,

    /// <summary>ROLLBACK, or an error.</summary>
    Abort,

    /// <summary>COMMIT PREPARED.</summary>
    CommitPrepared,

    /// <summary>ROLLBACK PREPARED.</summary>
    AbortPrepared,
}

/// <summary>The end of a top-level transaction.</summary>
/// <param name="Xid">
/// The transaction that ended: for a prepared one the prepared transaction's, not the command's. 0 when a commit has none, or when the record
/// of a prepared one is larger than what is gathered (<see cref="WalFragment.MaxBytes"/> across a seam, 64 MiB within a segment).
/// </param>
/// <param name="Kind">How it ended.</param>
/// <param name="Start">Start of the record: recovery that stops before it (exclusive) leaves the transaction out.</param>
/// <param name="End">Aligned end of the record.</param>
/// <param name="Time">The time PostgreSQL compares with recovery_target_time.</param>
/// <param name="SubtransactionCount">How many sub-transactions the record lists.</param>
public readonly record struct WalTransactionEnd(
    uint Xid, WalTransactionEndKind Kind, Lsn Start, Lsn End, PostgresTime Time, int SubtransactionCount);

/// <summary>A named restore point (pg_create_restore_point).</summary>
/// <param name="Name">The name, decoded as UTF-8.</param>
/// <param name="Start">Start of the record.</param>
/// <param name="End">Aligned end of the record; recovery to the name stops here.</param>
/// <param name="Time">When it was made.</param>
public readonly record struct WalRestorePoint(string Name, Lsn Start, Lsn End, PostgresTime Time);

/// <summary>Kinds of checkpoint-like records.</summary>
public enum WalCheckpointKind : byte
{
    /// <summary>XLOG_CHECKPOINT_ONLINE.</summary>
    Online,

    /// <summary>XLOG_CHECKPOINT_SHUTDOWN, which the end of recovery may write too.</summary>
    Shutdown,

    /// <summary>XLOG_END_OF_RECOVERY: no checkpoint, but it names the switch of timelines. Its redo is its own start.</summary>
    EndOfRecovery,
}

/// <summary>A checkpoint, or the end of recovery.</summary>
/// <param name="Kind">Which of them.</param>
/// <param name="Start">Start of the record.</param>
/// <param name="End">Aligned end of the record.</param>
/// <param name="Redo">Where recovery from this checkpoint starts.</param>
/// <param name="Timeline">The timeline of the record.</param>
/// <param name="PreviousTimeline">The one before; differs only where a timeline begins.</param>
/// <param name="Time">When; checkpoints carry whole seconds.</param>
public readonly record struct WalCheckpoint(
    WalCheckpointKind Kind, Lsn Start, Lsn End, Lsn Redo, TimelineId Timeline, TimelineId PreviousTimeline, PostgresTime Time);

/// <summary>An XLOG_PARAMETER_CHANGE record, written at a start when a parameter that standbys watch changed; not always wal_level.</summary>
/// <param name="Start">Start of the record.</param>
/// <param name="Level">wal_level from here on.</param>
public readonly record struct WalLevelChange(Lsn Start, WalLevel Level);

/// <summary>Neighbouring records that are not told one by one, as there are too many.</summary>
/// <param name="Start">Start of the first.</param>
/// <param name="End">Aligned end of the last.</param>
/// <param name="Ends">How many end a transaction.</param>
/// <param name="RestorePoints">How many are named restore points.</param>
/// <param name="MinTime">The least time of both; null when there are none.</param>
/// <param name="MaxTime">The greatest.</param>
/// <param name="MinXid">The least transaction that ends, 0 left out; numbers as they are, without regard to wraparound. 0: none.</param>
/// <param name="MaxXid">The greatest.</param>
/// <param name="HasMinimal">Whether wal_level=minimal begins here.</param>
public readonly record struct WalFactRun(
    Lsn Start, Lsn End, int Ends, int RestorePoints, PostgresTime? MinTime, PostgresTime? MaxTime, uint MinXid, uint MaxXid, bool HasMinimal)
{
    /// <summary>The run of this one and the next.</summary>
    public WalFactRun With(WalFactRun next) => new(
        Start, next.End, Ends + next.Ends, RestorePoints + next.RestorePoints, Least(MinTime, next.MinTime), Greatest(MaxTime, next.MaxTime),
        MinXid == 0 || next.MinXid == 0 ? Math.Max(MinXid, next.MinXid) : Math.Min(MinXid, next.MinXid), Math.Max(MaxXid, next.MaxXid),
        HasMinimal || next.HasMinimal);

    private static PostgresTime? Least(PostgresTime? one, PostgresTime? other) =>
        one is not { } first ? other : other is { } second && second.Microseconds < first.Microseconds ? second : first;

    private static PostgresTime? Greatest(PostgresTime? one, PostgresTime? other) =>
        one is not { } first ? other : other is { } second && second.Microseconds > first.Microseconds ? second : first;
}

/// <summary>What a stretch of WAL says about transactions, restore points, checkpoints and wal_level, each in LSN order.</summary>
public sealed class WalFacts
{
    /// <summary>Nothing happened.</summary>
    public static readonly WalFacts None = new();

    /// <summary>Ends of transactions that are told one by one, for each segment.</summary>
    public const int MaxTransactionEnds = 1 << 18;

    /// <summary>Restore points, checkpoints and changes of wal_level that are told one by one, of each and for each segment.</summary>
    public const int MaxOthers = 1 << 14;

    /// <summary>Runs of what is not.</summary>
    public const int MaxRuns = 1 << 14;

    /// <summary>Every end of a transaction before <see cref="Runs"/>.</summary>
    public ReadOnlyMemory<WalTransactionEnd> TransactionEnds { get; init; }

    /// <summary>All that comes after one of the other lists was full; together they take bounded memory, whatever the WAL holds.</summary>
    public IReadOnlyList<WalFactRun> Runs { get; init; } = [];

    /// <summary>The last end of a transaction, when it lies in <see cref="Runs"/>.</summary>
    public WalTransactionEnd? LastEnd { get; init; }

    /// <summary>Every named restore point before <see cref="Runs"/>.</summary>
    public IReadOnlyList<WalRestorePoint> RestorePoints { get; init; } = [];

    /// <summary>Every checkpoint and end of recovery before <see cref="Runs"/>.</summary>
    public IReadOnlyList<WalCheckpoint> Checkpoints { get; init; } = [];

    /// <summary>Every parameter change's wal_level before <see cref="Runs"/>.</summary>
    public IReadOnlyList<WalLevelChange> WalLevels { get; init; } = [];

    /// <summary>The least time of a commit, abort or restore point; null when there is none. Clocks step: not always the first.</summary>
    public PostgresTime? MinTime { get; init; }

    /// <summary>The greatest time of a commit, abort or restore point; null when there is none.</summary>
    public PostgresTime? MaxTime { get; init; }
}
