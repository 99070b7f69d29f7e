using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Register;

/// <summary>holdfast register: make this host known to the cluster.</summary>
public sealed class RegisterCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Register;

    /// <inheritdoc/>
    public override string Name => "register";

    /// <inheritdoc/>
    public override string Summary => "make this host known to the cluster";

    /// <inheritdoc/>
    public override string Description => """
        Makes the keys of this host, proves the enrolment token, and asks the control plane to log the host with its system identifier, timeline and LSN. Until that is logged, archive-push acknowledges nothing.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("on the database host, as postgres", "holdfast register"),
        new("with the token in a file of its own", "holdfast register --enrolment-token-file=/etc/holdfast/token"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "the token is used up, or this system identifier belongs to another host")];

    /// <inheritdoc/>
    public override Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken) =>
        throw new ConfigurationException("holdfast register is not built yet");
}
