using Holdfast.Functions.Workflows;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>What the runners of one engine share.</summary>
/// <param name="Engine">The engine's own name, new in each process.</param>
/// <param name="Journal">Where everything is kept.</param>
/// <param name="Index">Which instances run.</param>
/// <param name="Registry">The program's workflows.</param>
/// <param name="Time">The clock.</param>
/// <param name="Options">Bounds and periods.</param>
/// <param name="Signals">Log, spans and counters.</param>
/// <param name="Activities">Runs activities.</param>
/// <param name="Loads">Bounds how many instances are read at once.</param>
/// <param name="Patience">Outlives outages of the journal.</param>
internal sealed record EngineParts(
    Guid Engine, IJournal Journal, InstanceIndex Index, WorkflowRegistry Registry, TimeProvider Time, JournaledEngineOptions Options,
    EngineSignals Signals, ActivityPool Activities, SemaphoreSlim Loads, StorePatience Patience);
