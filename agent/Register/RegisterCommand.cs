using System.Text.Json.Serialization;
using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Enrolment;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

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
        Works with the server running or stopped. Run it as the user that PostgreSQL runs as; as root it hands state-path to that user. Run again, it goes on where it was.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("on the database host, as postgres", "holdfast register"),
        new("without a control plane elsewhere, with its keys at hand", "holdfast register --control-plane-config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
        new("after pg_upgrade, when the cluster shall go on here", "holdfast register --new-system"),
        new("with the token in a file of its own", "holdfast register --enrolment-token-file=/etc/holdfast/token"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "the token is used up, the name is another host's, or the system identifier is not the cluster's")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(context);
        using var repository = Host.Repository.Open(context, StoreOptions.OperatorDeadline);
        var registration = new HostRegistration(context, repository, data);
        var view = await repository.ReadLogAsync(cancellationToken).ConfigureAwait(false);
        var host = registration.FindUsable(view.State);
        var isNew = host is null;
        if (host is null)
        {
            using var controlPlane = ControlPlanes.TryOpen(context) ?? throw new ConfigurationException("registering this host: there is no control plane to ask",
                "while none runs elsewhere, name the configuration that init wrote for it: --control-plane-config=…/control-plane/holdfast.conf");
            using var token = context.Options.Find(OptionTable.EnrolmentToken) is { } text ? EnrolmentToken.Parse(text) : null;
            var isNewSystem = context.Options.Get(OptionTable.NewSystem);
            host = await registration.RegisterAsync(controlPlane, token, data.StartingPosition(), cancellationToken, isNewSystem).ConfigureAwait(false);
        }
        registration.HandOver();
        Report(context, repository.Cluster, host, isNew);
        if (isNew && !context.Json) TellKept(context.Output, host, data.Control);
        return ExitCode.Done;
    }

    /// <summary>What PostgreSQL hands over only when it removes it would be a gap until then.</summary>
    private static void TellKept(TextWriter output, RegisteredHost host, ControlFile control)
    {
        var redo = WalSegmentName.Containing(control.Checkpoint.Timeline, control.Checkpoint.Redo, control.WalSegmentSize);
        if (host.Start.CompareTo(new WalPosition(redo.Timeline, redo.Start)) < 0)
            output.WriteLine($"\npg_wal holds WAL from {host.Start} on that is not archived; PostgreSQL may hand it over late. To store it now: holdfast adopt");
    }

    /// <summary>What was said on this command line, or in this environment, and PostgreSQL's archiver has to be told, too.</summary>
    private static string FlagsToRepeat(ResolvedOptions options)
    {
        var text = new System.Text.StringBuilder();
        if (options.ConfigurationFile != OptionTable.Config.Default) text.Append(" --config=").Append(options.ConfigurationFile);
        foreach (var row in OptionTable.Flags(CommandSet.ArchivePush).OfType<OptionRow<string>>())
            if (row != OptionTable.Config && row != OptionTable.PgPath && options.SourceOf(row) is { Origin: OptionOrigin.Flag or OptionOrigin.Environment })
                text.Append(' ').Append(row.Flag).Append('=').Append(options.Get(row));
        return text.ToString();
    }

    private static void Report(CommandContext context, string cluster, RegisteredHost host, bool isNew)
    {
        string[] settings = ["archive_mode = on", $"archive_command = 'holdfast archive-push{FlagsToRepeat(context.Options)} %p'"];
        if (context.Json)
        {
            context.WriteJson(new RegisterReport(cluster, host.Name, isNew, host.Thumbprint.ToString(), host.System.ToString()!, host.Timeline!.Value.Value, host.Lsn.ToString()!, host.Entry, settings),
                RegisterJson.Default.RegisterReport);
            return;
        }
        context.Output.WriteLine($"host {host.Name} {(isNew ? "is registered" : "was registered already")} for cluster {cluster} by log entry {host.Entry}, key {host.Thumbprint.Short}");
        context.Output.WriteLine($"system identifier {host.System}; its WAL counts from {host.Start} on");
        context.Output.WriteLine("\nin postgresql.conf (archive_mode needs a restart):");
        foreach (var line in settings) context.Output.WriteLine("  " + line);
    }
}

/// <summary>What register answers with --output=json.</summary>
internal sealed record RegisterReport(string Cluster, string Host, bool Registered, string Key, string SystemIdentifier, uint Timeline, string Lsn, long LogEntry, IReadOnlyList<string> Settings);

[JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true)]
[JsonSerializable(typeof(RegisterReport))]
internal sealed partial class RegisterJson : JsonSerializerContext;
