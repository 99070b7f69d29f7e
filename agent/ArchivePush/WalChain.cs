using Google.Protobuf;
using Holdfast.Agent.Host;
using Holdfast.Core;
using Holdfast.Core.Digests;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.ArchivePush;

/// <summary>
/// The end of the last segment this host stored, so that the record across the seam is verified too. The control plane stitches every seam
/// later; this finds damage while the segment is still in pg_wal.
/// </summary>
public sealed class WalChain(StateFolder state)
{
    private const string FileName = "wal-chain";

    /// <summary>Judges the seam to the segment before, if that was the last one stored; else there is nothing to judge.</summary>
    /// <exception cref="WalDamagedException">They do not join.</exception>
    public void Judge(WalSegmentSummary next)
    {
        if (next.Major is not null && Read(next.Segment) is { } previous) WalStitch.Join(previous, next);
    }

    /// <summary>This segment is stored.</summary>
    public void Remember(WalSegmentSummary segment)
    {
        var index = WalIndexCodec.Encode(segment);
        (index.TransactionEnds, index.Times) = (null, null);
        index.RestorePoints.Clear();
        index.Checkpoints.Clear();
        index.WalLevels.Clear();
        index.Runs.Clear();
        index.LastEnd = null;
        // Name and covered length, which the index leaves to the prefix, then the index.
        state.Write(FileName, [.. System.Text.Encoding.ASCII.GetBytes(segment.Segment.ToString()), .. BitConverter.GetBytes(segment.CoveredLength), .. index.ToByteArray()], durable: false);
    }

    private WalSegmentSummary? Read(WalSegmentName next)
    {
        const int Header = WalSegmentName.Length + 8;
        byte[]? bytes;
        try { bytes = state.Read(FileName, 8 << 20); }
        catch (ConfigurationException) { return null; } // Nothing remembered is nothing to judge.
        if (bytes is not { Length: > Header }) return null;
        if (!WalSegmentName.TryParse(System.Text.Encoding.ASCII.GetString(bytes.AsSpan(0, WalSegmentName.Length)), next.Size, out var previous)) return null;
        if (previous.Number + 1 != next.Number || previous.Timeline != next.Timeline) return null;
        try { return WalIndexCodec.Decode(Wire.WalIndex.Parser.ParseFrom(bytes, Header, bytes.Length - Header), previous, BitConverter.ToInt64(bytes, WalSegmentName.Length)); }
        catch (Exception e) when (e is InvalidProtocolBufferException or SealedObjectException) { return null; }
    }
}
