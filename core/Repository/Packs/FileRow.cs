using Holdfast.Core.Postgres;

namespace Holdfast.Core.Repository.Packs;

/// <summary>What a row of a list of files stands for; one byte in the tables.</summary>
public enum FileKind : byte
{
    /// <summary>A relation's file: what is incremental works by its blocks.</summary>
    Relation = 1,

    /// <summary>Any other regular file below PGDATA or in a tablespace.</summary>
    Other = 2,

    /// <summary>A directory.</summary>
    Directory = 3,

    /// <summary>A symbolic link without what it leads to: a tablespace's in pg_tblspc, pg_wal, or one that leads to another place of the backup.</summary>
    Link = 4,

    /// <summary>A regular file outside PGDATA, such as a configuration file in /etc: captured beside.</summary>
    Outside = 5,
}

/// <summary>What is known of a file beside its blocks.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Length">Bytes as backed up; 0 for directories and links. Block i holds the bytes from i · 8192 on.</param>
/// <param name="Mode">Permission bits, at most 07777.</param>
/// <param name="Owner">The user's name.</param>
/// <param name="Group">The group's name.</param>
/// <param name="Modified">When it was changed last.</param>
/// <param name="Crc32C">CRC-32C of the bytes as backed up; 0 for what has none.</param>
/// <param name="LinkTarget">
/// Raw bytes, where the name was a link: absolute; or, where it leads into the data directory itself, relative to the folder that holds it.
/// A kind other than <see cref="FileKind.Link"/> has what it led to as its content. Empty: it was no link.
/// </param>
public sealed record FileFacts(
    FileKind Kind, long Length, uint Mode, string Owner, string Group, PostgresTime Modified, uint Crc32C = 0, ReadOnlyMemory<byte> LinkTarget = default)
{
    /// <summary>Longest file: 2³² − 1 blocks.</summary>
    public const long MaxLength = uint.MaxValue * (long)PackFormat.BlockSize;

    /// <summary>How many blocks it has; the last one may be shorter than the others.</summary>
    public uint BlockCount => (uint)((Length + PackFormat.BlockSize - 1) / PackFormat.BlockSize);

    /// <summary>Whether it has bytes: a regular file.</summary>
    public bool HasContent => Kind is FileKind.Relation or FileKind.Other or FileKind.Outside;
}

/// <summary>A row of a list of files.</summary>
/// <param name="Id">Which file.</param>
/// <param name="Facts">What is known of it.</param>
public readonly record struct FileRow(FileId Id, FileFacts Facts);
