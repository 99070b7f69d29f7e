using System.Globalization;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Durable;

/// <summary>
/// The function app as it is built, a process of its own under a host that speaks to it as Azure Functions does; a database host beside it with the published agent and a real PostgreSQL. Its
/// store, vault, tokens and task hub are as it meets them in Azure: everything is asked as a managed identity.
/// </summary>
[Collection(AzureStorageHub.Collection)]
public sealed class FunctionsHostTests(AzureStorageHub hubs) : IAsyncLifetime
{
    private static readonly Dictionary<string, TimeSpan> Timers = new()
    {
        ["reports"] = TimeSpan.FromMilliseconds(300), ["schedules"] = TimeSpan.FromSeconds(1), ["looks"] = TimeSpan.FromSeconds(1),
    };

    private readonly ScratchFolder _scratch = new("fh");
    private readonly EntraServer _entra = new();
    private readonly Guid _application = Guid.NewGuid();
    private readonly int _port = FreePorts.Take(1)[0];
    private readonly string _cluster = $"f{Guid.NewGuid():N}"[..16];
    private KeyVaultServer _vault = null!;
    private PostgresServer _server = null!;
    private FunctionsHost _host = null!;

    private static string Agent => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;

    private string Audience => $"api://{_application}";

    public async Task InitializeAsync()
    {
        if (HostedFactAttribute.Missing is not null) return;
        _entra.Rotate();
        _entra.Applications[Audience] = ["Operator", "Report"];
        _vault = new KeyVaultServer(_entra);
        foreach (var purpose in (string[])["content", "index"]) _vault.Add($"{_cluster}-{purpose}", RSA.Create(3072));
        _vault.Add($"{_cluster}-signing", ECDsa.Create(ECCurve.NamedCurves.nistP256));
        await File.WriteAllTextAsync(_scratch["all.pem"], string.Join('\n', ((string[])[hubs.Server.CaFile, _entra.CaFile, _vault.CaFile]).Select(File.ReadAllText)));
        await File.WriteAllTextAsync(_scratch["connection"], hubs.Server.ConnectionString);
        _server = await PostgresServer.StartNewAsync(17, walSegmentMebibytes: 1);
        ScratchFolder.GiveToServers(_scratch.Path);
        (await RunAsync("init", ["--yes", $"--cluster={_cluster}", $"--key-path={_scratch["keys"]}", "--repo-auth=connection-string", $"--repo-connection-string-file={_scratch["connection"]}",
            $"--repo-ca-file={_scratch["all.pem"]}", $"--repo-client-id={_entra.ClientId}", $"--control-plane-url=http://127.0.0.1:{_port}", $"--control-plane-app={_application}",
            .. new[] { "content", "index", "signing" }.Select(purpose => $"--{purpose}-key={_vault.IdOf($"{_cluster}-{purpose}")}")])).MustExit();
        await File.AppendAllLinesAsync(Configuration("agent"), [$"repo-client-id={_entra.ClientId}"]);
        // A server that recovers runs restore_command without the variables of App Service.
        await File.WriteAllTextAsync(_scratch["secret"], _entra.Secret);
        await File.AppendAllLinesAsync(Configuration("restorer"), ["key-vault-auth=service-principal", $"repo-tenant-id={_entra.TenantId}", $"repo-client-id={_entra.ClientId}", $"repo-client-secret-file={_scratch["secret"]}",
            $"repo-authority-host={_entra.Authority.AbsoluteUri}"]);
        File.SetUnixFileMode(_scratch["secret"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        ScratchFolder.GiveToServers(_scratch.Path);
        _host = await FunctionsHost.StartAsync(_port, hubs.NewHub(), Settings(), Timers);
    }

    public async Task DisposeAsync()
    {
        if (_host is not null) await _host.DisposeAsync();
        if (_server is not null) await _server.DisposeAsync();
        if (_vault is not null) await _vault.DisposeAsync();
        await _entra.DisposeAsync();
        _scratch.Dispose();
    }

    [HostedFact]
    public async Task A_host_registers_is_backed_up_and_restored_by_the_app()
    {
        await using var agent = await ArchiveAsync();
        await _server.ExecuteAsync("CREATE TABLE orders AS SELECT g AS id, md5(g::text) AS what FROM generate_series(1, 50000) g");

        var backup = await AskAsync(0, "backup", Agents, "--type=full");

        await _server.ExecuteAsync("INSERT INTO orders SELECT g, 'after the backup' FROM generate_series(50001, 50100) g");
        var before = await ServerContents.DescribeAsync(_server);
        await ArchivedAsync();
        await using var restored = PostgresServer.CreateEmpty(17);
        (await RunAsync("restore", $"--config={Configuration("restorer")}", $"--pgdata={restored.DataFolder}", $"--state-path={_scratch["restorer"]}", "--target-action=promote")).MustExit();
        await restored.StartAsync();
        await Eventually.IsTrueAsync(async () => !await restored.ScalarAsync<bool>("SELECT pg_is_in_recovery()"), () => restored.Log);
        Assert.Equal(before, await ServerContents.DescribeAsync(restored));

        await Eventually.IsTrueAsync(() => Task.FromResult(_host.Runs.GetValueOrDefault("look") > 1), () => _host.Log);
        Assert.True(_host.Failures.Count == 0, $"{string.Join('\n', _host.Failures)}\n{backup.Output}\n{_host.Log}");
        Assert.Superset(new HashSet<string> { "workflow", "activity", "api", "reports", "schedules", "looks", "look" }, _host.Runs.Keys.ToHashSet());
        Assert.DoesNotContain("eyJ", _host.Log, StringComparison.Ordinal); // no token
    }

    [HostedFact]
    public async Task A_worker_that_dies_in_a_backup_is_replaced_and_the_backup_ends_well()
    {
        await using var agent = await ArchiveAsync();
        await _server.ExecuteAsync("CREATE TABLE orders AS SELECT g AS id, md5(g::text) AS what FROM generate_series(1, 50000) g");
        await AskAsync(0, "backup", Agents, "--type=full", "--detach");
        await Eventually.IsTrueAsync(() => Task.FromResult(_host.Runs.GetValueOrDefault("activity") > 1), () => _host.Log);

        await _host.KillWorkerAsync();
        var backups = await BackupsAsync();
        Assert.Single(backups["running"]!.AsArray());
        await _host.ReplaceWorkerAsync();

        await Eventually.IsTrueAsync(async () => (backups = await BackupsAsync())["running"]!.AsArray().Count == 0, () => $"{backups}\n{_host.Log}");
        Assert.Empty(backups["failed"]!.AsArray());
        Assert.Single(backups["backups"]!.AsArray());
    }

    [HostedFact]
    public async Task Who_lacks_the_role_is_told_so()
    {
        _entra.Applications[Audience] = ["Report"];
        var refused = await AskAsync(2, "backup", Agents, "--type=full");
        Assert.Contains("Operator", refused.Error, StringComparison.Ordinal);
        Assert.Contains("HINT: ", refused.Error, StringComparison.Ordinal);
        _entra.Applications.Clear();
        var unknown = await AskAsync(4, "backup", Agents, "--type=full");
        Assert.Contains($"get a token for api://{_application}", unknown.Error, StringComparison.Ordinal);
    }

    private async Task<JsonNode> BackupsAsync() => JsonNode.Parse((await RunAsync("info", Agents, "--output=json")).MustExit().Output)!["histories"]![0]!;

    private string Configuration(string role) => _scratch["keys", _cluster, role, "holdfast.conf"];

    private string Agents => $"--config={Configuration("agent")}";

    private string[] Host => [Agents, $"--pg-path={_server.DataFolder}", $"--state-path={_scratch["state"]}"];

    private Dictionary<string, string?> Identity => new() { ["IDENTITY_ENDPOINT"] = _entra.IdentityEndpoint.AbsoluteUri, ["IDENTITY_HEADER"] = _entra.IdentityHeader };

    private Task<ProcessResult> RunAsync(string command, params string[] words) => RunProcess.RunAsync(UnprivilegedUser.Command(Agent, [command, .. words]), Identity, TimeSpan.FromMinutes(1));

    /// <summary>Runs a command that asks the app; when it ends otherwise than expected, the app's log says why.</summary>
    private async Task<ProcessResult> AskAsync(int expected, string command, params string[] words)
    {
        try { return (await RunAsync(command, words)).MustExit(expected); }
        catch (Exception e) when (e is InvalidOperationException or TimeoutException)
        {
            throw new InvalidOperationException($"{e.Message}\n{string.Join('\n', _host.Failures)}\n{_host.Log}", e);
        }
    }

    /// <summary>Registers, lets the server archive, and starts the resident agent.</summary>
    private async Task<ResidentAgent> ArchiveAsync()
    {
        await AskAsync(0, "register", Host);
        await _server.StopAsync();
        (_server.Settings["archive_mode"], _server.Settings["archive_command"]) = ("on", $"{Agent} archive-push {string.Join(' ', Host)} %p");
        await _server.StartAsync();
        return new ResidentAgent(RunProcess.Start(UnprivilegedUser.Command(Agent, ["agent", .. Host, $"--pg-socket-path={_server.SocketFolder}", "--pg-user=postgres", "--heartbeat-interval=1s"]), Identity));
    }

    private async Task ArchivedAsync()
    {
        var last = await _server.ScalarAsync<string>("SELECT pg_walfile_name(pg_switch_wal())");
        await Eventually.IsTrueAsync(async () => string.CompareOrdinal(await _server.ScalarAsync<string>("SELECT coalesce(last_archived_wal, '') FROM pg_stat_archiver"), last) >= 0, () => _server.Log);
    }

    /// <summary>As bicep/modules/function-app.bicep and App Service set them.</summary>
    private Dictionary<string, string?> Settings() => new(Identity)
    {
        ["SSL_CERT_FILE"] = _scratch["all.pem"],
        ["AZURE_CLIENT_ID"] = _entra.ClientId,
        ["Repository__blobServiceUri"] = hubs.Server.BlobEndpoint.AbsoluteUri,
        ["Repository__queueServiceUri"] = hubs.Server.QueueEndpoint.AbsoluteUri,
        ["Repository__clientId"] = _entra.ClientId,
        ["Repository__accountId"] = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Storage/storageAccounts/a",
        ["Repository__managementUri"] = _entra.Authority.AbsoluteUri,
        ["Holdfast__VaultUri"] = _vault.Address.AbsoluteUri,
        ["Holdfast__ApiTenantId"] = _entra.TenantId,
        ["Holdfast__ApiClientId"] = _application.ToString(),
        ["Holdfast__AuthorityHost"] = _entra.Authority.AbsoluteUri,
        ["Holdfast__Clusters__0__Name"] = _cluster,
        ["Holdfast__Clusters__0__ControlPlaneKey"] = File.ReadLines(Configuration("control-plane")).Single(line => line.StartsWith("control-plane-key=", StringComparison.Ordinal))["control-plane-key=".Length..],
        ["Holdfast__Clusters__0__EscrowKey"] = File.ReadAllText(_scratch["keys", _cluster, "agent", "escrow.jwk"]),
        ["Holdfast__Clusters__0__EqualityKey"] = File.ReadAllText(_scratch["keys", _cluster, "control-plane", "equality.key"]).Trim(),
        ["Holdfast__Clusters__0__ImmutabilityDays"] = 30.ToString(CultureInfo.InvariantCulture),
        ["Holdfast__Clusters__0__LogImmutabilityDays"] = 60.ToString(CultureInfo.InvariantCulture),
        ["Holdfast__Clusters__0__PoliciesLocked"] = "false",
    };

    private sealed class ResidentAgent : IAsyncDisposable
    {
        private readonly System.Diagnostics.Process _process;

        public ResidentAgent(System.Diagnostics.Process process)
        {
            _process = process;
            process.OutputDataReceived += (_, _) => { };
            process.ErrorDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            process.BeginErrorReadLine();
        }

        public async ValueTask DisposeAsync()
        {
            if (!_process.HasExited) RunProcess.Signal(_process.Id, 15);
            await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
            _process.Dispose();
        }
    }

    private sealed class HostedFactAttribute : FactAttribute
    {
        public HostedFactAttribute() => Skip = Missing;

        /// <summary>What a plain tests/run.sh has made by now; its --engine durable makes none of it.</summary>
        public static string? Missing => FunctionsHost.Folder.Length > 0 && Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") is not null && Environment.GetEnvironmentVariable("HOLDFAST_TEST_POSTGRES") is not null
            ? null : "needs the built function app, the agent and PostgreSQL: run tests/run.sh";
    }
}
