using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Check;

/// <summary>holdfast check: prove that archiving works and that rights are as small as they should be.</summary>
public sealed class CheckCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Check;

    /// <inheritdoc/>
    public override string Name => "check";

    /// <inheritdoc/>
    public override string Summary => "prove that archiving works and that rights are as small as they should be";

    /// <inheritdoc/>
    public override string Description => """
        Connects to the server, switches a segment, waits until it is archived, reads it back and judges it. Tries to overwrite and to delete a canary blob, and expects to be refused. Changes nothing else.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("on the database host, as postgres", "holdfast check"),
        new("for a monitoring system", "holdfast check --output=json"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.No, "a check failed")];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        throw new ConfigurationException("holdfast check is not built yet");
}
