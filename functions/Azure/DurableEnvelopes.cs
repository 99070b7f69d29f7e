using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Serialization;
using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Azure;

// What Durable Functions carries for us: always one text of JSON, whatever converter the host is set up with. The values within are JSON, too.

/// <summary>What an instance is started with, and each of its generations anew.</summary>
/// <param name="Workflow">The workflow's registered name: for Durable Functions all are one function.</param>
/// <param name="Version">The version of its code that this instance keeps.</param>
/// <param name="Incarnation">Tells this life of the instance's id from one that was purged, and whose call of several started it.</param>
/// <param name="CreatedAt">When it was started; Durable Functions tells when the generation was.</param>
/// <param name="Input">
/// The generation's input, in bytes: Base64 has a bound that the escapes of a text within a text have not, and the Azure Storage backend shows the input of an
/// instance that has not run yet only if it has less than 30 000 characters.
/// </param>
internal sealed record DurableStart(string Workflow, int Version, Guid Incarnation, DateTimeOffset CreatedAt, byte[] Input)
{
    /// <summary>The generation's input.</summary>
    [JsonIgnore]
    public string InputJson => Encoding.UTF8.GetString(Input);

    /// <summary>Counts how often the instance continued as new.</summary>
    public int Generation { get; init; }

    /// <summary>What the generation before showed last.</summary>
    public string? Status { get; init; }

    /// <summary>The newest events of the generations before (<see cref="DurableEvent.Key"/>), the oldest first.</summary>
    public IReadOnlyList<string> Seen { get; init; } = [];

    /// <summary>Events that the generations before did not wait for, in the order of arrival.</summary>
    public IReadOnlyList<DurableEvent> Kept { get; init; } = [];
}

/// <summary>An event.</summary>
/// <param name="Incarnation">The life of the instance that it is for.</param>
/// <param name="Id">Counts once.</param>
/// <param name="Name">Who waits for it.</param>
/// <param name="Payload">What it says.</param>
internal sealed record DurableEvent(Guid Incarnation, string Id, string Name, string Payload)
{
    /// <summary>Stands for the id where many are remembered: 96 bits of its hash.</summary>
    public static string Key(string id) => Convert.ToBase64String(SHA256.HashData(Encoding.UTF8.GetBytes(id)).AsSpan(0, 12));
}

/// <summary>An activity to be run.</summary>
internal sealed record DurableCall(string Instance, string Activity, string Input);

/// <summary>How an activity ended; its name is checked in a replay.</summary>
internal sealed record DurableReturn(string Activity, string? Output, ActivityFailure? Failure);

/// <summary>How a workflow ended. Durable Functions takes it for its output: it knows neither our hints nor an end by cancelling.</summary>
internal sealed record DurableEnd(WorkflowState State, string? Output, ActivityFailure? Failure);
