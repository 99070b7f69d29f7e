using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Info;

/// <summary>holdfast info: what can be restored, what is at risk, which backups there are.</summary>
public sealed class InfoCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Info;

    /// <inheritdoc/>
    public override string Name => "info";

    /// <inheritdoc/>
    public override string Summary => "what can be restored, what is at risk, which backups there are";

    /// <inheritdoc/>
    public override string Description => """
        Reads the log and the manifests, and works when the control plane is down.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("one screen for people", "holdfast info"),
        new("the same for programs", "holdfast info --output=json"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.No, "the cluster has no backup yet")];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        throw new ConfigurationException("holdfast info is not built yet");
}
