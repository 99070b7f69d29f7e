namespace Holdfast.Functions.Workflows;

/// <summary>The registered name of a workflow, with the types of its input and result. Names are kept in journals: never rename one that has run.</summary>
public sealed record WorkflowName<TInput, TResult>(string Value);

/// <summary>The name of an external event, with the type of its payload. Compared without regard to case, as Durable Functions does.</summary>
public sealed record EventName<TPayload>(string Value);

/// <summary>The input or result of what has none.</summary>
public readonly record struct Nothing;
