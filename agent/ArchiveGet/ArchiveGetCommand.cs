using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.ArchiveGet;

/// <summary>holdfast archive-get: fetch one WAL segment, for restore_command.</summary>
public sealed class ArchiveGetCommand : AgentCommand
{
    // Asked for at each promotion on timeline 1, and nowhere [timeline.c, writeTimeLineHistory].
    private const string FirstHistory = "00000001.history";

    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.ArchiveGet;

    /// <inheritdoc/>
    public override string Name => "archive-get";

    /// <inheritdoc/>
    public override string Summary => "fetch one WAL segment, for restore_command";

    /// <inheritdoc/>
    public override string Description => """
        Called by PostgreSQL in recovery and on standbys. Exits with 1 only when the blob service said that the segment does not exist. When it cannot tell, it tries for archive-get-timeout and then stops the recovery: an early promotion could not be taken back.
        On a standby (standby.signal), where PostgreSQL asks again by itself, it says after a few seconds that there is none: the server stays up, and a promotion is never held up. The log names what could not be looked for.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } =
        [new("WAL-NAME", "the name that PostgreSQL gives by %f"), new("DESTINATION", "where it wants the file, by %p")];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("in postgresql.conf; restore writes it by itself", "restore_command = 'holdfast archive-get %f \"%p\"'"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } =
    [
        new(ExitCode.Done, "fetched, verified and in place"),
        new(ExitCode.No, "the segment does not exist: the store said so; on a standby also that the store cannot be reached: PostgreSQL asks again"),
        new(ExitCode.CannotTell, "cannot tell, or anything else that went wrong: PostgreSQL stops"),
        new(ExitCode.Interrupted, "stopped by SIGINT"),
        new(ExitCode.Terminated, "stopped by SIGTERM, which PostgreSQL takes for its own shutdown"),
    ];

    /// <inheritdoc/>
    public override bool HasOnlyItsExitCodes => true;

    /// <summary>Whatever went wrong is "cannot tell": 1 to 125 would mean that there is no more WAL. A signal keeps its code, also above 125.</summary>
    public override int ExitCodeOf(Exception failure, int usual) => usual > 125 ? usual : ExitCode.CannotTell;

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        SystemRoots.SkipLoading();
        var (data, destination) = Destination(context);
        var name = context.Arguments[0];
        if (name == FirstHistory) return No(context, $"{name} does not exist: the first timeline has no ancestors");
        var standby = Standby.Of(data, name, destination);
        var known = KnownHistory(data, name);
        var configured = context.Options.Get(OptionTable.ArchiveGetTimeout);
        var patience = (standby is not null || known is not null) && configured > Standby.Patience ? Standby.Patience : configured;
        using var repository = Host.Repository.Open(context, patience);
        var getter = new WalGetter(context, repository, data, patience) { ReadsHeadFirst = standby is not null };
        try
        {
            var isThere = standby is null
                ? await getter.GetAsync(name, destination, cancellationToken).ConfigureAwait(false)
                : await GetForStandbyAsync(context, standby, getter, destination, cancellationToken).ConfigureAwait(false);
            return isThere ? ExitCode.Done : ExitCode.No;
        }
        catch (StoreException e) when (known is not null)
        {
            File.Copy(known, destination, overwrite: true);
            context.Log.Warn($"{name} is taken from pg_wal, where it was kept when it was fetched before. {e.Message}");
            return ExitCode.Done;
        }
        catch (StoreException e) when (standby is not null)
        {
            standby.NotLookedFor(context.Log, e);
            return ExitCode.No;
        }
    }

    private static async Task<bool> GetForStandbyAsync(
        CommandContext context, Standby standby, WalGetter getter, string destination, CancellationToken cancellationToken)
    {
        if (standby.NewerNotLookedFor() is { } newer)
        {
            if (await getter.IsThereAsync(newer, cancellationToken).ConfigureAwait(false))
            {
                context.Log.Info($"{newer} can be looked for again: PostgreSQL is to ask for it before {standby.Asked}");
                return false;
            }
            standby.Answered(newer);
        }
        var isThere = await getter.GetAsync(context.Arguments[0], destination, cancellationToken).ConfigureAwait(false);
        standby.Answered(standby.Asked);
        return isThere;
    }

    private static int No(CommandContext context, string why)
    {
        context.Log.Info(why);
        return ExitCode.No;
    }

    // A promotion asks for its parent's history once more after it removed standby.signal [timeline.c, writeTimeLineHistory]. PostgreSQL keeps in pg_wal what it
    // restored of histories, and no history ever changes.
    private static string? KnownHistory(DataDirectory data, string name) =>
        TimelineHistory.TryParseFileName(name, out _) && data.Resolve($"pg_wal/{name}") is var file && File.Exists(file) ? file : null;

    /// <summary>
    /// The data directory and where in it the file goes. %p is PostgreSQL's own word: <c>pg_wal/RECOVERYXLOG</c> where the server calls,
    /// in its data directory, and <c>TARGET/pg_wal/SEGMENT</c> where pg_rewind does, in any folder [fe_utils/archive.c,
    /// RestoreArchivedFile]. What it leads into stands above a pg-path of the configuration or PGDATA; a flag of who calls by hand stands
    /// above that.
    /// </summary>
    private static (DataDirectory Data, string File) Destination(CommandContext context)
    {
        var file = Path.GetFullPath(context.Arguments[1]);
        var isFlag = context.Options.SourceOf(OptionTable.PgPath) is { Origin: OptionOrigin.Flag };
        var isToldByHand = isFlag && !context.Options.Get(OptionTable.RestoredKeys);
        if (!isToldByHand && DataDirectory.Around(file) is { } around) return (around, file);
        var data = DataDirectory.Open(context);
        return (data, data.Resolve(context.Arguments[1]));
    }
}
