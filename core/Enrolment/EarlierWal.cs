using System.Collections.Immutable;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Enrolment;

/// <summary>
/// Looks at what is stored in stretches that shall count for a host though they are of before its registration. What a thief of its key put there was
/// junk so far, and an admission would make it count: so it is refused where that key signed anything already (decision 0023).
/// </summary>
internal static class EarlierWal
{
    /// <summary>Most candidates that are read: names of a stretch are few.</summary>
    private const int MaxRead = 4096;

    /// <summary>Passes if nothing that the host signed is stored in the stretches.</summary>
    /// <param name="data">The data container.</param>
    /// <param name="host">The host.</param>
    /// <param name="wal">The stretches.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="RefusedException">Something is; names the blob.</exception>
    public static async Task RequireUnsignedAsync(
        IObjectStore data, RegisteredHost host, ImmutableList<WalStretch> wal, CancellationToken cancellationToken)
    {
        var (system, read) = (host.System!.Value, 0);
        foreach (var timeline in wal.GroupBy(stretch => stretch.Timeline))
        {
            var prefix = $"{BlobNames.WalPrefix(system)}{timeline.Key.ToFileName()}/";
            await foreach (var blob in data.ListAsync(prefix, cancellationToken).ConfigureAwait(false))
            {
                if (!timeline.Any(stretch => MayLieIn(blob.Name, stretch))) continue;
                if (++read > MaxRead)
                    throw new RefusedException($"admitting earlier WAL of host {host.Name}: more than {MaxRead} blobs lie there", LeaveOut);
                if (await IsSignedByAsync(data, blob.Name, host, cancellationToken).ConfigureAwait(false)) throw Signed(host, blob.Name);
            }
        }
    }

    private const string LeaveOut = "it can be left out, with a cut in the log: holdfast adopt --drop-earlier";

    /// <summary>A name does not say how large segments are: every size is tried, and the head is read of what may lie there.</summary>
    private static bool MayLieIn(string blob, WalStretch stretch)
    {
        var file = blob.AsSpan(blob.LastIndexOf('/') + 1);
        if (file.Length < WalSegmentName.Length) return false;
        for (long bytes = WalSegmentSize.MinBytes; bytes <= WalSegmentSize.MaxBytes; bytes *= 2)
        {
            var isName = WalSegmentName.TryParse(file[..WalSegmentName.Length], new WalSegmentSize(bytes), out var segment);
            if (isName && segment.Start < stretch.To && segment.End > stretch.From) return true;
        }
        return false;
    }

    private static async Task<bool> IsSignedByAsync(IObjectStore data, string blob, RegisteredHost host, CancellationToken cancellationToken)
    {
        try
        {
            var found = await SealedBlob.ReadHeadAsync(data, blob, SealedFormat.FirstRead, cancellationToken).ConfigureAwait(false);
            return found?.Head.Prefix.Signer == host.Thumbprint && found.Head.IsSignedBy(host.SigningKey);
        }
        catch (SealedObjectException)
        {
            return false; // Junk, whoever wrote it.
        }
    }

    private static RefusedException Signed(RegisteredHost host, string blob) => new(
        $"admitting earlier WAL of host {host.Name}: blob {blob} is there already, signed by its key {host.Thumbprint.Short} when it did not count. "
        + "A host's own agent stores no such thing",
        $"the key may be in other hands: docs/runbooks/keys-reached.md. {char.ToUpperInvariant(LeaveOut[0])}{LeaveOut[1..]}");
}
