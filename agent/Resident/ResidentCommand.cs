using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;

namespace Holdfast.Agent.Resident;

/// <summary>holdfast agent: the resident agent.</summary>
public sealed class ResidentCommand : AgentCommand
{
    // A look for a job, or a report: what cannot be done in this time is tried again anyway, and the log shall say that the store is away.
    private static readonly TimeSpan MailDeadline = TimeSpan.FromSeconds(15);

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Agent;

    /// <inheritdoc/>
    public override string Name => "agent";

    /// <inheritdoc/>
    public override string Summary => "wait for jobs, make backups, tell that the host is well";

    /// <inheritdoc/>
    public override string Description => """
        Runs until it is stopped, as the user that PostgreSQL runs as: systemd does that (holdfast-agent.service). It asks the repository for jobs that the control plane signed and sealed to this host, makes the backups they ask for, and sends a heartbeat.
        A store or a server that is away is waited for. SIGTERM cancels a backup that runs and reports it, so that the control plane starts another attempt. A backup that a crash cut off is reported when the agent is up again; an attempt is never gone on with.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("under systemd", "systemctl enable --now holdfast-agent"),
        new("by hand, to see what it does", "sudo -u postgres holdfast agent --log-level=debug"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Done, "stopped by SIGTERM or SIGINT, after telling what became of a job"), new(ExitCode.Refused, "this host is not registered")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var mail = Host.Repository.Open(context, MailDeadline, AgentTelemetry.StoreCalled);
        using var data = Host.Repository.Open(context, context.Options.Get(OptionTable.BackupStoreTimeout), AgentTelemetry.StoreCalled);
        using var telemetry = AgentTelemetry.Start(mail.Cluster, context.Log);
        using var identity = HostIdentity.TryLoad(mail.State) is { Equality: not null } known ? known
            : throw new RefusedException($"this host is not registered for cluster {mail.Cluster}: no job is sealed to it ({mail.State.Path} has no keys)", "register it, as the user that PostgreSQL runs as: holdfast register");
        var isLocal = Uri.TryCreate(mail.Work.DisplayName, UriKind.Absolute, out var store) && store.IsLoopback;
        using var agent = new ResidentAgent(context, mail, data, identity, PollInterval.For(context.Options.Get(OptionTable.JobPoll).Fixed, isLocal));
        await agent.RunAsync(cancellationToken).ConfigureAwait(false);
        return ExitCode.Done;
    }
}
