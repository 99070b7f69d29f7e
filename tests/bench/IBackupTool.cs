namespace Holdfast.Bench;

/// <summary>A tool whose full backup and restore are measured.</summary>
public interface IBackupTool : ITool
{
    /// <summary>Takes a full backup: from typing the command to its return, when the backup counts.</summary>
    Task<BackupFigures> BackUpAsync();

    /// <summary>Restores the newest backup into a folder that is not there; nothing is replayed.</summary>
    Cost Restore(string folder);
}

/// <summary>What one full backup took.</summary>
/// <param name="Cost">The command, and whatever works for it elsewhere; neither PostgreSQL (with its archive_command) nor the store.</param>
/// <param name="Stored">Bytes in the store, with all that describes the backup, without WAL.</param>
/// <param name="Read">What was read; null where it cannot be told.</param>
/// <param name="PeakAgent">The most memory that the agent had resident; null for tools without one.</param>
/// <param name="PeakControlPlane">The same of the control plane.</param>
/// <param name="CpuParts">CPU seconds by who spent them; null where it cannot be told.</param>
/// <param name="StoredParts">Bytes by kind of blob.</param>
public sealed record BackupFigures(
    Cost Cost, long Stored, long? Read = null, long? PeakAgent = null, long? PeakControlPlane = null,
    IReadOnlyDictionary<string, double>? CpuParts = null, IReadOnlyDictionary<string, long>? StoredParts = null)
{
    /// <summary>For those who watch.</summary>
    public override string ToString() => $"{Cost.Wall.TotalSeconds,6:F2} s wall {Cost.Cpu.TotalSeconds,6:F2} s CPU {Stored / 1e6,7:F1} MB";
}
