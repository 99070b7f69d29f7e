using System.Runtime.CompilerServices;
using Holdfast.Core.Continuity;
using Holdfast.Core.Postgres;
using Holdfast.Core.Recovery;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.Host;

/// <summary>Reads what the planner goes by: a listing of the WAL, the histories, and the indexes of segments.</summary>
/// <param name="data">The data container.</param>
/// <param name="trust">Judges signers.</param>
/// <param name="keyring">A content key.</param>
/// <param name="codec">Decompresses.</param>
/// <param name="warn">Told of what cannot be used.</param>
internal sealed class RecoveryReader(IObjectStore data, ISignerTrust trust, Keyring keyring, IFrameCodec codec, Action<string> warn)
{
    // Hides the latency of a ranged GET; the indexes themselves are small.
    private const int ReadAhead = 8;

    /// <summary>What there is to recover a system from.</summary>
    public async Task<RecoverySources> ReadAsync(SystemIdentifier system, ClusterState state, CancellationToken cancellationToken)
    {
        var listing = new WalListing(data, trust, system) { Backups = state.Backups };
        var inventory = await listing.ReadAsync(cancellationToken).ConfigureAwait(false);
        var ranges = inventory.Ranges.Select(stored => stored.Range).ToArray();
        var stored = inventory.Histories.ToHashSet();
        var opened = await new WalHistoryReader(data, trust, keyring, codec).ReadAsync(system, stored, warn, cancellationToken).ConfigureAwait(false);
        return new RecoverySources(state.Backups.Where(backup => backup.System == system), state.Cuts.Where(cut => cut.System == system), ranges,
            TimelineOrigins.Find(ranges, stored, opened), stored);
    }

    /// <summary>Reads indexes, some ahead.</summary>
    public WalIndexes Indexes(SystemIdentifier system)
    {
        var reader = new WalIndexReader(data, trust, keyring, system);
        return (segments, cancellationToken) => ReadAsync(reader, segments, cancellationToken);
    }

    private static async IAsyncEnumerable<SegmentReading> ReadAsync(
        WalIndexReader reader, IEnumerable<WalSegmentName> segments, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var reading = new Queue<Task<SegmentReading>>(ReadAhead);
        try
        {
            foreach (var segment in segments)
            {
                if (reading.Count == ReadAhead) yield return await reading.Dequeue().ConfigureAwait(false);
                reading.Enqueue(reader.ReadAsync(segment, _ => { }, cancellationToken));
            }
            while (reading.Count > 0) yield return await reading.Dequeue().ConfigureAwait(false);
        }
        finally
        {
            // Whatever is still under way ends unobserved otherwise.
            foreach (Task task in reading) await task.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
