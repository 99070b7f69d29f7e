namespace Holdfast.Core.Sealing;

/// <summary>What a sealed object holds; one byte of its prefix. Numbers are never used again for something else.</summary>
public enum SealedKind : byte
{
    /// <summary>A complete WAL segment.</summary>
    WalSegment = 1,

    /// <summary>The last, unfinished segment of a timeline, as PostgreSQL hands it to archive_command at a promotion.</summary>
    WalPartial = 2,

    /// <summary>A segment that failed judgement three times and was stored so that PostgreSQL could go on.</summary>
    WalDamaged = 3,

    /// <summary>A timeline history file.</summary>
    TimelineHistory = 4,

    /// <summary>A backup history file (<c>{segment}.{offset}.backup</c>).</summary>
    BackupHistory = 5,

    /// <summary>Blocks of files of one backup.</summary>
    Pack = 16,

    /// <summary>The extents of some packs of one worker of a backup.</summary>
    BackupExtents = 17,

    /// <summary>A part of a backup's list of files.</summary>
    BackupFileList = 18,

    /// <summary>What is said of a backup when all of it is stored: the attempt is complete.</summary>
    BackupFiles = 19,

    /// <summary>What a database's catalog calls its relations, at the time of a backup.</summary>
    CatalogSnapshot = 20,

    /// <summary>The root of a committed backup's manifest.</summary>
    ManifestRoot = 32,

    /// <summary>A part of manifests, named by its hash.</summary>
    ManifestShard = 33,

    /// <summary>A job for one host, sealed to its agreement key.</summary>
    Job = 64,

    /// <summary>A report of one host.</summary>
    Report = 65,

    /// <summary>What <c>check</c> tries to overwrite.</summary>
    Canary = 66,
}

/// <summary>What follows from a kind.</summary>
public static class SealedKinds
{
    /// <summary>Whether the prefix carries coveredLength and tag (docs/format.md).</summary>
    public static bool IsWal(this SealedKind kind) => kind is >= SealedKind.WalSegment and <= SealedKind.BackupHistory;
}
