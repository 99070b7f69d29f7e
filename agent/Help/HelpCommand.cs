using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

namespace Holdfast.Agent.Help;

/// <summary>holdfast help: the overview, one command, or the whole reference.</summary>
public sealed class HelpCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Help;

    /// <inheritdoc/>
    public override string Name => "help";

    /// <inheritdoc/>
    public override string Summary => "what the commands and options do";

    /// <inheritdoc/>
    public override string Description => "Prints the list of commands, one command in detail, or the reference of everything. Reads no configuration.";

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } = [new("COMMAND", "the command to explain", Required: false)];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("one command", "holdfast help archive-push"),
        new("everything", "holdfast help --reference"),
    ];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        if (context.Options.Get(OptionTable.Reference)) ReferenceText.Write(context.Output);
        else if (context.Arguments is [var name]) HelpText.WriteCommand(context.Output, CommandTable.Find(name) ?? throw CommandTree.UnknownCommand(name));
        else HelpText.WriteOverview(context.Output);
        return Task.FromResult(ExitCode.Done);
    }
}
