using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Core.Digests;

/// <summary>Between a run of facts and its form in a segment's index.</summary>
internal static class WalFactRunCodec
{
    /// <summary>The message.</summary>
    public static Wire.FactRun Encode(WalFactRun run, WalSegmentName segment) => new()
    {
        Start = (ulong)(run.Start - segment.Start) / 8,
        Length = (ulong)(run.End - run.Start) / 8,
        Ends = (uint)run.Ends,
        RestorePoints = (uint)run.RestorePoints,
        Times = run is { MinTime: { } minimum, MaxTime: { } maximum } ? new Wire.TimeRange { Minimum = minimum.Microseconds, Maximum = maximum.Microseconds } : null,
        MinimumXid = run.MinXid,
        MaximumXid = run.MaxXid,
        Minimal = run.HasMinimal,
    };

    /// <summary>The run.</summary>
    /// <exception cref="SealedObjectException">It lies outside the segment, or counts more than fits.</exception>
    public static WalFactRun Decode(Wire.FactRun run, WalSegmentName segment)
    {
        var most = (ulong)segment.Size.Bytes / 8;
        var records = (uint)segment.Size.Bytes / WalRecordHeader.Length;
        if (run.Start > most || run.Length > most - run.Start || run.Ends > records || run.RestorePoints > records)
            throw new SealedObjectException(
                $"its index has a run of {run.Ends} ends of transactions and {run.RestorePoints} restore points, {run.Length * 8.0} bytes from byte {run.Start * 8.0} on");
        var start = segment.Start + (long)run.Start * 8;
        return new WalFactRun(
            start, start + (long)run.Length * 8, (int)run.Ends, (int)run.RestorePoints,
            run.Times is null ? null : new PostgresTime(run.Times.Minimum), run.Times is null ? null : new PostgresTime(run.Times.Maximum),
            run.MinimumXid, run.MaximumXid, run.Minimal);
    }
}
