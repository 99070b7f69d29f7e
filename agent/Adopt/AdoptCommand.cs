using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
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
        Registers this host for its timeline, uploads the history files, every segment since the switch, and those of the timelines before it that the archive lacks (a dead primary never archived them, and a promoted server has them as .done), logs a cut and asks for a full backup where WAL is missing. A restored copy archives nothing before that, so that it cannot disturb the original.
        WAL of before this host's registration, which PostgreSQL may hand over, is admitted by an enrolment token and stored; what cannot be is named, and --drop-earlier leaves it out with a cut in the log.
        For a restored copy, a server that was moved, or a new primary after a failover. Shows its plan first. It leaves pg_wal and archive_status as they are: the archiver finds what was stored here already stored.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("after a restore that shall replace the original", "holdfast adopt"),
        new("without asking", "holdfast adopt --yes"),
        new("release PostgreSQL from WAL of before its registration, without storing it", "holdfast adopt --drop-earlier"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Refused, "another host still writes this timeline, or WAL of before the registration cannot be stored")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        var data = DataDirectory.Open(context);
        using var repository = Host.Repository.Open(context, StoreOptions.OperatorDeadline);
        var adoption = new Adoption(context, repository, data);
        var plan = await adoption.PlanAsync(cancellationToken).ConfigureAwait(false);
        adoption.Show(plan);
        if (!Confirmation.Ask(context, "Adopt this server?")) return ExitCode.No;
        var report = await adoption.RunAsync(plan, cancellationToken).ConfigureAwait(false);
        if (context.Json) context.WriteJson(report, AdoptJson.Default.AdoptReport);
        else Write(context.Output, report);
        return report.NotStored.Count == 0 ? ExitCode.Done : throw new RefusedException(
            $"{report.NotStored.Count} segments of before this host's registration are in pg_wal and cannot be stored, {report.NotStored[0]} to "
            + $"{report.NotStored[^1]}: PostgreSQL keeps them and calls archive-push in vain; all else is done",
            "if they are needed, bring whole ones back. To release PostgreSQL without them, with a cut in the log: holdfast adopt --drop-earlier");
    }

    private static void Write(TextWriter output, AdoptReport report)
    {
        output.WriteLine($"host {report.Host} {(report.Registered ? "is registered now" : "was registered already")}; it continues timeline {report.Timeline} of {report.SystemIdentifier}");
        output.WriteLine($"  stored or found the same: {report.Files.Count} files{(report.Files.Count == 0 ? "" : ", " + report.Files[0] + " to " + report.Files[^1])}");
        foreach (var cut in report.Cuts) output.WriteLine($"  cut logged: WAL from {cut.From} to {cut.To} is nowhere to be had");
        foreach (var cut in report.Dropped)
            output.WriteLine($"  cut logged: WAL from {cut.From} to {cut.To} is left out; archive-push releases it to PostgreSQL");
        output.WriteLine(report.Cuts.Count == 0
            ? "next: set archive_mode = on and archive_command, restart the server, then: holdfast check"
            : "next: set archive_mode = on and archive_command, restart the server, and take a full backup: recovery cannot pass the cut, so nothing after it is safe before that");
    }
}
