using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Host;
using Holdfast.Agent.Options;
using Holdfast.Core.Repository;

namespace Holdfast.Agent.ArchivePush;

/// <summary>holdfast archive-push: store one WAL segment, for archive_command.</summary>
public sealed class ArchivePushCommand : AgentCommand
{
    /// <inheritdoc/>
    public override CommandSet Id => CommandSet.ArchivePush;

    /// <inheritdoc/>
    public override string Name => "archive-push";

    /// <inheritdoc/>
    public override string Summary => "store one WAL segment, for archive_command";

    /// <inheritdoc/>
    public override string Description => """
        Called by PostgreSQL for each segment, history and backup file. Exits with 0 only when the blob service has acknowledged the file, or an identical one is already there. Everything else makes PostgreSQL keep the file and call again.
        """;

    /// <inheritdoc/>
    public override IReadOnlyList<CommandArgument> Arguments { get; } = [new("WAL-PATH", "the file that PostgreSQL names by %p")];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExample> Examples { get; } =
    [
        new("in postgresql.conf", "archive_command = 'holdfast archive-push %p'"),
        new("when two clusters share a configuration file", "archive_command = 'holdfast archive-push --cluster=shop %p'"),
    ];

    /// <inheritdoc/>
    public override IReadOnlyList<CommandExit> ExitCodes { get; } =
    [
        new(ExitCode.Done, "stored, or an identical one was there"),
        new(ExitCode.TryAgain, "stopped by a signal: PostgreSQL calls again"),
        .. ExitCode.Common.Where(exit => exit.Code is > ExitCode.Done and <= 125),
    ];

    /// <inheritdoc/>
    public override bool HasOnlyItsExitCodes => true;

    /// <summary>Never above 125, which would restart the archiver process: a stopped run is <see cref="ExitCode.TryAgain"/>.</summary>
    public override int ExitCodeOf(Exception failure, int usual) => usual > 125 ? ExitCode.TryAgain : usual;

    /// <inheritdoc/>
    public override async Task<int> RunAsync(CommandContext context, CancellationToken cancellationToken)
    {
        SystemRoots.SkipLoading();
        var deadline = context.Options.Get(OptionTable.ArchiveTimeout);
        var data = DataDirectory.Open(context);
        using var repository = Host.Repository.Open(context, deadline);
        using var pusher = await WalPusher.OpenAsync(context, repository, data, cancellationToken).ConfigureAwait(false);
        var path = data.Resolve(context.Arguments[0]);
        try
        {
            await pusher.PushAsync(path, cancellationToken).ConfigureAwait(false);
        }
        catch (WalConflictException)
        {
            RefusedWal.Note(repository.State, Path.GetFileName(path), context.Log);
            throw;
        }
        return ExitCode.Done;
    }
}
