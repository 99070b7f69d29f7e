using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.ArchiveGet;

/// <summary>holdfast archive-get: fetch one WAL segment, for restore_command.</summary>
public sealed class ArchiveGetCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.ArchiveGet;

    /// <inheritdoc/>
    public override string Name => "archive-get";

    /// <inheritdoc/>
    public override string Summary => "fetch one WAL segment, for restore_command";

    /// <inheritdoc/>
    public override string Description => """
        Called by PostgreSQL in recovery and on standbys. Exits with 1 only when the blob service said that the segment does not exist. When it cannot tell, it tries for archive-get-timeout and then stops the recovery: an early promotion could not be taken back.
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
        new(ExitCode.No, "the segment does not exist: the store said so"),
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
        using var repository = Host.Repository.Open(context, context.Options.Get(OptionTable.ArchiveGetTimeout));
        var getter = new WalGetter(context, repository, data);
        var isThere = await getter.GetAsync(context.Arguments[0], destination, cancellationToken).ConfigureAwait(false);
        return isThere ? ExitCode.Done : ExitCode.No;
    }

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
