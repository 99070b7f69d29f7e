using Holdfast.Core.Repository;

namespace Holdfast.Agent.Backup;

/// <summary>A backup that the control plane wants.</summary>
/// <param name="Label">Its label.</param>
/// <param name="Attempt">From 1; its prefix is this attempt's alone.</param>
/// <param name="FastCheckpoint">Start with an immediate checkpoint, unless the host is told otherwise (start-fast).</param>
public sealed record BackupOrder(BackupName Label, int Attempt, bool FastCheckpoint);
