using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core.Api;

namespace Holdfast.Agent.Policy;

/// <summary>holdfast policy: show or set when backups are taken.</summary>
public sealed class PolicyCommand : AgentCommand
{
    private static readonly (string Type, OptionRow<string> Option, Func<BackupSchedules, BackupSchedule> Of)[] Types =
    [
        ("full", OptionTable.ScheduleFull, schedules => schedules.Full),
        ("diff", OptionTable.ScheduleDiff, schedules => schedules.Diff),
        ("incr", OptionTable.ScheduleIncr, schedules => schedules.Incr),
    ];

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Policy;

    /// <inheritdoc/>
    public override string Name => "policy";

    /// <inheritdoc/>
    public override string Summary => "show or set when backups are taken";

    /// <inheritdoc/>
    public override string Description => """
        Without options it shows the schedules in force, and which host makes backups. With them it sets those, and leaves the others as they are; the log keeps the whole policy. Setting takes the admin's API key, which is in the control plane's folder.
        A schedule is a cron expression of five fields in UTC: minute, hour, day of month, month, day of week; or "off", and "on" to take it up again. Occurrences that were missed while the control plane was down are made up for by one backup; one that failed is repeated until the next is due.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("what is in force, and when the next backups are due", "holdfast policy"),
        new("full backups every night at 01:30", "holdfast policy --schedule-full=30_1_*_*_* --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
        new("no full backups for now", "holdfast policy --schedule-full=off --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
        new("of one of several hosts, while it is there", "holdfast policy --backup-host=db2 --config=/etc/holdfast/keys/shop/control-plane/holdfast.conf"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } = [new(ExitCode.Store, "the control plane cannot be reached")];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var controlPlane = new HttpControlPlane(context);
        var document = await controlPlane.GetPolicyAsync(cancellationToken).ConfigureAwait(false);
        var host = context.Options.Find(OptionTable.PreferredHost);
        if (host is not null || Types.Any(type => context.Options.Find(type.Option) is not null))
        {
            var before = document.Policy.Schedules;
            var after = new BackupSchedules(Changed(context, 0, before), Changed(context, 1, before), Changed(context, 2, before));
            var policy = document.Policy with { Schedules = after, BackupHost = host ?? document.Policy.BackupHost };
            document = await controlPlane.SetPolicyAsync(policy, cancellationToken).ConfigureAwait(false);
        }
        if (context.Json) context.WriteJson(document, ApiJson.Default.PolicyDocument);
        else Write(context, document);
        return ExitCode.Done;
    }

    /// <summary>A schedule after this command line. Underscores stand for spaces, so that a shell that forgets its quotes does no harm.</summary>
    private static BackupSchedule Changed(CommandContext context, int type, BackupSchedules before)
    {
        var schedule = Types[type].Of(before);
        return context.Options.Find(Types[type].Option) switch
        {
            null => schedule,
            "off" => schedule with { Enabled = false },
            "on" => schedule with { Enabled = true },
            var cron => new BackupSchedule(cron.Replace('_', ' ')),
        };
    }

    private static void Write(CommandContext context, PolicyDocument document)
    {
        context.Output.WriteLine(document.LogEntry is { } entry ? $"policy of log entry {entry}; times are UTC" : "the default policy; times are UTC");
        var table = new TextTable("type", "schedule", "next");
        foreach (var (type, _, of) in Types)
        {
            var schedule = of(document.Policy.Schedules);
            var next = document.Next?.TryGetValue(type, out var due) == true ? Quantity.TimeAgo(due, context.Clock.GetUtcNow()) : "never";
            table.Add(type, schedule.Enabled ? schedule.Cron : $"off ({schedule.Cron})", type == "full" ? next : $"{next}; this version takes full backups only");
        }
        table.WriteTo(context.Output);
        context.Output.WriteLine($"made by: {document.Policy.BackupHost ?? ClusterPolicy.Primary}");
    }
}
