using Holdfast.Core.Postgres;
using Holdfast.Core.Repository.Packs;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Repository.Manifests;

/// <summary>What <see cref="Wire.BackupFiles"/> must say to be believed, and what of it the log repeats.</summary>
public static class BackupFilesCodec
{
    // Some 50 to 100 bytes each, and a line for each tablespace.
    private const int MaxText = 1 << 20;
    private const uint MaxParts = PackFormat.MaxPacks;

    /// <summary>Most warnings, and most rules of what was left out, that one backup may bring along.</summary>
    public const int MaxLines = 1000;

    /// <summary>Most characters of a warning, and most bytes of a rule of what was left out.</summary>
    public const int MaxLine = 4096;

    /// <summary>Why this is not what the host of that attempt can have said; null when it is.</summary>
    public static string? Fault(Wire.BackupFiles files, BackupAttempt attempt)
    {
        if (files.Label != attempt.Label.ToString() || files.Attempt != attempt.Attempt || files.SystemIdentifier != attempt.System.Value)
            return $"it is of {files.Label}/{files.Attempt} of system {files.SystemIdentifier}, expected {attempt} of system {attempt.System}";
        if (files.BlockSize != PackFormat.BlockSize) return $"its blocks have {files.BlockSize} bytes, expected {PackFormat.BlockSize}";
        if (files.Major is 0 or > 1000 || files.Timeline == 0 || files.StartLsn == 0 || files.StartLsn > files.StopLsn)
            return $"it is of PostgreSQL {files.Major}, timeline {files.Timeline}, from {new Lsn(files.StartLsn)} to {new Lsn(files.StopLsn)}";
        if (!WalSegmentSize.IsValid(files.WalSegmentSize) || files.RelationSegmentBlocks != RelationFileName.BlocksPerSegment)
            return $"its WAL segments have {files.WalSegmentSize} bytes, its relations' {files.RelationSegmentBlocks} blocks";
        if (files.Workers > PackFormat.MaxWorkers || files.IndexCounts.Count != files.Workers || files.IndexCounts.Any(count => count > MaxParts)
            || files.ListCount > MaxParts || files.CatalogCount > MaxParts)
            return $"it claims {files.Workers} workers, {files.IndexCounts.Count} counts of blobs of extents, {files.ListCount} lists and {files.CatalogCount} catalogs";
        if (files.BackupLabel.Length is 0 or > MaxText || files.TablespaceMap.Length > MaxText) return $"its backup_label has {files.BackupLabel.Length} bytes, its tablespace_map {files.TablespaceMap.Length}";
        if (!AreLines(files.Warnings.Count, files.WarningCount, files.Warnings.Select(warning => warning.Length)))
            return $"it has {files.Warnings.Count} of {files.WarningCount} warnings, or one that is too long";
        if (!AreLines(files.Excluded.Count, ulong.MaxValue, files.Excluded.Select(path => path.Length)))
            return $"it has {files.Excluded.Count} rules of what was left out, or one that is too long";
        ulong[] counts = [files.ReadBytes, files.CorruptPageCount, files.WarningCount, files.ExcludedCount];
        return counts.Max() > long.MaxValue ? "a count is beyond 2^63" : null;
    }

    /// <summary>What the log says of the backup.</summary>
    /// <param name="files">What the host said; without fault.</param>
    /// <param name="databaseBytes">Of all files, as the list says.</param>
    /// <param name="storedBytes">Of its packs, as they were found.</param>
    /// <param name="fileCount">Rows of the list.</param>
    public static BackupFacts Facts(Wire.BackupFiles files, long databaseBytes, long storedBytes, long fileCount) => new(
        (int)files.Major, new TimelineId(files.Timeline), new Lsn(files.StartLsn), new Lsn(files.StopLsn), new PostgresTime(files.StartTime), new PostgresTime(files.StopTime),
        databaseBytes, (long)files.ReadBytes, storedBytes, fileCount, (long)files.CorruptPageCount, (long)files.WarningCount);

    private static bool AreLines(int count, ulong ofCount, IEnumerable<int> lengths) =>
        count <= MaxLines && (ulong)count <= ofCount && lengths.All(length => length <= MaxLine);
}
