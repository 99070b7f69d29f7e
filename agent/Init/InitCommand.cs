using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Init;

/// <summary>holdfast init: make a cluster in the repository: containers, keys, first log entry.</summary>
public sealed class InitCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Init;

    /// <inheritdoc/>
    public override string Name => "init";

    /// <inheritdoc/>
    public override string Summary => "make a cluster in the repository: containers, keys, first log entry";

    /// <inheritdoc/>
    public override string Description => """
        Run once by an operator. Makes the containers and the queue, the keys, the first entry of the log, a configuration for the agent with a one-time enrolment token, and the recovery kit that a bare host needs when everything else is gone.
        Shows its plan first. Needs an identity that may create containers; hosts never need one.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("a cluster named shop, asking before it is made", "holdfast init --cluster=shop --repo-endpoint=https://ACCOUNT.blob.core.windows.net"),
        new("the same from a script", "holdfast init --cluster=shop --repo-endpoint=https://ACCOUNT.blob.core.windows.net --yes"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "the cluster exists already, or is being made by somebody else")];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        throw new ConfigurationException("holdfast init is not built yet");
}
