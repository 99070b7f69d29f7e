namespace Holdfast.Functions.Embedded.Journal;

/// <summary>A row of history that a step adds, and the waiting event that it consumes.</summary>
internal sealed record StepItem(HistoryRow Row, string? TakenEvent = null);
