using Holdfast.Core;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// The rows of one instance as one owner sees them. A step is one transaction: the head is replaced under its ETag, history rows are inserted, taken events
/// deleted. An answer that got lost is resolved by reading the head back; a store that is down is asked again until it answers or the engine ends.
/// </summary>
internal sealed class InstanceJournal(IJournal journal, InstanceId instanceId, Guid owner, StorePatience patience)
{
    // Below the limits of a transaction by the head and a margin.
    private const int MaxStepWrites = JournalLimits.MaxWrites - 2;
    private const int MaxStepBytes = JournalLimits.MaxTransactionBytes - 512 * 1024;

    private readonly string _partition = instanceId.ToString();
    private InstanceHead? _head;

    /// <summary>The head as this owner last wrote it.</summary>
    public InstanceHead Head => _head ?? throw new InvalidOperationException($"{instanceId} has not been acquired");

    /// <summary>The same, or null before it was acquired; may be read from any thread.</summary>
    public InstanceHead? Known => Volatile.Read(ref _head);

    /// <summary>The head, whoever owns it; null when there is none.</summary>
    public static async Task<InstanceHead?> ReadHeadAsync(IJournal journal, InstanceId instanceId, CancellationToken cancellationToken) =>
        await journal.ReadAsync(instanceId.ToString(), InstanceHead.Key, cancellationToken) is { } row ? InstanceHead.Of(row) : null;

    /// <summary>
    /// Creates the instance. Null: one of the id is there already.
    /// </summary>
    public static async Task<InstanceHead?> CreateAsync(IJournal journal, InstanceHead head, CancellationToken cancellationToken)
    {
        var started = new HistoryRow { Kind = HistoryKind.Started, At = head.Status.CreatedAt, Name = head.Status.Workflow, Payload = head.Status.Input };
        var etag = await journal.WriteAsync(head.Status.InstanceId.ToString(),
        [
            new JournalWrite.Insert(InstanceHead.Key, head.ToValues()),
            new JournalWrite.Insert(HistoryRow.Key(0, 0), started.ToValues()),
        ], cancellationToken);
        if (etag is not null) return head with { ETag = etag };

        // The client may have repeated a call whose first answer was lost.
        var found = await ReadHeadAsync(journal, head.Status.InstanceId, cancellationToken);
        return found?.Incarnation == head.Incarnation ? found : null;
    }

    /// <summary>Goes on with a head that this owner has just created.</summary>
    public void Adopt(InstanceHead head) => _head = head;

    /// <summary>
    /// Becomes the owner by a new epoch, unless it is already. From here on every step of any other engine fails. False: the instance is gone.
    /// </summary>
    public async Task<bool> AcquireAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var found = await patience.TryAsync(() => ReadHeadAsync(journal, instanceId, cancellationToken), cancellationToken);
            if (found is null) return false;
            if (_head is { } known && (found.Epoch, found.Owner, found.Step) == (known.Epoch, owner, known.Step))
            {
                _head = found;
                return true;
            }

            if (_head is not null && found.Epoch > _head.Epoch && found.Owner != owner) throw Lost(found);
            if (found.Status.IsFinished)
            {
                _head = found;
                return true;
            }

