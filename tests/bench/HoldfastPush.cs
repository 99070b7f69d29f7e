using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>Holdfast's archive-push without a resident agent: each call is a process that does the whole work, like its peer.</summary>
public sealed class HoldfastPush(string program, AzuriteServer azurite, PostgresServer server, ScratchFolder scratch) : IPushTool
{
    /// <inheritdoc/>
    public string Name => $"Holdfast {typeof(HoldfastPush).Assembly.GetName().Version?.ToString(3)}";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment { get; } = new Dictionary<string, string> { ["PATH"] = "/usr/bin:/bin", ["SSL_CERT_FILE"] = azurite.CaFile };

    /// <inheritdoc/>
    public string[] Command(string segment) => [program, "archive-push", segment];

    /// <inheritdoc/>
    public Task PrepareAsync(int round)
    {
        // TO FILL: a cluster of its own per round: `holdfast init` into scratch[$"round-{round}"] against azurite.ConnectionString, then
        // `holdfast register` of server.DataFolder; Command and Environment must then name that round's configuration.
        _ = (server, scratch);
        throw new NotImplementedException("the agent cannot be measured yet: fill in HoldfastPush.PrepareAsync");
    }
}
