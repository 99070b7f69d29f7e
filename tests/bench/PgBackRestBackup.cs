using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>pgBackRest's full backup, into a repository of its own in each round.</summary>
public sealed class PgBackRestBackup(PgBackRestRepository repository, PostgresServer server, ScratchFolder scratch) : IBackupTool
{
    private int _round;

    /// <inheritdoc/>
    public string Name => repository.Name;

    /// <inheritdoc/>
    public async Task PrepareAsync(int round)
    {
        _round = round;
        await repository.MakeAsync(round);
        await Archiving.SwitchToAsync(server, string.Join(' ', repository.Command("--log-level-console=warn", "archive-push", "%p")));
    }

    /// <inheritdoc/>
    public async Task<BackupFigures> BackUpAsync()
    {
        var cost = MeasuredProcess.Run(repository.Command("--type=full", "backup"), PgBackRestRepository.Environment, scratch["output"]);
        return new BackupFigures(cost, await repository.StoredBytesAsync(_round));
    }

    /// <inheritdoc/>
    public Cost Restore(string folder)
    {
        Directory.CreateDirectory(folder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        return MeasuredProcess.Run(repository.Command($"--pg1-path={folder}", "restore"), PgBackRestRepository.Environment, scratch["output"]);
    }
}