            var next = found with { Epoch = Math.Max(found.Epoch, _head?.Epoch ?? 0) + 1, Owner = owner, Step = found.Step + 1 };
            if (await TryReplaceAsync(found, next, [], cancellationToken)) return true;
        }
    }

    /// <summary>The history of the present generation.</summary>
    /// <exception cref="DamagedException">Rows are missing.</exception>
    public async Task<IReadOnlyList<HistoryRow>> ReadHistoryAsync(CancellationToken cancellationToken)
    {
        var rows = new List<HistoryRow>();
        await foreach (var row in journal.ReadRangeAsync(_partition, HistoryRow.Prefix(Head.Generation), cancellationToken))
        {
            if (row.Key != HistoryRow.Key(Head.Generation, rows.Count)) throw Gap(rows.Count);
            rows.Add(HistoryRow.Of(row));
        }

        return rows.Count == Head.Next ? rows : throw Gap(rows.Count);
    }

    /// <summary>The waiting events, in the order of their arrival.</summary>
    public async IAsyncEnumerable<InboxEvent> ReadInboxAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in journal.ReadRangeAsync(_partition, InboxEvent.Prefix(Head.Incarnation), cancellationToken)) yield return InboxEvent.Of(row);
    }

    /// <summary>
    /// Adds what happened to the history, and makes <paramref name="status"/> visible with its last row. What does not fit into one transaction becomes several
    /// steps: a crash between them leaves a shorter history, and the replay does again what is missing.
    /// </summary>
    /// <exception cref="OwnershipLostException">Another engine has taken the instance over.</exception>
    public async Task StepAsync(IReadOnlyList<StepItem> items, WorkflowStatus status, CancellationToken cancellationToken)
    {
        for (var taken = 0; ;)
        {
            var writes = new List<JournalWrite>();
            var (bytes, first) = (0, taken);
            for (; taken < items.Count; taken++)
            {
                var item = Writes(items[taken], Head.Next + taken - first).ToArray();
                bytes += item.Sum(JournalLimits.BodyBytes);
                if (writes.Count > 0 && (writes.Count + item.Length > MaxStepWrites || bytes > MaxStepBytes)) break;
                writes.AddRange(item);
            }

            var isLast = taken == items.Count;
            var next = Head with
            {
                Step = Head.Step + 1,
                Next = Head.Next + taken - first,
                Status = isLast ? status : Head.Status with { UpdatedAt = status.UpdatedAt },
            };
            await ReplaceHeadAsync(next, writes, cancellationToken);
            if (isLast) return;
        }
    }

    /// <summary>Begins a new generation with an empty history; events that the last turn took are gone with it.</summary>
    /// <exception cref="OwnershipLostException">Another engine has taken the instance over.</exception>
    public async Task ContinueAsNewAsync(WorkflowStatus status, IEnumerable<string> takenEvents, CancellationToken cancellationToken)
    {
        var old = Head.Generation;
        var started = new HistoryRow { Kind = HistoryKind.Started, At = status.UpdatedAt, Name = status.Workflow, Payload = status.Input };
        var next = Head with { Step = Head.Step + 1, Generation = old + 1, Next = 1, Status = status };
        JournalWrite[] writes = [new JournalWrite.Insert(HistoryRow.Key(old + 1, 0), started.ToValues()), .. takenEvents.Select(key => new JournalWrite.Delete(key))];
        await ReplaceHeadAsync(next, writes, cancellationToken);
    }

    /// <summary>Deletes what older generations left.</summary>
    public async Task ForgetOldGenerationsAsync(CancellationToken cancellationToken)
    {
        if (Head.Generation == 0) return;
        var current = HistoryRow.Prefix(Head.Generation);
        await DeleteAsync(journal, _partition, "h-", key => string.CompareOrdinal(key, current) < 0, cancellationToken);
    }

    /// <summary>Deletes rows of a partition. Two that do so at once do not disturb each other.</summary>
    public static async Task DeleteAsync(IJournal journal, string partition, string prefix, Func<string, bool> isMeant, CancellationToken cancellationToken)
    {
        while (true)
        {
            var keys = new List<JournalWrite>();
            await foreach (var row in journal.ReadRangeAsync(partition, prefix, cancellationToken))
            {
                if (isMeant(row.Key)) keys.Add(new JournalWrite.Delete(row.Key));
                if (keys.Count == JournalLimits.MaxWrites) break;
            }

            if (keys.Count == 0) return;
            await journal.WriteAsync(partition, keys, cancellationToken); // when another was faster, the next look finds the rest
        }
    }

    private IEnumerable<JournalWrite> Writes(StepItem item, int number)
    {
        yield return new JournalWrite.Insert(HistoryRow.Key(Head.Generation, number), item.Row.ToValues());
        if (item.TakenEvent is { } key) yield return new JournalWrite.Delete(key);
    }

    private async Task ReplaceHeadAsync(InstanceHead next, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken)
    {
        while (!await TryReplaceAsync(Head, next, writes, cancellationToken))
        {
            var found = await patience.TryAsync(() => ReadHeadAsync(journal, instanceId, cancellationToken), cancellationToken);
            if (found is null || (found.Epoch, found.Owner, found.Step) != (Head.Epoch, owner, Head.Step)) throw Lost(found);
            if (found.ETag == Head.ETag)
                throw new DamagedException($"{instanceId}: the journal refuses step {next.Step} though its head is as we left it", "Rows were changed by hand, or lost by the store.");
            _head = found;
        }
    }

    // True when it took effect, whatever became of the answer.
    private async Task<bool> TryReplaceAsync(InstanceHead before, InstanceHead next, IReadOnlyList<JournalWrite> writes, CancellationToken cancellationToken)
    {
        JournalWrite[] all = [new JournalWrite.Replace(InstanceHead.Key, next.ToValues(), before.ETag), .. writes];
        if (await patience.TryAsync(() => journal.WriteAsync(_partition, all, cancellationToken), cancellationToken) is { } etag)
        {
            _head = next with { ETag = etag };
            return true;
        }

        var found = await patience.TryAsync(() => ReadHeadAsync(journal, instanceId, cancellationToken), cancellationToken);
        if (found is null || (found.Epoch, found.Owner, found.Step) != (next.Epoch, next.Owner, next.Step)) return false;
        _head = found;
        return true;
    }

    private OwnershipLostException Lost(InstanceHead? found) => new(found is null
        ? $"{instanceId} is gone from the journal"
        : $"{instanceId} is at epoch {found.Epoch}, step {found.Step} of engine {found.Owner:N}; expected epoch {Head.Epoch}, step {Head.Step} of this engine {owner:N}");

    private DamagedException Gap(int number) => new(
        $"the history of {instanceId} has {Head.Next} rows, but row {number} of generation {Head.Generation} is missing or one too many",
        "The store lost rows, or they were changed by hand. Cancel the instance; it then ends without clean-up.");
}
