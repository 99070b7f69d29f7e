using System.Diagnostics;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A server, its resident agent and a control plane, each a process of its own, on a real Azurite, made by <c>init</c> and <c>register</c> as an operator would.
/// What runs on the database host runs as the server's user.
/// </summary>
public sealed class ControlledCluster : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("cc");
    private readonly List<string> _agentLog = [];
    private readonly List<Process> _others = [];
    private Process? _agent;
    private string _heartbeat = "1s";
    private Action<string>? _adjust;

    private ControlledCluster(PostgresServer server) => Server = server;

    /// <summary>The cluster's name.</summary>
    public string Name { get; } = $"c{Guid.NewGuid():N}"[..20];

    /// <summary>The server that archives.</summary>
    public PostgresServer Server { get; }

    /// <summary>What the agent remembers.</summary>
    public string StateFolder => _scratch["state", Name];

    /// <summary>The control plane.</summary>
    public ControlPlaneProcess ControlPlane { get; private set; } = null!;

    /// <summary>What agent and control plane have logged.</summary>
    public string Log
    {
        get
        {
            lock (_agentLog) return $"agent:\n{string.Join('\n', _agentLog)}\ncontrol plane:\n{ControlPlane.Log}";
        }
    }

    internal static string Agent => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") ?? throw new InvalidOperationException("HOLDFAST_TEST_AGENT is not set: run tests/run.sh");

    private string[] Host => [$"--config={Configuration("agent")}", $"--pg-path={Server.DataFolder}", $"--state-path={_scratch["state"]}"];

    private static string[] Session(PostgresServer server) => [$"--pg-socket-path={server.SocketFolder}", "--pg-user=postgres"];

    /// <summary>Starts all of it; the server archives.</summary>
    /// <param name="azurite">The store.</param>
    /// <param name="major">The server's version.</param>
    /// <param name="heartbeat">How often the agent says that all is well.</param>
    /// <param name="adjust">Told where the control plane's configuration is, before it starts.</param>
    /// <param name="vaults">When given, all private keys are there.</param>
    /// <param name="walSegmentMebibytes">The server's wal_segment_size.</param>
    public static async Task<ControlledCluster> StartAsync(
        AzuriteServer azurite, int major, string heartbeat = "1s", Action<string>? adjust = null, VaultWorld? vaults = null, int walSegmentMebibytes = 1)
    {
        var cluster = new ControlledCluster(await PostgresServer.StartNewAsync(major, walSegmentMebibytes)) { _heartbeat = heartbeat, _adjust = adjust };
        try
        {
            await cluster.SetUpAsync(azurite, vaults);
            return cluster;
        }
        catch
        {
            await cluster.DisposeAsync();
            throw;
        }
    }

    /// <summary>The configuration file of a role.</summary>
    public string Configuration(string role) => _scratch["keys", Name, role, "holdfast.conf"];

    /// <summary>Starts the agent (again).</summary>
    public void StartAgent() => _agent = Start(Host, Server);

    /// <summary>Starts the agent of another host, which ends with the cluster.</summary>
    internal void StartAgent(string[] host, PostgresServer server) => _others.Add(Start(host, server));

    /// <summary>A folder for what another host has.</summary>
    internal string FolderOf(string host) => _scratch["hosts", host];

    /// <summary>A command with the control plane's rights.</summary>
    public async Task<ProcessResult> DecideAsync(params string[] words)
    {
        var result = await RunProcess.RunAsync(UnprivilegedUser.Command(Agent, words));
        result.MustExit();
        return result;
    }

    private Process Start(string[] host, PostgresServer server)
    {
        var agent = RunProcess.Start(UnprivilegedUser.Command(Agent, ["agent", .. host, .. Session(server), $"--heartbeat-interval={_heartbeat}"]));
        agent.OutputDataReceived += (_, line) => Note(line.Data);
        agent.ErrorDataReceived += (_, line) => Note(line.Data);
        agent.BeginOutputReadLine();
        agent.BeginErrorReadLine();
        return agent;
    }

    /// <summary>A signal for the agent, such as SIGSTOP.</summary>
    public void SignalAgent(int signal) => RunProcess.Signal(_agent!.Id, signal);

    /// <summary>SIGKILL for the agent.</summary>
    public async Task KillAgentAsync()
    {
        if (_agent is not { } agent) return;
        _agent = null;
        await KillAsync(agent);
    }

    private static async Task KillAsync(Process agent)
    {
        if (!agent.HasExited) RunProcess.Signal(agent.Id, 9);
        await agent.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        agent.Dispose();
    }

    /// <summary>SIGKILL for the control plane, and another in its place.</summary>
    public async Task RestartControlPlaneAsync()
    {
        await ControlPlane.Kill9();
        var url = ControlPlane.Url;
        await ControlPlane.DisposeAsync();
        ControlPlane = ControlPlaneProcess.Start(Configuration("control-plane"), url);
        await ControlPlane.WellAsync();
    }

    /// <summary>The control plane's signals.</summary>
    public async Task<string> MetricsAsync()
    {
        using var http = new HttpClient();
        http.DefaultRequestHeaders.Add("X-Holdfast-Key", (await File.ReadAllTextAsync(_scratch["keys", Name, "control-plane", "admin.key"])).Trim());
        return await http.GetStringAsync(new Uri(ControlPlane.Url, $"/v1/clusters/{Name}/metrics"));
    }

    /// <summary>A command of the database host.</summary>
    public Task<ProcessResult> RunAsync(string command, params IEnumerable<string> words) =>
        RunProcess.RunAsync(UnprivilegedUser.Command(Agent, [command, $"--config={Configuration("agent")}", .. words]), timeout: TimeSpan.FromMinutes(3));

    /// <summary>Restores into an empty server, with the restorer's key.</summary>
    public Task<ProcessResult> RestoreAsync(PostgresServer into, params IEnumerable<string> words) => RunProcess.RunAsync(
        UnprivilegedUser.Command(Agent, ["restore", $"--config={Configuration("restorer")}", $"--pgdata={into.DataFolder}", $"--state-path={_scratch["restorer"]}", .. words]));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await KillAgentAsync();
        foreach (var other in _others) await KillAsync(other);
        if (ControlPlane is not null) await ControlPlane.DisposeAsync();
        await Server.DisposeAsync();
        _scratch.Dispose();
    }

    private async Task SetUpAsync(AzuriteServer azurite, VaultWorld? vaults)
    {
        var url = ControlPlaneProcess.FreeUrl();
        if (vaults is null) ReadyKeys.PlaceIn(_scratch["keys", Name]);
        var identity = vaults?.Identity(_scratch["secret"]) ?? [];
        await File.WriteAllTextAsync(_scratch["ca.pem"], await File.ReadAllTextAsync(azurite.CaFile) + (vaults is null ? "" : "\n" + await File.ReadAllTextAsync(vaults.CaFile)));
        await File.WriteAllTextAsync(_scratch["connection"], azurite.ConnectionString);
        ScratchFolder.GiveToServers(_scratch.Path);
        ScratchFolder.GiveToServers(Server.DataFolder);
        await MustAsync(["init", "--yes", $"--cluster={Name}", $"--key-path={_scratch["keys"]}", "--repo-auth=connection-string",
            $"--repo-connection-string-file={_scratch["connection"]}", $"--repo-ca-file={_scratch["ca.pem"]}", $"--control-plane-url={url.AbsoluteUri.TrimEnd('/')}",
            .. identity.Select(line => "--" + line), .. vaults?.KeyWords ?? []]);
        foreach (var role in new[] { "control-plane", "restorer" }) await File.AppendAllLinesAsync(Configuration(role), identity);
        _adjust?.Invoke(Configuration("control-plane"));
        ControlPlane = await ControlPlaneProcess.StartAsync(Configuration("control-plane"), url);
        await MustAsync(["register", .. Host]);
        await Server.StopAsync();
        (Server.Settings["archive_mode"], Server.Settings["archive_command"]) = ("on", $"{Agent} archive-push {string.Join(' ', Host)} %p");
        await Server.StartAsync();
        StartAgent();
    }

    private static async Task MustAsync(string[] words) => (await RunProcess.RunAsync(UnprivilegedUser.Command(Agent, words))).MustExit();

    private void Note(string? line)
    {
        if (line is null) return;
        lock (_agentLog) _agentLog.Add(line);
    }
}
