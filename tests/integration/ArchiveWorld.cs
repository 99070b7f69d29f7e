using Holdfast.Agent.CommandLine;
using Holdfast.Agent.Options;
using Holdfast.Core.Postgres;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>One cluster in the shared Azurite, with the agent run in this process: what an operator types, as a test.</summary>
internal sealed class ArchiveWorld : IDisposable
{
    private readonly ScratchFolder _scratch = new("aw");
    private readonly AzuriteServer _azurite;

    public ArchiveWorld(AzuriteServer azurite)
    {
        _azurite = azurite;
        Cluster = $"w{Guid.NewGuid():N}"[..16];
        File.WriteAllText(_scratch["connection"], azurite.ConnectionString);
    }

    public string Cluster { get; }

    /// <summary>{key-path}/{cluster}.</summary>
    public string Keys => _scratch["keys", Cluster];

    public string this[params ReadOnlySpan<string> names] => System.IO.Path.Combine([_scratch.Path, .. names]);

    public string Configuration(string role) => System.IO.Path.Combine(Keys, role, "holdfast.conf");

    public string[] InitWords => [$"--cluster={Cluster}", "--repo-auth=connection-string", $"--repo-connection-string-file={_scratch["connection"]}",
        $"--repo-ca-file={_azurite.CaFile}", $"--key-path={_scratch["keys"]}"];

    /// <summary>As an agent on a database host; each host has a state-path of its own.</summary>
    public string[] Host(PostgresServer server, string state = "state", string role = "agent") =>
        [$"--config={Configuration(role)}", $"--pg-path={server.DataFolder}", $"--state-path={_scratch[state]}"];

    public string ControlPlane => $"--control-plane-config={Configuration("control-plane")}";

    public string Spool => $"--spool-path={_scratch["spool"]}";

    /// <summary>The options of a role, as a command would see them.</summary>
    public ResolvedOptions Options(string role) => OptionResolver.Resolve(CommandSet.Check,
        [new GivenOption(OptionTable.Config, Configuration(role), new OptionSource(OptionOrigin.Flag, "test"))], new Dictionary<string, string>());

    public async Task<(int Code, string Output, string Error)> RunAsync(params string[] words)
    {
        var (output, error) = (new StringWriter(), new StringWriter());
        var code = await new AgentProcess(output, error, new Dictionary<string, string>()).RunAsync(words);
        return (code, output.ToString(), error.ToString());
    }

    /// <summary>Runs a command that must succeed; returns what it printed.</summary>
    public async Task<string> MustAsync(params string[] words)
    {
        var (code, output, error) = await RunAsync(words);
        Assert.True(code == 0, $"{string.Join(' ', words)}\nexited {code}\n{output}{error}");
        return output;
    }

    /// <summary>Runs a command that must be refused with this exit code; returns its messages, which end in a hint.</summary>
    public async Task<string> FailsAsync(int expected, params string[] words)
    {
        var (code, output, error) = await RunAsync(words);
        Assert.True(code == expected, $"{string.Join(' ', words)}\nexited {code}, expected {expected}\n{output}{error}");
        Assert.Contains("HINT: ", error, StringComparison.Ordinal);
        return error;
    }

    /// <summary>With RSA keys that are there already: tests about those run init with <see cref="InitWords"/>.</summary>
    public Task<string> InitAsync()
    {
        ReadyKeys.PlaceIn(Keys);
        return MustAsync(["init", "--yes", .. InitWords]);
    }

    public Task<string> RegisterAsync(PostgresServer server, string state = "state", params string[] more) =>
        MustAsync(["register", .. Named(server, state), ControlPlane, .. more]);

    /// <summary>As <see cref="Host"/>, for commands that may register: every state but the first is that of a host of its name.</summary>
    public string[] Named(PostgresServer server, string state) => [.. Host(server, state), .. state == "state" ? Array.Empty<string>() : [$"--host-name={state}"]];

    /// <summary>Puts a new token where the agent's configuration looks for one.</summary>
    public async Task<string> RenewTokenAsync()
    {
        var token = (await MustAsync("token", ControlPlane)).Trim();
        File.WriteAllText(System.IO.Path.Combine(Keys, "agent", "enrolment-token"), token);
        return token;
    }

    /// <summary>Archives what waits, oldest first, as PostgreSQL would, and marks it done.</summary>
    public async Task PushReadyAsync(PostgresServer server, string state = "state")
    {
        foreach (var ready in Directory.GetFiles(System.IO.Path.Combine(server.DataFolder, "pg_wal", "archive_status"), "*.ready").Order(StringComparer.Ordinal))
        {
            var name = System.IO.Path.GetFileNameWithoutExtension(ready);
            await MustAsync(["archive-push", .. Host(server, state), Spool, $"pg_wal/{name}"]);
            File.Move(ready, System.IO.Path.ChangeExtension(ready, ".done"));
        }
    }

    /// <summary>A blob of one byte, as whoever may create one can put it.</summary>
    public async Task PutJunkAsync(string name)
    {
        using var services = BlobServices.Open(Holdfast.Agent.Host.StoreOptions.From(Options("agent"), TimeSpan.FromSeconds(20)));
        Assert.Equal(CreateOutcome.Created, await services.Data.CreateAsync(name, BlobContent.From(new byte[] { 7 }), default));
    }

    /// <summary>The cluster's log, whole.</summary>
    public async Task<LogView> ReadLogAsync()
    {
        var options = Options("control-plane");
        using var services = BlobServices.Open(Holdfast.Agent.Host.StoreOptions.From(options, TimeSpan.FromSeconds(20)));
        return await new ClusterLog(services.Log, [options.Get(OptionTable.ControlPlaneKey).ToVerifyingKey()], Cluster).VerifyAllAsync(null, default);
    }

    /// <summary>A server that finishes segments and archives none by itself.</summary>
    public static Task<PostgresServer> StartServerAsync() =>
        PostgresServer.StartNewAsync(17, walSegmentMebibytes: 1, settings: [("archive_mode", "on"), ("archive_command", "false"), ("wal_keep_size", "64MB")]);

    /// <summary>Writes something and finishes the segment; returns the segment's name.</summary>
    public static async Task<string> FinishSegmentAsync(PostgresServer server)
    {
        await server.ExecuteAsync("CREATE TABLE IF NOT EXISTS t (i int); INSERT INTO t SELECT generate_series(1, 1000)");
        return await server.ScalarAsync<string>("SELECT pg_walfile_name(pg_switch_wal())");
    }

    public void Dispose() => _scratch.Dispose();
}
