using System.Diagnostics;
using System.Security.Cryptography;
using Holdfast.Core.Digests;
using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;
using Holdfast.Core.Sealing.Wire;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Core.Repository;

/// <summary>A WAL file, judged and sealed, ready for <see cref="WalArchive.StoreAsync"/>. Dispose when it is stored.</summary>
/// <param name="Item">Its name and scope.</param>
/// <param name="Object">The sealed object.</param>
/// <param name="Own">For comparing with what is stored already.</param>
/// <param name="Summary">What the walk found; null for history files and damaged segments.</param>
/// <param name="Spool">Holds the object's frames.</param>
public sealed record SealedWal(WalItem Item, SealedObject Object, OwnCopy Own, WalSegmentSummary? Summary, FrameSpool Spool) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose() => Spool.Dispose();
}

/// <summary>Where the time of one file went; wall-clock ticks of <see cref="Stopwatch"/>. Walking and tagging run beside compressing.</summary>
public sealed class SealTimes
{
    /// <summary>Reading the file.</summary>
    public long Read { get; internal set; }

    /// <summary>Judging the WAL.</summary>
    public long Walk { get; internal set; }

    /// <summary>HMAC of the covered bytes.</summary>
    public long Tag { get; internal set; }

    /// <summary>Compressing, what runs beside it included.</summary>
    public long Compress { get; internal set; }

    /// <summary>Encrypting, hashing, signing.</summary>
    public long Seal { get; internal set; }
}

/// <summary>
/// Reads a WAL file once and, over exactly the bytes it sends (I9), judges, tags, compresses and seals them. Memory does not grow with the
/// segment: 4 MiB of content at a time, and above 64 MiB the frames wait in a file.
/// </summary>
public sealed class WalFileSealer(ObjectSealer sealer, EqualityKey equality, FrameCompressor compressor, SystemIdentifier system, string spoolFolder)
{
    // Small enough to stay in the processor's cache and to touch few new pages (a fault costs as much as tagging its bytes), and still a frame for each core.
    private const int BatchSize = 4 << 20;

    // A history file has a line of some 50 bytes for each switch; a backup history file is shorter still.
    private const int MaxTextFile = 4 << 20;

    /// <summary>Of the last file.</summary>
    public SealTimes Times { get; private set; } = new();

    /// <summary>Judges and seals a file that archive_command was given.</summary>
    /// <exception cref="WalDamagedException">A segment failed judgement: nothing was sealed.</exception>
    /// <exception cref="RefusedException">WAL of another cluster.</exception>
    public Task<SealedWal> SealAsync(SafeFileHandle file, WalFileName name, CancellationToken cancellationToken)
    {
        Times = new SealTimes();
        return name switch
        {
            WalFileName.Segment segment => SealSegmentAsync(file, segment.Name, WalJudgement.Complete, cancellationToken),
            WalFileName.Partial partial => SealSegmentAsync(file, partial.Name.Segment, WalJudgement.UpToLastValidRecord, cancellationToken),
            WalFileName.History history => SealTextAsync(file, new WalItem(SealedKind.TimelineHistory, BlobNames.WalHistory(system, history.Of),
                WalScope.Of(system, history.Of), name.FileName), bytes => TimelineHistory.Parse(history.Of, bytes), cancellationToken),
            WalFileName.BackupHistory backup => SealTextAsync(file, new WalItem(SealedKind.BackupHistory,
                BlobNames.WalBackupHistory(system, backup.Name.Segment, backup.Name.Offset), WalScope.Of(system, backup.Name.Segment.Timeline), name.FileName), null, cancellationToken),
            _ => throw new ArgumentException($"{name} is no WAL file", nameof(name)),
        };
    }

    /// <summary>Seals a segment as it is, under its <c>.damaged.{tag}</c> name, with the reason; nothing in it was believed.</summary>
    public Task<SealedWal> SealDamagedAsync(SafeFileHandle file, WalSegmentName segment, string reason, CancellationToken cancellationToken)
    {
        Times = new SealTimes();
        var length = RandomAccess.GetLength(file);
        return SealAsync(length, spool =>
        {
            // One read for both: a failing disk may give other bytes the second time, and the tag must be of those that are sent.
            using var hmac = equality.StartTag();
            ReadAll(file, length, spool, batch => hmac.AppendData(batch.Span), cancellationToken);
            var tag = hmac.GetHashAndReset();
            var item = new WalItem(SealedKind.WalDamaged, BlobNames.WalDamaged(system, segment, tag), WalScope.Of(system, segment), segment.ToString());
            var index = new WalIndex { Start = segment.Start.Value, SegmentSize = (uint)segment.Size.Bytes, Damage = reason };
            return new JudgedWal(item, length, tag, index, null, covered => TagOf(file, covered));
        }, cancellationToken);
    }

    private Task<SealedWal> SealSegmentAsync(SafeFileHandle file, WalSegmentName segment, WalJudgement judgement, CancellationToken cancellationToken)
    {
        var length = RandomAccess.GetLength(file);
        if (length != segment.Size.Bytes)
            throw new WalDamagedException(segment, segment.Start, $"the file has {length} bytes, a segment has {segment.Size.Bytes}");
        return SealAsync(length, spool => Judge(file, segment, judgement, spool, cancellationToken), cancellationToken);
    }

