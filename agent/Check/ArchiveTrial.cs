using System.Diagnostics;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Check;

/// <summary>Sends one segment through the archive and reads it back.</summary>
/// <param name="context">The run.</param>
/// <param name="data">The data container.</param>
/// <param name="trust">Judges signers.</param>
/// <param name="equality">This host's, for comparing with pg_wal; null when it has none.</param>
/// <param name="keyring">Keys that open indexes or contents; on a database host, none.</param>
/// <param name="findings">Receives what is found.</param>
public sealed class ArchiveTrial(CommandContext context, IObjectStore data, ISignerTrust trust, EqualityKey? equality, Keyring keyring, CheckFindings findings)
{
    private static readonly TimeSpan ShortestPause = TimeSpan.FromMilliseconds(20), LongestPause = TimeSpan.FromMilliseconds(500);

    /// <summary>Switches, waits until the segment is there, and judges it.</summary>
    /// <returns>Null when nothing arrived in time; the findings say so.</returns>
    public async Task<CheckTrial?> RunAsync(ServerSession session, SystemIdentifier system, DataDirectory directory, CancellationToken cancellationToken)
    {
        var (segment, switched) = await session.SwitchAsync(directory.Control.WalSegmentSize, cancellationToken).ConfigureAwait(false);
        var limit = context.Options.Get(OptionTable.ArchiveTimeout);
        var (found, trouble) = await WaitAsync(system, segment, switched, limit, cancellationToken).ConfigureAwait(false);
        var latency = Stopwatch.GetElapsedTime(switched);
        if (found is null)
        {
            var archiver = (await session.ReadAsync(cancellationToken).ConfigureAwait(false)).Archiver;
            var why = trouble is not null ? $": {trouble}" : archiver.IsFailing ? $"; archive_command fails, last for {archiver.LastFailedWal}" : "; archive_command did not fail either";
            findings.Fail(CheckTopic.Archiving, $"segment {segment} is not in the archive {Quantity.Duration(limit)} after the switch{why}", "the server's log has the messages of archive-push; archive-timeout says how long to wait");
            return null;
        }
        return await JudgeAsync(found, segment, directory, latency, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Judges a segment that arrived.</summary>
    internal async Task<CheckTrial> JudgeAsync(FoundWal found, WalSegmentName segment, DataDirectory directory, TimeSpan latency, CancellationToken cancellationToken)
    {
        var equal = EqualsLocal(found, directory.Resolve($"pg_wal/{segment}"));
        var (whole, problem) = await VerifyAsync(found, cancellationToken).ConfigureAwait(false);
        var stored = $"segment {segment} stored {Quantity.Duration(latency)} after the switch";
        if (found.IsDamaged) findings.Fail(CheckTopic.Archiving, $"{stored}, as damaged: it failed judgement ({found.Blob.Name})", "see the server's log; check the disk that pg_wal is on");
        else if (equal == false) findings.Fail(CheckTopic.Archiving, $"{stored}, and differs from the one in pg_wal", "two servers may be writing this timeline, or pg-path is of another server: holdfast info");
        else if (whole == false) findings.Fail(CheckTopic.Archiving, $"{stored}, and damaged in the archive: {problem}", "the store lost or changed bytes: keep the segment in pg_wal, and look at the storage account");
        else
            findings.Ok(CheckTopic.Archiving, (equal, whole) switch
            {
                (true, true) => $"{stored}, read back and judged whole",
                (null, true) => $"{stored}, read back and judged whole (it has left pg_wal: not compared)",
                (true, _) => $"{stored}, signed by {found.Host}, the same as in pg_wal (its frames take an index key to judge)",
                _ => $"{stored}, signed by {found.Host} (it has left pg_wal: not compared; its frames take an index key to judge)",
            });
        return new CheckTrial(segment.ToString(), Math.Round(latency.TotalSeconds, 3), found.Blob.Name, found.Host, equal, whole);
    }

    private async Task<(FoundWal? Found, string? Trouble)> WaitAsync(SystemIdentifier system, WalSegmentName segment, long switched, TimeSpan limit, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.WalSegment, BlobNames.WalSegment(system, segment), WalScope.Of(system, segment), segment.ToString());
        var archive = new WalArchive(data, trust);
        string? trouble = null;
        for (var pause = ShortestPause; ; pause = pause * 1.5 < LongestPause ? pause * 1.5 : LongestPause)
        {
            try
            {
                if (await archive.FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false) is { } found) return (found, null);
            }
            catch (DamagedException e)
            {
                // Junk has its name: the true one will be beside it.
                trouble = e.Message;
            }
            if (Stopwatch.GetElapsedTime(switched) + pause > limit) return (null, trouble);
            await Task.Delay(pause, cancellationToken).ConfigureAwait(false);
        }
    }

    private bool? EqualsLocal(FoundWal found, string file)
    {
        var prefix = found.Blob.Head.Prefix;
        if (equality is null) return null;
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (prefix.CoveredLength > stream.Length) return false;
            using var hmac = equality.StartTag();
            var buffer = new byte[1 << 20];
            for (var left = prefix.CoveredLength; left > 0;)
            {
                var part = buffer.AsSpan(0, (int)Math.Min(left, buffer.Length));
                stream.ReadExactly(part);
                hmac.AppendData(part);
                left -= part.Length;
            }
            return hmac.GetHashAndReset().AsSpan().SequenceEqual(prefix.Tag.Span);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private async Task<(bool? Whole, string? Problem)> VerifyAsync(FoundWal found, CancellationToken cancellationToken)
    {
        if (keyring.IsEmpty) return (null, null);
        try
        {
            await found.Blob.VerifyFramesAsync(data, keyring, cancellationToken).ConfigureAwait(false);
            return (true, null);
        }
        catch (SealedObjectException e)
        {
            return (false, e.Message);
        }
    }
}
