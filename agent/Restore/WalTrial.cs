using Holdfast.Agent.Compression;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Restore;

/// <summary>Fetches the first segment that recovery will want, as archive-get will, to nowhere.</summary>
internal static class WalTrial
{
    // The index of most segments; the rest is read in pieces.
    private const int FirstRead = 256 << 10;

    /// <summary>Fetches and opens it whole.</summary>
    /// <param name="data">The data container.</param>
    /// <param name="trust">Judges its signer.</param>
    /// <param name="keyring">What this host can open.</param>
    /// <param name="system">The history it is of.</param>
    /// <param name="segment">Which.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="HoldfastException">Why it cannot be had.</exception>
    public static async Task FetchAsync(
        IObjectStore data, ISignerTrust trust, Keyring keyring, SystemIdentifier system, WalSegmentName segment,
        CancellationToken cancellationToken)
    {
        var name = BlobNames.WalSegment(system, segment);
        var item = new WalItem(SealedKind.WalSegment, name, WalScope.Of(system, segment), segment.ToString());
        var found = await new WalArchive(data, trust).FindAsync(item, FirstRead, _ => { }, cancellationToken).ConfigureAwait(false)
            ?? throw new StoreException($"segment {segment} was listed and is not there", "run the same command again");
        using var codec = FrameCodecs.Create(3);
        await found.Blob.CopyContentAsync(data, keyring, codec, Stream.Null, cancellationToken).ConfigureAwait(false);
    }
}
