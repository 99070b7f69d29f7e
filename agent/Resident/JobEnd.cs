using Holdfast.Agent.Backup;
using Holdfast.Core;
using Wire = Holdfast.Core.Sealing.Wire;

namespace Holdfast.Agent.Resident;

/// <summary>How a job ended, as the control plane is told.</summary>
/// <param name="Succeeded">It is done.</param>
/// <param name="Error">One line and its hint; empty when it succeeded.</param>
/// <param name="MayRetry">Another attempt may do better.</param>
internal sealed record JobEnd(bool Succeeded, string Error, bool MayRetry)
{
    // Errors go into the log of the cluster, whose reasons are bounded.
    private const int MaxError = 1000;

    /// <summary>It is done.</summary>
    public static readonly JobEnd Success = new(true, "", false);

    /// <summary>It failed by an exception.</summary>
    public static JobEnd Of(Exception failure) => failure switch
    {
        HoldfastException known => new(false, Line(known.Message, known.Hint), MayDoBetter(known)),
        _ => new(false, Line($"a bug in the agent: {failure.GetType().Name}: {failure.Message}", "the agent's log has all of it; please report it"), true),
    };

    /// <summary>It was refused, and would be again.</summary>
    public static JobEnd Refusal(string message, string hint) => new(false, Line(message, hint), false);

    /// <summary>The report.</summary>
    public Wire.Report ToReport(string job) => new() { Ended = new Wire.JobEnded { Job = job, Succeeded = Succeeded, Error = Error, MayRetry = MayRetry } };

    // What an operator must change first fails again; what the store, the server or a disk did may not.
    private static bool MayDoBetter(HoldfastException failure) => failure switch
    {
        StoreException or SessionLostException or DamagedException => true,
        ConfigurationException { InnerException: Npgsql.PostgresException } => false,
        ConfigurationException { InnerException: Npgsql.NpgsqlException or System.Net.Sockets.SocketException or TimeoutException } => true,
        _ => false,
    };

    private static string Line(string message, string? hint)
    {
        var line = (hint is null ? message : $"{message} HINT: {hint}").ReplaceLineEndings(" ");
        return line.Length <= MaxError ? line : string.Concat(line.AsSpan(0, MaxError - 1), "…");
    }
}
