using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>What a row of history says. Names are kept in journals.</summary>
internal enum HistoryKind
{
    /// <summary>The generation began; the payload is the input.</summary>
    Started,

    /// <summary>The workflow called an activity.</summary>
    ActivityCalled,

    /// <summary>The activity returned; the payload is its output.</summary>
    ActivityCompleted,

    /// <summary>The activity threw; the payload is its failure.</summary>
    ActivityFailed,

    /// <summary>The workflow made a timer.</summary>
    TimerCreated,

    /// <summary>The timer's time has come.</summary>
    TimerFired,

    /// <summary>The workflow took an event for which it waited; the payload is the event's.</summary>
    EventReceived,
}

/// <summary>One row of an instance's history: something that happened to the workflow, or something that it did in consequence.</summary>
internal sealed record HistoryRow
{
    /// <summary>What it says.</summary>
    public required HistoryKind Kind { get; init; }

    /// <summary>When, by the engine's clock; never before the row before.</summary>
    public required DateTimeOffset At { get; init; }

    /// <summary>The number of the activity's or timer's call within the generation, from 1; else 0.</summary>
    public int Call { get; init; }

    /// <summary>The activity's, event's or workflow's name.</summary>
    public string? Name { get; init; }

    /// <summary>JSON; see <see cref="HistoryKind"/>.</summary>
    public string? Payload { get; init; }

    /// <summary>When the timer is due.</summary>
    public DateTimeOffset? Due { get; init; }

    /// <summary>Whether it is something that the workflow did, so that a replay does it again.</summary>
    public bool IsAction => Kind is HistoryKind.ActivityCalled or HistoryKind.TimerCreated;

    /// <summary>Where the rows of a generation are.</summary>
    public static string Prefix(int generation) => $"h-{generation:x8}-";

    /// <summary>Where a row is.</summary>
    public static string Key(int generation, int number) => $"{Prefix(generation)}{number:x8}";

    /// <summary>From a row.</summary>
    public static HistoryRow Of(JournalRow row) => new()
    {
        Kind = Enum.TryParse<HistoryKind>(row.Values.Get<string>("Kind"), out var kind) ? kind
            : throw new DamagedException($"row {row.Key} of {row.Partition} is a {row.Values.Get<string>("Kind")}, which this program does not know", "Run the newer program that wrote it."),
        At = row.Values.Get<DateTimeOffset>("At"),
        Call = row.Values.Get<int>("Call"),
        Name = row.Values.Text("Name"),
        Payload = row.Values.Text("Payload"),
        Due = row.Values.TryGetValue("Due", out var due) ? (DateTimeOffset)due : null,
    };

    /// <summary>To a row.</summary>
    public JournalValues ToValues() => new JournalValues { ["Kind"] = Kind.ToString(), ["At"] = At, ["Call"] = Call }
        .With("Name", Name).With("Payload", Payload).With("Due", Due);
}
