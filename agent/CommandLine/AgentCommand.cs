using Holdfast.Agent.Options;

namespace Holdfast.Agent.CommandLine;

/// <summary>An argument of a command.</summary>
/// <param name="Name">In capitals, as usage lines write it.</param>
/// <param name="Summary">One line.</param>
/// <param name="Required">Whether it must be given.</param>
public sealed record CommandArgument(string Name, string Summary, bool Required = true);

/// <summary>An example of one use.</summary>
/// <param name="Use">What for.</param>
/// <param name="Line">What to type.</param>
public sealed record CommandExample(string Use, string Line);

/// <summary>An exit code and what it means.</summary>
/// <param name="Code">The code.</param>
/// <param name="Meaning">One line.</param>
public sealed record CommandExit(int Code, string Meaning);

/// <summary>
/// A command: what help, the reference and the completions say of it, and what it does. To add one: a folder with a class of this kind, a member
/// in <see cref="CommandSet"/>, a line in <see cref="CommandTable"/>, its options in <see cref="OptionTable"/>.
/// </summary>
public abstract class AgentCommand
{
    /// <summary>Its member of the set; the options that name it are its options.</summary>
    public abstract CommandSet Id { get; }

    /// <summary>As typed.</summary>
    public abstract string Name { get; }

    /// <summary>One line.</summary>
    public abstract string Summary { get; }

    /// <summary>What it does, in short paragraphs.</summary>
    public abstract string Description { get; }

    /// <summary>Its arguments, in order.</summary>
    public virtual IReadOnlyList<CommandArgument> Arguments => [];

    /// <summary>An example for each use; at least one.</summary>
    public abstract IReadOnlyList<CommandExample> Examples { get; }

    /// <summary>Codes that mean something special here; help adds the common ones.</summary>
    public virtual IReadOnlyList<CommandExit> ExitCodes => [];

    /// <summary>Whether <see cref="ExitCodes"/> are all there are, since <see cref="ExitCodeOf"/> turns the common ones into them.</summary>
    public virtual bool HasOnlyItsExitCodes => false;

    /// <summary>The exit code of a failure. Commands that PostgreSQL calls decide for themselves.</summary>
    /// <param name="failure">What went wrong.</param>
    /// <param name="usual">What other commands answer.</param>
    public virtual int ExitCodeOf(Exception failure, int usual) => usual;

    /// <summary>Does it; returns the exit code. Failures are exceptions, <see cref="ErrorReport"/> prints them.</summary>
    public abstract Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken);
}
