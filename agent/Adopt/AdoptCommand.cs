using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Adopt;

/// <summary>holdfast adopt: let a restored or promoted server continue the archive.</summary>
public sealed class AdoptCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Adopt;

    /// <inheritdoc/>
    public override string Name => "adopt";

    /// <inheritdoc/>
    public override string Summary => "let a restored or promoted server continue the archive";

    /// <inheritdoc/>
    public override string Description => """
        Registers this host for its timeline, uploads the history files and every segment since the switch, logs a cut and asks for a full backup where WAL is missing. A restored copy archives nothing before that, so that it cannot disturb the original.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("after a restore that shall replace the original", "holdfast adopt"),
        new("without asking", "holdfast adopt --yes"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "another host still writes this timeline")];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        throw new ConfigurationException("holdfast adopt is not built yet");
}
