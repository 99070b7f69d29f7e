using Holdfast.Core;
using Holdfast.Core.Repository;

namespace Holdfast.Functions.Activities;

/// <summary>
/// Compares the immutability policies of a cluster's containers with what they should be, now and then. What it cannot be told at once is not drift; what it is forbidden to see is:
/// a watch that was blinded must not look like one that sees nothing.
/// </summary>
/// <param name="read">A container's policy; null when it has none.</param>
/// <param name="expected">The containers that must have one, and what each must have at least.</param>
/// <param name="clock">The clock.</param>
/// <param name="log">The log.</param>
public sealed partial class ImmutabilityWatch(
    Func<string, CancellationToken, Task<ContainerPolicy?>> read, IReadOnlyList<(string Container, ContainerPolicy Policy)> expected, TimeProvider clock, ILogger<ImmutabilityWatch> log)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(15);

    private DateTimeOffset? _looked;

    /// <summary>How many containers are not as they should be; null before they could be looked at.</summary>
    public int? Drift { get; private set; }

    /// <summary>Looks, if it is time to.</summary>
    public async Task LookAsync(CancellationToken cancellationToken)
    {
        var now = clock.GetUtcNow();
        if (_looked is { } last && now - last is var age && age < Interval && age >= TimeSpan.Zero) return;
        var drift = 0;
        try
        {
            foreach (var (container, policy) in expected)
                if (await FaultAsync(container, policy, cancellationToken) is { } fault)
                {
                    drift++;
                    LogDrift(container, fault);
                }
        }
        catch (StoreException e)
        {
            LogUnknown(e.Message);
            return;
        }
        (Drift, _looked) = (drift, now);
    }

    private async Task<string?> FaultAsync(string container, ContainerPolicy expected, CancellationToken cancellationToken)
    {
        ContainerPolicy? policy;
        try { policy = await read(container, cancellationToken); }
        catch (StoreCallException e) when (e.Status is 401 or 403) { return $"it may not be looked at ({e.Message})"; }
        return policy is null ? $"it has no immutability policy, expected {expected.Days} days"
            : policy.Days < expected.Days ? $"its policy is {policy.Days} days, expected {expected.Days}"
            : expected.IsLocked && !policy.IsLocked ? "its policy is not locked" : null;
    }

    [LoggerMessage(610, LogLevel.Error, "container {Container} is not immutable as it should be: {Fault}")]
    private partial void LogDrift(string container, string fault);

    [LoggerMessage(611, LogLevel.Warning, "immutability policies could not be looked at; what was known stands: {Reason}")]
    private partial void LogUnknown(string reason);
}
