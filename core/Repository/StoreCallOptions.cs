namespace Holdfast.Core.Repository;

/// <summary>How long a Blob call may take and how it is repeated (<see cref="StoreCalls"/>).</summary>
public sealed record StoreCallOptions
{
    /// <summary>
    /// How long one attempt may take besides moving its bytes. 30 s: the service itself gives up on most operations after that
    /// (learn.microsoft.com/rest/api/storageservices/setting-timeouts-for-blob-service-operations).
    /// </summary>
    public TimeSpan AttemptTimeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// How long a call may go on trying, besides moving its bytes. 5 minutes outlasts a partition's move and a throttled account, which the service
    /// announces in seconds to minutes; archive_command is then tried again by PostgreSQL.
    /// </summary>
    public TimeSpan Deadline { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>
    /// The rate below which a transfer counts as stalled; every attempt and the deadline get its bytes divided by this on top.
    /// 256 KiB/s is 2 Mbit/s: slower than that, WAL could not be archived anyway.
    /// </summary>
    public long SlowestBytesPerSecond { get; init; } = 256 << 10;

    /// <summary>The shortest pause before a retry. 200 ms: a reset connection is usually well again by then.</summary>
    public TimeSpan ShortestPause { get; init; } = TimeSpan.FromMilliseconds(200);

    /// <summary>The longest pause, unless the store asks for a longer one by Retry-After. 20 s: at least ten tries in the default deadline.</summary>
    public TimeSpan LongestPause { get; init; } = TimeSpan.FromSeconds(20);

    internal TimeSpan TransferTime(long bytes) => TimeSpan.FromSeconds((double)bytes / SlowestBytesPerSecond);
}

/// <summary>One call, for messages and logs.</summary>
/// <param name="Verb">What is done, as messages say it: <c>create</c>, <c>read</c>, <c>list</c>…</param>
/// <param name="Container">The container without credentials: <see cref="IObjectStore.DisplayName"/>.</param>
/// <param name="Name">The blob or prefix; null when the call concerns the container as a whole.</param>
/// <param name="Bytes">How many bytes the body moves, at most.</param>
public readonly record struct StoreCall(string Verb, string Container, string? Name, long Bytes = 0)
{
    /// <inheritdoc/>
    public override string ToString() => Name is null ? $"{Verb} {Container}" : $"{Verb} \"{Name}\" in {Container}";
}

/// <summary>How a call ended.</summary>
public enum StoreCallOutcome
{
    /// <summary>The store gave an answer that the operation understands; "absent" and "exists" are answers too.</summary>
    Answered,

    /// <summary>A <see cref="StoreException"/> was thrown.</summary>
    Failed,

    /// <summary>The caller cancelled.</summary>
    Cancelled,
}

/// <summary>What <see cref="StoreCalls"/> tells its observer after each call.</summary>
/// <param name="Call">Which call.</param>
/// <param name="Attempts">Requests that were begun.</param>
/// <param name="Duration">From first to last, pauses included.</param>
/// <param name="Outcome">How it ended.</param>
/// <param name="LastFailure">What went wrong last, also when a later attempt succeeded; null when nothing did. Without credentials.</param>
public sealed record StoreCallReport(StoreCall Call, int Attempts, TimeSpan Duration, StoreCallOutcome Outcome, string? LastFailure);
