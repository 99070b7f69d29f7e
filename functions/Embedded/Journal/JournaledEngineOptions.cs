namespace Holdfast.Functions.Embedded.Journal;

/// <summary>Bounds and periods of the engine.</summary>
public sealed record JournaledEngineOptions
{
    /// <summary>How many activities run at once; the others wait their turn. They wait for stores and agents, hardly ever for a processor.</summary>
    public int MaxConcurrentActivities { get; init; } = 32;

    /// <summary>How many instances are read from the journal at once.</summary>
    public int MaxConcurrentLoads { get; init; } = 4;

    /// <summary>Rows of history after which an instance fails: its workflow must continue as new well before, since each load reads them all.</summary>
    public int MaxHistory { get; init; } = 10_000;

    /// <summary>After how long without any event an instance that only waits is dropped from memory; it is read again when something happens.</summary>
    public TimeSpan EvictAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How often the engine looks for events that another process put into the journal. Those of this process wake the instance at once.</summary>
    public TimeSpan SweepInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>
    /// After how long without a sign of life an engine counts as gone, and its instances are taken over. A sign comes with each sweep; a minute outlasts a store
    /// that answers late.
    /// </summary>
    public TimeSpan GoneAfter { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>How often finished instances are looked through for old ones.</summary>
    public TimeSpan PurgeInterval { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long finished instances are kept.</summary>
    public TimeSpan Retention { get; init; } = TimeSpan.FromDays(30);
}
