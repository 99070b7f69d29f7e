using System.Globalization;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// Which instances run, and which ended when: two partitions beside those of the instances (whose ids never start with a dot). A transaction cannot span
/// partitions, so an instance is entered before it is created and moved after it has ended: after a crash an entry may be too many, never too few.
/// </summary>
internal sealed class InstanceIndex(IJournal journal, TimeProvider time)
{
    private const string Running = ".running";
    private const string Ended = ".ended";

    // An entry without an instance is what a crash in the middle of a start left; younger ones may be about to get theirs.
    private static readonly TimeSpan StartTakesAtMost = TimeSpan.FromHours(1);

    /// <summary>Enters an instance that is about to be created.</summary>
    public Task AddAsync(InstanceId instanceId, CancellationToken cancellationToken) =>
        journal.WriteAsync(Running, [new JournalWrite.Insert(instanceId.ToString(), Now())], cancellationToken);

    /// <summary>Touches the entry, so that the engine that owns the instance looks for new events.</summary>
    public async Task TouchAsync(InstanceId instanceId, CancellationToken cancellationToken)
    {
        // Null, and a conflict: it has ended, or someone else touched it.
        if (await journal.ReadAsync(Running, instanceId.ToString(), cancellationToken) is { } row)
            await journal.WriteAsync(Running, [new JournalWrite.Replace(row.Key, Now(), row.ETag)], cancellationToken);
    }

    /// <summary>Moves an instance that has ended.</summary>
    public async Task EndAsync(WorkflowStatus status, CancellationToken cancellationToken)
    {
        await journal.WriteAsync(Ended, [new JournalWrite.Put(EndedKey(status), Now())], cancellationToken);
        await RemoveAsync(status.InstanceId, cancellationToken);
    }

    /// <summary>Removes the entry of an instance that does not exist.</summary>
    public Task RemoveAsync(InstanceId instanceId, CancellationToken cancellationToken) =>
        journal.WriteAsync(Running, [new JournalWrite.Delete(instanceId.ToString())], cancellationToken);

    /// <summary>Removes the entry of an instance that was purged.</summary>
    public Task ForgetAsync(WorkflowStatus status, CancellationToken cancellationToken) => ForgetAsync(EndedKey(status), cancellationToken);

    /// <summary>Removes an entry of an instance that was purged.</summary>
    public Task ForgetAsync(string endedKey, CancellationToken cancellationToken) => journal.WriteAsync(Ended, [new JournalWrite.Delete(endedKey)], cancellationToken);

    /// <summary>All entries of instances that run.</summary>
    public async IAsyncEnumerable<RunningEntry> ReadRunningAsync([System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var row in journal.ReadRangeAsync(Running, "", cancellationToken))
            yield return new RunningEntry(new InstanceId(row.Key), row.ETag, time.GetUtcNow() - row.Values.Get<DateTimeOffset>("At") > StartTakesAtMost);
    }

    /// <summary>The instances that ended before <paramref name="end"/>, the oldest first.</summary>
    public async IAsyncEnumerable<(string Key, InstanceId InstanceId)> ReadEndedAsync(
        DateTimeOffset end, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var until = Ticks(end);
        await foreach (var row in journal.ReadRangeAsync(Ended, "", cancellationToken))
        {
            if (string.CompareOrdinal(row.Key, until) >= 0) yield break;
            yield return (row.Key, new InstanceId(row.Key[(until.Length + 1)..]));
        }
    }

    /// <summary>The key of an entry of an instance that ended.</summary>
    public static string EndedKey(WorkflowStatus status) => $"{Ticks(status.UpdatedAt)}-{status.InstanceId}";

    private static string Ticks(DateTimeOffset time) => time.UtcTicks.ToString("D19", CultureInfo.InvariantCulture);

    private JournalValues Now() => new() { ["At"] = time.GetUtcNow() };
}

/// <summary>An entry of the index.</summary>
/// <param name="InstanceId">The instance.</param>
/// <param name="ETag">Changes when someone touches it.</param>
/// <param name="IsOld">Whether a start cannot be in the middle of it any more.</param>
internal sealed record RunningEntry(InstanceId InstanceId, string ETag, bool IsOld);
