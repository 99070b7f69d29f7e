using Holdfast.Core.Postgres;

namespace Holdfast.Core.Recovery;

/// <summary>How recovery ends.</summary>
public enum RecoveryStopKind
{
    /// <summary>As soon as the backup is consistent.</summary>
    Consistency,

    /// <summary>Before a record.</summary>
    Before,

    /// <summary>After a record.</summary>
    After,

    /// <summary>Where WAL ends.</summary>
    EndOfWal,

    /// <summary>At a record of a run that the index does not tell one by one, if it is there.</summary>
    Within,
}

/// <summary>Where recovery is expected to end.</summary>
/// <param name="Kind">How.</param>
/// <param name="At">The record's start; for <see cref="RecoveryStopKind.Consistency"/> the backup's stop; for <see cref="RecoveryStopKind.EndOfWal"/> the end of the last record; for <see cref="RecoveryStopKind.Within"/> the run's start.</param>
/// <param name="ReadTo">WAL is read up to here.</param>
/// <param name="Record">What the record is, for people: <c>commit of 771</c>; null when it is not known.</param>
/// <param name="Time">Its time; null when it has none.</param>
public sealed record RecoveryStop(RecoveryStopKind Kind, Lsn At, Lsn ReadTo, string? Record = null, PostgresTime? Time = null);

/// <summary>A moment that can be recovered to.</summary>
/// <param name="Lsn">Its position.</param>
/// <param name="Time">Its time, as far as known.</param>
public sealed record RecoverableMoment(Lsn Lsn, PostgresTime? Time)
{
    /// <inheritdoc/>
    public override string ToString() => Time is { } time ? $"{time} (LSN {Lsn})" : $"LSN {Lsn}";
}

/// <summary>The target cannot be recovered to; nothing was fetched. The message names what is missing, the hint the nearest moments.</summary>
public sealed class UnreachableTargetException(string message, string? hint, RecoverableMoment? before = null, RecoverableMoment? after = null) : HoldfastException(message, hint)
{
    /// <summary>The last moment before the target that can be recovered to; null when there is none, or the target has no place in time.</summary>
    public RecoverableMoment? Before { get; } = before;

    /// <summary>The first moment after the target that can be recovered to; null likewise.</summary>
    public RecoverableMoment? After { get; } = after;
}