    private JudgedWal Judge(SafeFileHandle file, WalSegmentName segment, WalJudgement judgement, FrameSpool spool, CancellationToken cancellationToken)
    {
        var walker = new WalWalker(segment, system, judgement);
        using var hmac = equality.StartTag();
        var (walked, hashed) = (segment.Start, segment.Start);
        ReadAll(file, segment.Size.Bytes, spool, batch =>
        {
            var start = Stopwatch.GetTimestamp();
            walker.Append(batch.Span);
            Times.Walk += Stopwatch.GetTimestamp() - start;
            // What follows a switch is no valid WAL and not under the tag; where a partial segment ends is known only at its end.
            var end = walker.SwitchEnd ?? walked + batch.Length;
            if (judgement == WalJudgement.Complete && end > hashed)
            {
                start = Stopwatch.GetTimestamp();
                hmac.AppendData(batch.Span[..(int)(end - walked)]);
                Times.Tag += Stopwatch.GetTimestamp() - start;
                hashed = end;
            }
            walked += batch.Length;
        }, cancellationToken);
        var summary = walker.Finish();
        // PostgreSQL renamed a .partial when it was done with it, so reading it again reads the same.
        var tag = hashed == summary.ValidEnd ? hmac.GetHashAndReset() : TagOf(file, summary.CoveredLength);
        var item = judgement == WalJudgement.Complete
            ? new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString())
            : new WalItem(SealedKind.WalPartial, BlobNames.WalPartial(system, segment, tag), WalScope.Of(system, segment), $"{segment}.partial");
        return new JudgedWal(item, summary.CoveredLength, tag, WalIndexCodec.Encode(summary), summary, covered => TagOf(file, covered));
    }

    private Task<SealedWal> SealTextAsync(SafeFileHandle file, WalItem item, Action<byte[]>? check, CancellationToken cancellationToken)
    {
        var length = RandomAccess.GetLength(file);
        if (length is 0 or > MaxTextFile) throw new DamagedException($"{item.Label}: the file has {length} bytes, expected 1 to {MaxTextFile}");
        var bytes = new byte[length];
        ReadExactly(file, bytes, 0);
        check?.Invoke(bytes);
        return SealAsync(length, spool =>
        {
            foreach (var frame in compressor.Compress(bytes, null, cancellationToken)) spool.Append(frame);
            return new JudgedWal(item, length, equality.Tag(bytes), null, null, covered => equality.Tag(bytes.AsSpan(0, (int)covered)));
        }, cancellationToken);
    }

    /// <summary>A file that was judged, its frames in the spool.</summary>
    private sealed record JudgedWal(WalItem Item, long CoveredLength, byte[] Tag, WalIndex? Index, WalSegmentSummary? Summary, Func<long, byte[]> TagOf);

    private async Task<SealedWal> SealAsync(long length, Func<FrameSpool, JudgedWal> judge, CancellationToken cancellationToken)
    {
        var spool = new FrameSpool(length, spoolFolder);
        try
        {
            var judged = judge(spool);
            var content = new SealedContent(judged.Item.Kind, judged.Item.Name, length, judged.CoveredLength, judged.Tag);
            var start = Stopwatch.GetTimestamp();
            var sealedObject = await sealer.SealAsync(content, spool, new ObjectIndex { Wal = judged.Index }, cancellationToken).ConfigureAwait(false);
            Times.Seal = Stopwatch.GetTimestamp() - start;
            return new SealedWal(judged.Item, sealedObject, new OwnCopy(judged.CoveredLength, length, judged.TagOf), judged.Summary, spool);
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    private void ReadAll(SafeFileHandle file, long length, FrameSpool spool, Action<ReadOnlyMemory<byte>> alongside, CancellationToken cancellationToken)
    {
        var buffer = GC.AllocateUninitializedArray<byte>((int)Math.Min(BatchSize, length));
        for (long offset = 0; offset < length;)
        {
            var batch = buffer.AsMemory(0, (int)Math.Min(BatchSize, length - offset));
            var start = Stopwatch.GetTimestamp();
            ReadExactly(file, batch.Span, offset);
            var read = Stopwatch.GetTimestamp();
            foreach (var frame in compressor.Compress(batch, () => alongside(batch), cancellationToken)) spool.Append(frame);
            Times.Read += read - start;
            Times.Compress += Stopwatch.GetTimestamp() - read;
            offset += batch.Length;
        }
    }

    private byte[] TagOf(SafeFileHandle file, long covered)
    {
        using var hmac = equality.StartTag();
        var buffer = new byte[(int)Math.Min(1 << 20, covered)];
        for (long offset = 0; offset < covered;)
        {
            var part = buffer.AsSpan(0, (int)Math.Min(buffer.Length, covered - offset));
            ReadExactly(file, part, offset);
            hmac.AppendData(part);
            offset += part.Length;
        }
        return hmac.GetHashAndReset();
    }

    private static void ReadExactly(SafeFileHandle file, Span<byte> destination, long offset)
    {
        while (!destination.IsEmpty)
        {
            int read;
            try { read = RandomAccess.Read(file, destination, offset); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new DamagedException($"a WAL file cannot be read at byte {offset}: {e.Message}", "look at the kernel's log: the disk may be failing", e);
            }
            if (read == 0) throw new DamagedException($"a WAL file ended at byte {offset} while it was read");
            destination = destination[read..];
            offset += read;
        }
    }
}
