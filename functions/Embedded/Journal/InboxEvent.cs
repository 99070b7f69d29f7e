namespace Holdfast.Functions.Embedded.Journal;

/// <summary>
/// An external event that waits in the partition of its instance until the workflow waits for it. Beside it stands a row that only says that the id was used;
/// it stays when the event is taken, and refuses the same event again.
/// </summary>
internal sealed record InboxEvent(string Key, string Name, string Payload)
{
    /// <summary>Where the waiting events of an instance are, in the order of their arrival.</summary>
    public static string Prefix(Guid incarnation) => $"i-{incarnation:N}-";

    /// <summary>The rows of a new event.</summary>
    public static JournalWrite[] Rows(Guid incarnation, long order, string eventId, string name, string payload) =>
    [
        new JournalWrite.Insert($"e-{incarnation:N}-{eventId}", new JournalValues { ["Name"] = name }),
        new JournalWrite.Insert($"{Prefix(incarnation)}{order:D19}-{eventId}", new JournalValues { ["Name"] = name, ["Payload"] = payload }),
    ];

    /// <summary>From the waiting row.</summary>
    public static InboxEvent Of(JournalRow row) => new(row.Key, row.Values.Get<string>("Name"), row.Values.Get<string>("Payload"));
}
