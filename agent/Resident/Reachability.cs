using Holdfast.Agent.Terminal;
using Holdfast.Core;

namespace Holdfast.Agent.Resident;

/// <summary>Says once that something is away, and once that it is back: an outage of a night must not fill the log.</summary>
/// <param name="log">Where.</param>
/// <param name="what">"the store", "the server".</param>
internal sealed class Reachability(Log log, string what)
{
    private string? _away;

    /// <summary>It answered.</summary>
    public void Answered()
    {
        if (Interlocked.Exchange(ref _away, null) is not null) log.Info($"{what} answers again");
    }

    /// <summary>It did not.</summary>
    public void Failed(HoldfastException failure)
    {
        if (Interlocked.Exchange(ref _away, failure.Message) is null) log.Warn($"{what} does not answer, and is asked again until it does: {failure.Message}");
    }
}
