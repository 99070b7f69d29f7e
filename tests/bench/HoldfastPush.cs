using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>
/// Holdfast's archive-push without a resident agent: each call is a process that does the whole work, like its peer, with the rights of a
/// host. <paramref name="registered"/> holds the server's pg_control from before the load, since WAL older than a registration does not count.
/// </summary>
public sealed class HoldfastPush(string program, AzuriteServer azurite, PostgresServer server, string registered, ScratchFolder scratch) : IPushTool
{
    private static readonly Dictionary<string, string> Bare = new() { ["PATH"] = "/usr/bin:/bin" };
    private string _configuration = "";

    /// <inheritdoc/>
    public string Name => "Holdfast";

    /// <inheritdoc/>
    public IReadOnlyDictionary<string, string> Environment { get; private set; } = Bare;

    /// <inheritdoc/>
    public string[] Command(string segment) => [program, "archive-push", segment];

    /// <summary>The same call, saying where its time goes.</summary>
    public string[] TimedCommand(string segment) => [program, "archive-push", "--log-level=debug", segment];

    /// <summary>A cluster of its own per round, so that nothing is a duplicate.</summary>
    public async Task PrepareAsync(int round)
    {
        var cluster = $"round{round}";
        var keys = scratch[$"keys-{round}"];
        await File.WriteAllTextAsync(scratch["connection"], azurite.ConnectionString);
        File.SetUnixFileMode(scratch["connection"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await RunAsync(new() { ["HOLDFAST_REPO_AUTH"] = "connection-string", ["HOLDFAST_REPO_CONNECTION_STRING_FILE"] = scratch["connection"], ["HOLDFAST_REPO_CA_FILE"] = azurite.CaFile },
            "init", $"--cluster={cluster}", $"--key-path={keys}", "--yes");
        _configuration = Path.Combine(keys, cluster, "agent", "holdfast.conf");
        Environment = new Dictionary<string, string>(Bare)
        {
            ["HOLDFAST_CONFIG"] = _configuration,
            ["HOLDFAST_STATE_PATH"] = scratch[$"state-{round}"],
            ["HOLDFAST_SPOOL_PATH"] = scratch.Path,
            ["HOLDFAST_PG_PATH"] = server.DataFolder,
        };
        await RunAsync(new(Environment) { ["HOLDFAST_PG_PATH"] = registered }, "register", $"--control-plane-config={Path.Combine(keys, cluster, "control-plane", "holdfast.conf")}", "--yes");
    }

    private async Task RunAsync(Dictionary<string, string> environment, params string[] words) =>
        (await RunProcess.RunAsync([program, .. words], environment: environment.ToDictionary(one => one.Key, one => (string?)one.Value))).MustExit();
}
