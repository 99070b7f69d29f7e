using System.Globalization;
using System.Numerics;

namespace Holdfast.Core.Postgres;

/// <summary>wal_segment_size: a power of two from 1 MiB to 1 GiB (access/xlog_internal.h, IsValidWalSegSize).</summary>
public readonly record struct WalSegmentSize
{
    /// <summary>The smallest initdb allows.</summary>
    public const int MinBytes = 1 << 20;

    /// <summary>The largest initdb allows.</summary>
    public const int MaxBytes = 1 << 30;

    /// <summary>initdb's default, 16 MiB.</summary>
    public static readonly WalSegmentSize Default = new(16 << 20);

    /// <summary>1 MiB: every segment's name is one in this size.</summary>
    public static readonly WalSegmentSize Smallest = new(MinBytes);

    /// <summary>Checks and wraps a size in bytes.</summary>
    /// <exception cref="ArgumentOutOfRangeException">Not a power of two from 1 MiB to 1 GiB.</exception>
    public WalSegmentSize(long bytes) =>
        Bytes = IsValid(bytes) ? (int)bytes : throw new ArgumentOutOfRangeException(nameof(bytes), bytes, "wal_segment_size must be a power of two from 1 MiB to 1 GiB");

    /// <summary>The size in bytes.</summary>
    public int Bytes { get; }

    /// <summary>Segments in each 4 GiB "log" part of a file name (XLogSegmentsPerXLogId).</summary>
    public ulong SegmentsPerLog => 0x1_0000_0000UL / (uint)Bytes;

    /// <summary>Whether a size is one that PostgreSQL accepts.</summary>
    public static bool IsValid(long bytes) => bytes is >= MinBytes and <= MaxBytes && BitOperations.IsPow2(bytes);

    /// <inheritdoc/>
    public override string ToString() => string.Create(CultureInfo.InvariantCulture, $"{Bytes >> 20} MiB");
}
