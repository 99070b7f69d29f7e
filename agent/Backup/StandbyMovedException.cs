using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Backup;

/// <summary>A standby followed its primary to another timeline while it was backed up: the WAL of the backup is not of one timeline.</summary>
public sealed class StandbyMovedException(BackupName label, TimelineId from, TimelineId to) : RefusedException(
    $"backup {label} of a standby started on timeline {from} and ended on {to}: another server was promoted meanwhile",
    "nothing: another attempt starts on the new timeline");
