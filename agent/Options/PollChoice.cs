namespace Holdfast.Agent.Options;

/// <summary>How often to look for something (job-poll).</summary>
/// <param name="Fixed">That often; null: as the store's place suggests.</param>
public readonly record struct PollChoice(TimeSpan? Fixed)
{
    /// <summary>More often than this costs a store more than it gives.</summary>
    public static readonly TimeSpan Shortest = TimeSpan.FromMilliseconds(10);

    /// <summary>A backup should not wait longer than this for its host to look.</summary>
    public static readonly TimeSpan Longest = TimeSpan.FromMinutes(10);
}
