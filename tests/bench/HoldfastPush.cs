using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>
/// Holdfast's archive-push without a resident agent: each call is a process that does the whole work, like its peer, with the rights of a
/// host. <paramref name="registered"/> holds the server's pg_control from before the load, since WAL older than a registration does not count.
/// </summary>
public sealed class HoldfastPush(string program, AzuriteServer azurite, PostgresServer server, string registered, ScratchFolder scratch) : IPushTool
{
    /// <inheritdoc/>
    public string Name => "Holdfast";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment { get; private set; } = new Dictionary<string, string>();

    /// <inheritdoc/>
    public string[] Command(string segment) => [program, "archive-push", segment];

    /// <summary>The same call, saying where its time goes.</summary>
    public string[] TimedCommand(string segment) => [program, "archive-push", "--log-level=debug", segment];

    /// <summary>A cluster of its own per round.</summary>
    public async Task PrepareAsync(int round)
    {
        var cluster = new HoldfastCluster(program, azurite, server, scratch, $"round{round}");
        await cluster.InitAsync();
        await cluster.RegisterAsync(registered);
        Environment = cluster.Environment;
    }
}
