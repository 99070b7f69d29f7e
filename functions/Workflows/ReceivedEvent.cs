namespace Holdfast.Functions.Workflows;

/// <summary>An event that came in time.</summary>
public sealed record ReceivedEvent<TPayload>(TPayload Payload);
