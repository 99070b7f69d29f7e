using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>A cluster of Holdfast in the store, made by init, and the environment in which the roles' commands run.</summary>
public sealed class HoldfastCluster(string program, AzuriteServer azurite, PostgresServer server, ScratchFolder scratch, string name)
{
    private static readonly Dictionary<string, string> Bare = new() { ["PATH"] = "/usr/bin:/bin" };

    /// <summary>The cluster's name.</summary>
    public string Name => name;

    /// <summary>The database host's own folder.</summary>
    public string StatePath => scratch[$"state-{name}"];

    /// <summary>The environment of the restorer's commands; the configuration file is named on the command line.</summary>
    public IReadOnlyDictionary<string, string> RestorerEnvironment => new Dictionary<string, string>(Bare)
    {
        ["HOLDFAST_STATE_PATH"] = scratch[$"restorer-{name}"],
        ["HOLDFAST_SPOOL_PATH"] = scratch.Path,
    };

    /// <summary>The environment of the database host's commands.</summary>
    public IReadOnlyDictionary<string, string> Environment => new Dictionary<string, string>(Bare)
    {
        ["HOLDFAST_CONFIG"] = Configuration("agent"),
        ["HOLDFAST_STATE_PATH"] = StatePath,
        ["HOLDFAST_SPOOL_PATH"] = scratch.Path,
        ["HOLDFAST_PG_PATH"] = server.DataFolder,
        ["HOLDFAST_PG_SOCKET_PATH"] = server.SocketFolder,
        ["HOLDFAST_PG_USER"] = "postgres",
    };

    /// <summary>The environment of the control plane.</summary>
    public IReadOnlyDictionary<string, string> ControlPlaneEnvironment => new Dictionary<string, string>(Bare) { ["HOLDFAST_STATE_PATH"] = scratch[$"control-plane-{name}"] };

    /// <summary>A role's configuration file.</summary>
    public string Configuration(string role) => Path.Combine(scratch[$"keys-{name}"], name, role, "holdfast.conf");

    /// <summary>Containers, keys, configurations.</summary>
    public async Task InitAsync()
    {
        await File.WriteAllTextAsync(scratch["connection"], azurite.ConnectionString);
        File.SetUnixFileMode(scratch["connection"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        await RunAsync(new Dictionary<string, string>(Bare)
        {
            ["HOLDFAST_REPO_AUTH"] = "connection-string",
            ["HOLDFAST_REPO_CONNECTION_STRING_FILE"] = scratch["connection"],
            ["HOLDFAST_REPO_CA_FILE"] = azurite.CaFile,
        }, "init", $"--cluster={name}", $"--key-path={scratch[$"keys-{name}"]}", $"--control-plane-url=http://127.0.0.1:{FreePorts.Take(1)[0]}", "--yes");
    }

    /// <summary>Registers the host, whose data directory is as <paramref name="dataFolder"/> says.</summary>
    public Task RegisterAsync(string dataFolder) =>
        RunAsync(new Dictionary<string, string>(Environment) { ["HOLDFAST_PG_PATH"] = dataFolder }, "register", $"--control-plane-config={Configuration("control-plane")}", "--yes");

    private async Task RunAsync(Dictionary<string, string> environment, params string[] words) =>
        (await RunProcess.RunAsync([program, .. words], environment: environment.ToDictionary(one => one.Key, one => (string?)one.Value))).MustExit();
}
