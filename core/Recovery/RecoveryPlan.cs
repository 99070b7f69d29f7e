using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Core.Recovery;

/// <summary>How a target is reached. Everything it needs is stored, as far as names and the indexes read tell.</summary>
/// <param name="Target">What was asked for.</param>
/// <param name="Timeline">The timeline followed.</param>
/// <param name="TimelineSetting">Its recovery_target_timeline: a number, or <c>current</c> where no history file is stored.</param>
/// <param name="Backup">The backup it starts from.</param>
/// <param name="Wal">The WAL that is read, legs in order, whole segments.</param>
/// <param name="Stop">Where recovery ends.</param>
/// <param name="Effective">
/// What PostgreSQL is told, which is the target except where it would not stop at it: a moment after which nothing was committed.
/// </param>
public sealed record RecoveryPlan(
    RecoveryTarget Target, TimelineId Timeline, string TimelineSetting, LoggedBackup Backup, IReadOnlyList<WalRange> Wal, RecoveryStop Stop, RecoveryTarget Effective)
{
    /// <summary>How many segments are read.</summary>
    public long SegmentCount => Wal.Sum(leg => leg.SegmentCount);

    /// <summary>The first segment's first byte.</summary>
    public Lsn WalStart => Wal[0].Start;

    /// <summary>The byte after the last segment.</summary>
    public Lsn WalEnd => Wal[^1].End;

    /// <summary>
    /// The recovery_target… settings: at most one target, its inclusiveness where that matters, and the timeline. Values are not quoted.
    /// </summary>
    public IReadOnlyList<(string Name, string Value)> Settings
    {
        get
        {
            var settings = new List<(string, string)>();
            void Add(string name, string value, bool inclusive = true)
            {
                settings.Add((name, value));
                if (!inclusive) settings.Add(("recovery_target_inclusive", "off"));
            }
            switch (Effective)
            {
                case RecoveryTarget.Immediate: Add("recovery_target", "immediate"); break;
                case RecoveryTarget.Time time: Add("recovery_target_time", time.At.ToString(), time.Inclusive); break;
                case RecoveryTarget.AtLsn at: Add("recovery_target_lsn", at.Position.ToString(), at.Inclusive); break;
                case RecoveryTarget.Transaction transaction: Add("recovery_target_xid", transaction.Xid.ToString(System.Globalization.CultureInfo.InvariantCulture), transaction.Inclusive); break;
                case RecoveryTarget.RestorePoint point: Add("recovery_target_name", point.Name); break;
            }
            Add("recovery_target_timeline", TimelineSetting);
            return settings;
        }
    }
}
