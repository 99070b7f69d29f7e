namespace Holdfast.Core.Postgres;

/// <summary>
/// The part of a segment-crossing record that lies in one segment, without page headers: a tail (the record starts here and runs over the
/// segment's end) or a head (the continuation of a record that started in an earlier segment).
/// </summary>
public sealed class WalFragment
{
    /// <summary>How many bytes are kept; of a longer fragment only the first so many, and the CRC of all.</summary>
    public const int MaxBytes = 1 << 20;

    /// <summary>Of a tail: the start of the record. Of a head: the first byte after the page header.</summary>
    public required Lsn Start { get; init; }

    /// <summary>The position after the fragment, aligned to 8 bytes when the record ends in it, else the end of its segment.</summary>
    public required Lsn End { get; init; }

    /// <summary>Bytes of the record in this segment.</summary>
    public required long Length { get; init; }

    /// <summary>
    /// Of a tail: the whole record's length, xl_tot_len. Of a head: what was left of the record at the segment's start, xlp_rem_len; more
    /// than <see cref="Length"/> when the record runs on through the next segment too.
    /// </summary>
    public required uint TotalLength { get; init; }

    /// <summary>The first <see cref="MaxBytes"/> bytes at most.</summary>
    public required ReadOnlyMemory<byte> Bytes { get; init; }

    /// <summary>CRC-32C of all <see cref="Length"/> bytes, to be combined with the neighbours' (<see cref="Crc32C.Combine"/>).</summary>
    public required uint Crc { get; init; }

    /// <summary>Some bytes are not in <see cref="Bytes"/>.</summary>
    public bool IsTruncated => Bytes.Length < Length;
}
