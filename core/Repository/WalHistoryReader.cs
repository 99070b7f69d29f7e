using Holdfast.Core.Postgres;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.Repository;

/// <summary>Reads stored timeline histories, which takes a content key.</summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Judges signers.</param>
/// <param name="keyring">Holds a content key; with none nothing is read.</param>
/// <param name="codec">Decompresses.</param>
public sealed class WalHistoryReader(IObjectStore data, ISignerTrust trust, Keyring keyring, IFrameCodec codec)
{
    /// <summary>The histories that can be opened, of the timelines asked for.</summary>
    /// <param name="system">The history of the cluster.</param>
    /// <param name="timelines">Which.</param>
    /// <param name="problem">Told of each that cannot.</param>
    /// <param name="cancellationToken">Cancels.</param>
    /// <exception cref="StoreException">The store could not tell.</exception>
    public async Task<Dictionary<TimelineId, TimelineHistory>> ReadAsync(
        SystemIdentifier system, IEnumerable<TimelineId> timelines, Action<string> problem, CancellationToken cancellationToken)
    {
        var opened = new Dictionary<TimelineId, TimelineHistory>();
        if (keyring.IsEmpty) return opened;
        foreach (var timeline in timelines)
        {
            try
            {
                if (await ReadOneAsync(system, timeline, cancellationToken).ConfigureAwait(false) is { } history) opened.Add(timeline, history);
            }
            catch (DamagedException e)
            {
                problem($"{TimelineHistory.ToFileName(timeline)}: {e.Message}");
            }
        }
        return opened;
    }

    private async Task<TimelineHistory?> ReadOneAsync(SystemIdentifier system, TimelineId timeline, CancellationToken cancellationToken)
    {
        var item = new WalItem(SealedKind.TimelineHistory, BlobNames.WalHistory(system, timeline), WalScope.Of(system, timeline), TimelineHistory.ToFileName(timeline));
        var found = await new WalArchive(data, trust).FindAsync(item, SealedFormat.FirstRead, _ => { }, cancellationToken).ConfigureAwait(false);
        if (found is null || found.Blob.Head.Prefix.PlainLength > TimelineHistory.MaxBytes) return null;
        using var content = new MemoryStream();
        await found.Blob.CopyContentAsync(data, keyring, codec, content, cancellationToken).ConfigureAwait(false);
        return TimelineHistory.Parse(timeline, content.GetBuffer().AsSpan(0, (int)content.Length));
    }
}
