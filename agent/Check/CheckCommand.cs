using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;

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
        Connects to the server, looks at its settings, switches to a new WAL segment, waits until the old one is archived, reads it back and judges it. Tries what a backup needs: the rights of its role, its sessions, and every file that it would read. Tries to overwrite and to delete a canary blob of this host, and to write the cluster's log, and expects to be refused. Looks at the keys, tokens, certificates and folders of this host.
        Changes nothing else. A standby cannot switch segments: there it checks the rest.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("on the database host, as postgres", "holdfast check"),
        new("for a monitoring system", "holdfast check --output=json"),
        new("when a host that may do too much is a failure, too", "holdfast check --strict"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.No, "something is not as it must be; with --strict, or should not be")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var run = new CheckRun(context);
        var report = await run.RunAsync(cancellationToken).ConfigureAwait(false);
        if (context.Json) context.WriteJson(report, CheckJson.Default.CheckReport);
        else run.Write();
        var worst = context.Options.Get(OptionTable.Strict) ? CheckStatus.Ok : CheckStatus.Warn;
        return report.Status > worst ? ExitCode.No : ExitCode.Done;
    }
}
