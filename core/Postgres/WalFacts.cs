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

/// <summary>What a stretch of WAL says about transactions, restore points, checkpoints and wal_level, each in LSN order.</summary>
public sealed class WalFacts
{
    /// <summary>Nothing happened.</summary>
    public static readonly WalFacts None = new();

    /// <summary>Every end of a transaction.</summary>
    public ReadOnlyMemory<WalTransactionEnd> TransactionEnds { get; init; }

    /// <summary>Every named restore point.</summary>
    public IReadOnlyList<WalRestorePoint> RestorePoints { get; init; } = [];

    /// <summary>Every checkpoint and end of recovery.</summary>
    public IReadOnlyList<WalCheckpoint> Checkpoints { get; init; } = [];

    /// <summary>Every parameter change's wal_level.</summary>
    public IReadOnlyList<WalLevelChange> WalLevels { get; init; } = [];

    /// <summary>The least time of a commit, abort or restore point; null when there is none. Clocks step: not always the first.</summary>
    public PostgresTime? MinTime { get; init; }

    /// <summary>The greatest time of a commit, abort or restore point; null when there is none.</summary>
    public PostgresTime? MaxTime { get; init; }
}
