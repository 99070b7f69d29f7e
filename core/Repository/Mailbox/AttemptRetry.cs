namespace Holdfast.Core.Repository;

/// <summary>Whether another attempt at a backup may do better, and when: what a host says of one that failed (<c>JobEnded.retry</c>).</summary>
public enum AttemptRetry
{
    /// <summary>An agent older than this says only <c>may_retry</c>.</summary>
    NotSaid = 0,

    /// <summary>Not before an operator has changed something: a right, an option, a server that is another one.</summary>
    Never = 1,

    /// <summary>Something is away, full or starting, and comes back by itself: a server, its last free connection, the store.</summary>
    Later = 2,

    /// <summary>Nothing is away: the attempt was cut off, as by a restart of the agent.</summary>
    AtOnce = 3,
}
