using Holdfast.Agent.CommandLine;
using Holdfast.Agent.ControlPlane;
using Holdfast.Agent.Options;
using Holdfast.Agent.Terminal;
using Holdfast.Core;
using Holdfast.Core.Api;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.Backup;

/// <summary>holdfast backup: take a backup now, and follow it.</summary>
public sealed class BackupCommand : AgentCommand
{
    /// <summary>How long the control plane may hold an answer back while nothing changes.</summary>
    private const int WaitSeconds = 10;

    /// <summary>A control plane that is restarted is back by then; the backup does not need this command.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2), BetweenTries = TimeSpan.FromSeconds(1);

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.Backup;

    /// <inheritdoc/>
    public override string Name => "backup";

    /// <inheritdoc/>
    public override string Summary => "take a backup now, and follow it";

    /// <inheritdoc/>
    public override string Description => """
        Asks the control plane for a backup and shows how far it is: a bar on a terminal, a line every 10 s otherwise. The control plane and the agent on the database host do the work: this command may be interrupted at any time, the backup goes on.
        With --cancel it ends a backup that is being made, and waits until that is logged; what was stored of it is no backup.
        The backup exists when its WAL is archived too and its manifest is logged; until then it is not restorable, and this command does not say so.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("a full backup", "holdfast backup --type=full"),
        new("the same, from a script that does not wait", "holdfast backup --type=full --detach"),
        new("of one of several database hosts", "holdfast backup --type=full --host=db2"),
        new("end one that is being made", "holdfast backup --cancel=20260102-020000F --reason=too-slow"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } =
    [
        new(ExitCode.No, "the backup failed; with --cancel: it was committed before it could end"),
        new(ExitCode.Refused, "another one is being made, or there is no such host; with --cancel: it has ended"),
        new(ExitCode.Store, "the control plane cannot be reached"),
    ];

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        using var controlPlane = new HttpControlPlane(context);
        if (context.Options.TryGet(OptionTable.Cancel, out var label))
            return await CancelAsync(context, controlPlane, label, cancellationToken).ConfigureAwait(false);
        var request = new BackupRequest(context.Options.Get(OptionTable.Type), context.Options.Find(OptionTable.BackupHost));
        var begun = await controlPlane.StartBackupAsync(request, cancellationToken).ConfigureAwait(false);
        if (begun.Warning is { } warning) context.Log.Warn(warning);
        if (context.Options.Get(OptionTable.Detach)) return ReportDetached(context, begun);
        var screen = new BackupScreen(context, begun);
        try
        {
            return screen.Finish(await FollowAsync(context, controlPlane, begun, screen, cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            screen.Leave();
            return ExitCode.Interrupted;
        }
    }

    private static async Task<int> CancelAsync(
        CommandContext context, HttpControlPlane controlPlane, BackupName label, CancellationToken cancellationToken)
    {
        foreach (var other in (OptionRow[])[OptionTable.Type, OptionTable.BackupHost])
            if (context.Options.SourceOf(other) is { Origin: OptionOrigin.Flag })
                throw new ConfigurationException($"--cancel ends a backup, {other.Flag} is for one that begins", $"leave {other.Flag} out");
        var reason = context.Options.Find(OptionTable.Reason) ?? new CancelRequest().Reason;
        var asked = await controlPlane.CancelBackupAsync(label, reason, cancellationToken).ConfigureAwait(false);
        var screen = new BackupScreen(context, asked);
        if (context.Options.Get(OptionTable.Detach)) return screen.Asked(asked);
        try
        {
            return screen.FinishCancelled(await FollowAsync(context, controlPlane, asked, screen, cancellationToken).ConfigureAwait(false));
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            screen.Asked(asked);
            return ExitCode.Interrupted;
        }
    }

    private static async Task<BackupDocument> FollowAsync(
        CommandContext context, HttpControlPlane controlPlane, BackupDocument begun, BackupScreen screen, CancellationToken cancellationToken)
    {
        var (last, heard) = (begun, context.Clock.GetUtcNow());
        while (last.Phase is not (BackupPhase.Committed or BackupPhase.Failed))
        {
            screen.Show(last);
            try
            {
                last = await controlPlane.GetBackupAsync(begun.Label, WaitSeconds, cancellationToken).ConfigureAwait(false);
                screen.Heard();
                heard = context.Clock.GetUtcNow();
            }
            catch (StoreException e) when (context.Clock.GetUtcNow() - heard < Patience)
            {
                screen.Miss(e);
                await Task.Delay(BetweenTries, context.Clock, cancellationToken).ConfigureAwait(false);
            }
        }
        return last;
    }

    private static int ReportDetached(CommandContext context, BackupDocument begun)
    {
        if (context.Json) context.WriteJson(begun, ApiJson.Default.BackupDocument);
        else context.Output.WriteLine($"{begun.Label}  begun; how far it is: holdfast info");
        return ExitCode.Done;
    }
}
