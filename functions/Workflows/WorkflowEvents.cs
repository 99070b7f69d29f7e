using System.Text.RegularExpressions;

namespace Holdfast.Functions.Workflows;

/// <summary>What all engines ask of events.</summary>
public static partial class WorkflowEvents
{
    /// <summary>The id of the event that cancels (<see cref="WorkflowContext.CancelEvent"/>): an instance hears of the first one only.</summary>
    public const string CancelId = "holdfast.cancel";

    private const int MaxReason = 1000;

    /// <summary>Checks the name and the id of an event that is raised.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static void Check(string name, string eventId)
    {
        if (!EventId().IsMatch(eventId) || eventId == CancelId) throw new FormatException($"'{eventId}' is not an event's id: 1 to 200 letters, digits and . : _ - are expected");
        if (name.Length is 0 or > 100 || name == WorkflowContext.CancelEvent) throw new FormatException($"'{name}' is not an event's name");
    }

    /// <summary>The payload of the event that cancels: the reason, shortened if need be.</summary>
    public static string CancelPayload(string reason) => WorkflowJson.Write("the reason", reason.Length > MaxReason ? reason[..MaxReason] : reason);

    [GeneratedRegex(@"\A[A-Za-z0-9.:_-]{1,200}\z")]
    private static partial Regex EventId();
}
