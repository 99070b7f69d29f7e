using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Recovery;

namespace Holdfast.Agent.CommandLine;

/// <summary>Tells a failure: <c>ERROR: …</c>, then <c>HINT: …</c>, on stderr, and the exit code that goes with it.</summary>
public static class ErrorReport
{
    private const string BugHint = "this is a bug in Holdfast. Please report it with the lines above; nothing was acknowledged";

    /// <summary>Prints the failure and returns the exit code.</summary>
    /// <param name="failure">What went wrong.</param>
    /// <param name="writer">Usually stderr.</param>
    /// <param name="filter">Takes secrets out.</param>
    /// <param name="style">Colours for the writer.</param>
    /// <param name="terminated">For a cancelled run: whether by SIGTERM rather than SIGINT.</param>
    public static int Print(Exception failure, TextWriter writer, SecretFilter filter, TerminalStyle style, bool terminated = true)
    {
        var code = CodeOf(failure, terminated);
        var (message, hint) = failure switch
        {
            HoldfastException known => (known.Message, known.Hint),
            OperationCanceledException => (terminated ? "stopped by SIGTERM" : "stopped by SIGINT", null),
            _ => (failure.ToString(), BugHint),
        };
        writer.WriteLine(style.Bad("ERROR:") + " " + filter.Apply(message));
        if (hint is not null) writer.WriteLine(style.Strong("HINT:") + " " + filter.Apply(hint));
        writer.Flush();
        return code;
    }

    /// <summary>The exit code of a failure. A cancellation nobody asked for is a bug like any other exception.</summary>
    public static int CodeOf(Exception failure, bool terminated = true) => failure switch
    {
        ConfigurationException => ExitCode.Usage,
        UnreachableTargetException => ExitCode.No,
        RefusedException => ExitCode.Refused,
        StoreException => ExitCode.Store,
        DamagedException => ExitCode.Damaged,
        OperationCanceledException => terminated ? ExitCode.Terminated : ExitCode.Interrupted,
        _ => ExitCode.Bug,
    };
}
