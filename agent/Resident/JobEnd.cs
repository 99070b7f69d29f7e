using Holdfast.Core;
using Holdfast.Core.Repository;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>How a job ended, as the control plane is told.</summary>
/// <param name="Succeeded">It is done.</param>
/// <param name="Error">One line and its hint; empty when it succeeded.</param>
/// <param name="Retry">Whether another attempt may do better, and when.</param>
internal sealed record JobEnd(bool Succeeded, string Error, AttemptRetry Retry)
{
    // Errors go into the log of the cluster, whose reasons are bounded.
    private const int MaxError = 1000;

    /// <summary>It is done.</summary>
    public static readonly JobEnd Success = new(true, "", AttemptRetry.Never);

    /// <summary>It failed by an exception.</summary>
    public static JobEnd Of(Exception failure) => failure switch
    {
        HoldfastException known => new(false, Line(known.Message, known.Hint), RetryTable.Of(known)),
        _ => new(false, Line($"a bug in the agent: {failure.GetType().Name}: {failure.Message}", "the agent's log has all of it; please report it"),
            RetryTable.Of(failure)),
    };

    /// <summary>It was refused, and would be again.</summary>
    public static JobEnd Refusal(string message, string hint) => new(false, Line(message, hint), AttemptRetry.Never);

    /// <summary>The report. A control plane older than <see cref="AttemptRetry"/> reads may_retry.</summary>
    public Wire.Report ToReport(string job) => new()
    {
        Ended = new Wire.JobEnded
        {
            Job = job, Succeeded = Succeeded, Error = Error, MayRetry = Retry is AttemptRetry.Later or AttemptRetry.AtOnce, Retry = (uint)Retry,
        },
    };

    private static string Line(string message, string? hint)
    {
        var line = (hint is null ? message : $"{message} HINT: {hint}").ReplaceLineEndings(" ");
        return line.Length <= MaxError ? line : string.Concat(line.AsSpan(0, MaxError - 1), "…");
    }
}
