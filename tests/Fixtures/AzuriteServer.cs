using System.Diagnostics;
using System.Security.Cryptography;
using Azure.Core.Pipeline;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A real Azurite over https on free loopback ports, with an account, a key, a certificate and data of its own. It takes requests of API
/// versions newer than itself, because the SDK is ahead of it.
/// <para>Azurite flushes its tables and blob lists every 5 seconds: after <see cref="Kill9"/> what it acknowledged in the last seconds may be
/// gone. A test that kills it may expect detection, not survival, unless it waited for the flush.</para>
/// </summary>
public sealed class AzuriteServer : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("az");
    private readonly LoopbackCertificate _certificate;
    private Process? _process;
    private int[] _ports = [];

    private AzuriteServer()
    {
        _certificate = new LoopbackCertificate(_scratch.Path);
        Directory.CreateDirectory(_scratch["data"]);
    }

    /// <summary>Path of Azurite's executable from <c>HOLDFAST_TEST_AZURITE</c>, or null.</summary>
    public static string? Executable => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AZURITE");

    /// <summary>The storage account's name.</summary>
    public string AccountName { get; } = $"hf{Random.Shared.Next():x8}";

    /// <summary>The storage account's key, Base64.</summary>
    public string AccountKey { get; } = Convert.ToBase64String(RandomNumberGenerator.GetBytes(64));

    /// <summary>PEM file of the authority that signed the server's certificate.</summary>
    public string CaFile => _certificate.CaFile;

    /// <summary>For example <c>https://127.0.0.1:34567/account</c>.</summary>
    public Uri BlobEndpoint => Endpoint(0);

    /// <summary>The Queue service of the same account.</summary>
    public Uri QueueEndpoint => Endpoint(1);

    /// <summary>The Table service of the same account.</summary>
    public Uri TableEndpoint => Endpoint(2);

    /// <summary>Account, key and the three endpoints.</summary>
    public string ConnectionString =>
        $"AccountName={AccountName};AccountKey={AccountKey};BlobEndpoint={BlobEndpoint};QueueEndpoint={QueueEndpoint};TableEndpoint={TableEndpoint}";

    /// <summary>The server's process id, while it runs.</summary>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("Azurite is not running");

    /// <summary>Makes the folder, the account and the certificate, and starts the server.</summary>
    public static async Task<AzuriteServer> StartNewAsync(CancellationToken cancellationToken = default)
    {
        var server = new AzuriteServer();
        try
        {
            // A port that was free a moment ago may be taken by another test run: then Azurite exits, and other ports are tried.
            for (var attempt = 1; ; attempt++)
            {
                server._ports = FreePorts.Take(3);
                try
                {
                    await server.StartAsync(cancellationToken);
                    return server;
                }
                catch (InvalidOperationException) when (attempt < 3)
                {
                }
            }
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server (again) on the same ports and data; returns when all three services listen.</summary>
    public async Task StartAsync(CancellationToken cancellationToken = default)
    {
        var environment = new Dictionary<string, string?> { ["AZURITE_ACCOUNTS"] = $"{AccountName}:{AccountKey}", ["NODE_OPTIONS"] = null };
        var process = RunProcess.Start(CommandLine(), environment, _scratch.Path);
        var (listening, log) = (new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously), new List<string>());
        process.EnableRaisingEvents = true;
        process.Exited += (_, _) => listening.TrySetException(new InvalidOperationException($"Azurite exited {process.ExitCode}: {Joined(log)}"));
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        _process = process;
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
        await listening.Task.WaitAsync(TimeSpan.FromSeconds(60), cancellationToken);

        void Note(string? line)
        {
            lock (log)
            {
                log.Add(line ?? "");
                if (log.Count(each => each.Contains("successfully listen", StringComparison.Ordinal)) == 3)
                {
                    listening.TrySetResult();
                }
            }
        }
    }

    /// <summary>Stops the server as an operator would (SIGTERM): everything acknowledged is on disk afterwards.</summary>
    public Task StopAsync() => EndAsync(15);

    /// <summary>Kills the server (SIGKILL).</summary>
    public Task Kill9() => EndAsync(9);

    /// <summary>A transport for Azure's clients that trusts this server's certificate and no other.</summary>
    public HttpPipelineTransport CreateTransport() => new HttpClientTransport(new HttpClient(_certificate.CreateHandler()));

    /// <summary>A handler that trusts this server's certificate and no other.</summary>
    public HttpMessageHandler CreateHandler() => _certificate.CreateHandler();

    /// <summary>Stops the server and deletes its data.</summary>
    public async ValueTask DisposeAsync()
    {
        await Kill9();
        _certificate.Authority.Dispose();
        _scratch.Dispose();
    }

    private string[] CommandLine() =>
    [
        Executable ?? throw new InvalidOperationException("HOLDFAST_TEST_AZURITE names no executable: run the tests by tests/run.sh"),
        "--silent", "--disableTelemetry", "--skipApiVersionCheck", "--oauth", "basic", "--location", _scratch["data"],
        "--cert", _certificate.ServerFile, "--key", _certificate.KeyFile,
        "--blobHost", "127.0.0.1", "--blobPort", $"{_ports[0]}",
        "--queueHost", "127.0.0.1", "--queuePort", $"{_ports[1]}",
        "--tableHost", "127.0.0.1", "--tablePort", $"{_ports[2]}",
    ];

    private Uri Endpoint(int service) => new($"https://127.0.0.1:{_ports[service]}/{AccountName}");

    private async Task EndAsync(int signal)
    {
        if (_process is not { } process)
        {
            return;
        }
        _process = null;
        if (!process.HasExited)
        {
            RunProcess.Signal(process.Id, signal);
            await process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
        }
        process.Dispose();
    }

    private static string Joined(List<string> log)
    {
        lock (log)
        {
            return string.Join('\n', log);
        }
    }
}
