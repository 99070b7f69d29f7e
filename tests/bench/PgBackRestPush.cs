namespace Holdfast.Bench;

/// <summary>pgBackRest's synchronous archive-push: a process of its own for each segment.</summary>
public sealed class PgBackRestPush(PgBackRestRepository repository) : IPushTool
{
    /// <inheritdoc/>
    public string Name => repository.Name;

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment => PgBackRestRepository.Environment;

    /// <inheritdoc/>
    public string[] Command(string segment) => repository.Command("--log-level-console=warn", "archive-push", segment);

    /// <inheritdoc/>
    public Task PrepareAsync(int round) => repository.MakeAsync(round);
}
