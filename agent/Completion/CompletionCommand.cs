using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Completion;

/// <summary>holdfast completion: scripts that complete commands, options and choices.</summary>
public sealed class CompletionCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Completion;

    /// <inheritdoc/>
    public override string Name => "completion";

    /// <inheritdoc/>
    public override string Summary => "print a script that completes commands and options";

    /// <inheritdoc/>
    public override string Description => "The script is made from the tables of this build and asks the program nothing while one types. Reads no configuration.";

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } = [new("SHELL", "bash, zsh or fish")];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("bash, for everybody", "holdfast completion bash > /usr/share/bash-completion/completions/holdfast"),
        new("zsh, for everybody", "holdfast completion zsh > /usr/share/zsh/vendor-completions/_holdfast"),
        new("fish, for everybody", "holdfast completion fish > /usr/share/fish/vendor_completions.d/holdfast.fish"),
    ];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        context.Output.Write(context.Arguments[0] switch
        {
            "bash" => CompletionScript.Bash(),
            "zsh" => CompletionScript.Zsh(),
            "fish" => CompletionScript.Fish(),
            var other => throw new ConfigurationException($"expected one of bash, zsh, fish, found {(other.Length <= 64 ? other : other[..64] + "…")}"),
        });
        return Task.FromResult(ExitCode.Done);
    }
}
