using Holdfast.Core.Postgres;

namespace Holdfast.Core.Recovery;

/// <summary>Where recovery shall end, as PostgreSQL's recovery_target_… settings say it. Match on the nested types.</summary>
public abstract record RecoveryTarget
{
    private RecoveryTarget()
    {
    }

    /// <summary>As people read it: <c>2026-11-23 14:29:59+00</c>, <c>transaction 771</c>.</summary>
    public sealed override string ToString() => this switch
    {
        Time time => $"{time.At}{(time.Inclusive ? "" : ", exclusive")}",
        AtLsn at => $"LSN {at.Position}{(at.Inclusive ? "" : ", exclusive")}",
        Transaction transaction => $"transaction {transaction.Xid}{(transaction.Inclusive ? "" : ", exclusive")}",
        RestorePoint point => $"restore point \"{point.Name}\"",
        Immediate => "the end of the backup",
        _ => "the end of the archive",
    };

    /// <summary>The end of the archived WAL.</summary>
    public sealed record Latest : RecoveryTarget;

    /// <summary>As soon as the backup is consistent.</summary>
    public sealed record Immediate : RecoveryTarget;

    /// <summary>
    /// Before the first commit or abort that is later; exclusive: or as late. Restore points stop nothing [xlogrecovery.c, recoveryStopsBefore].
    /// </summary>
    public sealed record Time(PostgresTime At, bool Inclusive = true) : RecoveryTarget;

    /// <summary>After the first record that starts at or after the position; exclusive: before it.</summary>
    public sealed record AtLsn(Lsn Position, bool Inclusive = true) : RecoveryTarget;

    /// <summary>After the end of a top-level transaction; exclusive: before it.</summary>
    public sealed record Transaction(uint Xid, bool Inclusive = true) : RecoveryTarget;

    /// <summary>After the first restore point of that name.</summary>
    public sealed record RestorePoint(string Name) : RecoveryTarget;
}

/// <summary>Which timeline recovery follows.</summary>
/// <param name="Number">A timeline; null with <paramref name="Current"/> or for the latest.</param>
/// <param name="Current">The backup's own.</param>
public readonly record struct TimelineChoice(TimelineId? Number, bool Current)
{
    /// <summary>The highest one of which WAL is stored: PostgreSQL's default.</summary>
    public static readonly TimelineChoice Latest = new(null, false);

    /// <summary>The timeline of the backup.</summary>
    public static readonly TimelineChoice OfBackup = new(null, true);

    /// <summary>That one.</summary>
    public static TimelineChoice Of(TimelineId timeline) => new(timeline, false);

    /// <inheritdoc/>
    public override string ToString() => Number?.ToString() ?? (Current ? "current" : "latest");
}
