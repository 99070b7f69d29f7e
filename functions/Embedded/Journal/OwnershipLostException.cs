using Holdfast.Core;

namespace Holdfast.Functions.Embedded.Journal;

/// <summary>Another engine owns the instance, or the journal is not as this one left it: this engine must not work on it any more.</summary>
internal sealed class OwnershipLostException(string message) : HoldfastException(message, "Let one control plane run for each journal.");
