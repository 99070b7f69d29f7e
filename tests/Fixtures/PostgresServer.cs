using System.Diagnostics;
using Npgsql;

namespace Holdfast.Tests.Fixtures;

/// <summary>How a server is stopped, with the signal that says so.</summary>
public enum PostgresStop
{
    /// <summary>Ends sessions, writes a checkpoint, archives what is left.</summary>
    Fast = 2,

    /// <summary>Leaves everything as it is; the next start recovers.</summary>
    Immediate = 3,
}

/// <summary>
/// A real PostgreSQL server of its own: data, log and socket in one scratch folder, no TCP port, run as an unprivileged user. Settings are
/// given on the command line, so that a copy of the data directory does not inherit them (a restored copy must not archive by accident).
/// fsync is off unless a test asks for it: a killed server loses nothing by that, only a machine that loses power does.
/// </summary>
public sealed class PostgresServer : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("pg");
    private Process? _process;

    private PostgresServer(int major)
    {
        Major = major;
        ScratchFolder.GiveToServers(_scratch.Path);
        Settings = new Dictionary<string, string>
        {
            ["listen_addresses"] = "",
            ["unix_socket_directories"] = _scratch.Path,
            ["port"] = "5432",
            ["fsync"] = "off",
            ["shared_buffers"] = "32MB",
        };
    }

    /// <summary>The majors that are tested.</summary>
    public static IEnumerable<object[]> Majors => Enumerable.Range(14, 5).Select(major => new object[] { major });

    /// <summary>The server's major version.</summary>
    public int Major { get; }

    /// <summary>PGDATA.</summary>
    public string DataFolder => _scratch["data"];

    /// <summary>The folder of the Unix socket; the port is 5432.</summary>
    public string SocketFolder => _scratch.Path;

    /// <summary>Server settings, from the next <see cref="StartAsync"/> on.</summary>
    public Dictionary<string, string> Settings { get; }

    /// <summary>The postmaster's process id, while it runs.</summary>
    public int ProcessId => _process?.Id ?? throw new InvalidOperationException("PostgreSQL is not running");

    /// <summary>Everything the server has logged.</summary>
    public string Log => File.Exists(_scratch["log"]) ? File.ReadAllText(_scratch["log"]) : "";

    /// <summary>A server without data: fill <see cref="DataFolder"/>, then <see cref="StartAsync"/>.</summary>
    public static PostgresServer CreateEmpty(int major) => new(major);

    /// <summary>Creates a cluster and starts it.</summary>
    public static async Task<PostgresServer> StartNewAsync(
        int major, int walSegmentMebibytes = 16, bool dataChecksums = true, params (string Name, string Value)[] settings)
    {
        var server = new PostgresServer(major);
        try
        {
            string[] checksums = dataChecksums ? ["--data-checksums"] : major >= 18 ? ["--no-data-checksums"] : [];
            await server.RunAsync("initdb", [
                "--pgdata", server.DataFolder, "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
                $"--wal-segsize={walSegmentMebibytes}", .. checksums]);
            Array.ForEach(settings, setting => server.Settings[setting.Name] = setting.Value);
            await server.StartAsync();
            return server;
        }
        catch
        {
            await server.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts the server on what is in <see cref="DataFolder"/>; returns when it takes connections.</summary>
    public async Task StartAsync()
    {
        ScratchFolder.GiveToServers(DataFolder);
        if (Directory.Exists(DataFolder))
        {
            File.SetUnixFileMode(DataFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        }
        // A file, not a pipe: children that outlive a killed postmaster would keep a pipe open.
        string[] log = ["sh", "-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "-", _scratch["log"]];
        var settings = Settings.SelectMany(setting => new[] { "-c", $"{setting.Key}={setting.Value}" });
        _process = RunProcess.Start([.. log, .. UnprivilegedUser.Command(Program("postgres"), ["-D", DataFolder, .. settings])]);
        await WaitUntilReadyAsync(_process, TimeSpan.FromSeconds(60));
    }

    /// <summary>Stops the server.</summary>
    public async Task StopAsync(PostgresStop stop = PostgresStop.Fast)
    {
        RunProcess.Signal(ProcessId, (int)stop);
        await EndAsync(TimeSpan.FromSeconds(60));
    }

    /// <summary>Kills the postmaster and everything it started (SIGKILL), as if the machine had stopped.</summary>
    public async Task Kill9()
    {
        _process?.Kill(entireProcessTree: true);
        await EndAsync(TimeSpan.FromSeconds(30));
    }

    /// <summary>Ends recovery; returns when the server takes writes.</summary>
    public async Task PromoteAsync()
    {
        if (!await ScalarAsync<bool>("SELECT pg_promote(true, 60)"))
        {
            throw new TimeoutException($"the server was not promoted within 60 s:\n{Log}");
        }
    }

    /// <summary>Connects as superuser over the socket, without a pool.</summary>
    public async Task<NpgsqlConnection> ConnectAsync(string database = "postgres")
    {
        var connection = new NpgsqlConnection(ConnectionString(database));
        try
        {
            await connection.OpenAsync();
            return connection;
        }
        catch
        {
            await connection.DisposeAsync();
            throw;
        }
    }

    /// <summary>Npgsql's connection string for the superuser over the socket, without a pool.</summary>
    public string ConnectionString(string database = "postgres") =>
        $"Host={SocketFolder};Port=5432;Username=postgres;Database={database};Pooling=false;Timeout=30;Command Timeout=300;GSS Encryption Mode=Disable";

    /// <summary>Runs one or more statements.</summary>
    public async Task ExecuteAsync(string sql, string database = "postgres")
    {
        await using var connection = await ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>The single value a query returns.</summary>
    public async Task<T> ScalarAsync<T>(string sql, string database = "postgres")
    {
        await using var connection = await ConnectAsync(database);
        await using var command = new NpgsqlCommand(sql, connection);
        return (T)(await command.ExecuteScalarAsync() ?? throw new InvalidOperationException($"{sql}: no row"));
    }

    /// <summary>Runs one of this server's own programs as the server's user; it must exit 0.</summary>
    public async Task<ProcessResult> RunAsync(string program, params IEnumerable<string> arguments) =>
        (await RunProcess.RunAsync(UnprivilegedUser.Command(Program(program), arguments), Environment)).MustExit();

    /// <summary>Runs a client program of <c>HOLDFAST_TEST_CLIENTS</c> against this server as the server's user; it must exit 0.</summary>
    public async Task<ProcessResult> RunClientAsync(string program, params IEnumerable<string> arguments)
    {
        var folder = System.Environment.GetEnvironmentVariable("HOLDFAST_TEST_CLIENTS")
            ?? throw new InvalidOperationException("HOLDFAST_TEST_CLIENTS is not set: run tests/run.sh");
        var command = UnprivilegedUser.Command(Path.Combine(folder, program), arguments);
        return (await RunProcess.RunAsync(command, Environment, TimeSpan.FromMinutes(10))).MustExit();
    }

    /// <summary>Kills the server and deletes its folder.</summary>
    public async ValueTask DisposeAsync()
    {
        await Kill9();
        _scratch.Dispose();
    }

    private Dictionary<string, string?> Environment => new()
    {
        ["PGHOST"] = SocketFolder,
        ["PGPORT"] = "5432",
        ["PGUSER"] = "postgres",
        ["PGDATABASE"] = "postgres",
        ["HOME"] = _scratch.Path,
        ["LC_ALL"] = "C",
    };

    private string Program(string name) => Path.Combine(
        System.Environment.GetEnvironmentVariable("HOLDFAST_TEST_POSTGRES")
            ?? throw new InvalidOperationException("HOLDFAST_TEST_POSTGRES is not set: run tests/run.sh"),
        $"{Major}", "bin", name);

    private async Task WaitUntilReadyAsync(Process process, TimeSpan timeout)
    {
        for (var waited = Stopwatch.StartNew(); ; await Task.Delay(20))
        {
            try
            {
                await (await ConnectAsync()).DisposeAsync();
                return;
            }
            catch (NpgsqlException) when (!process.HasExited && waited.Elapsed < timeout)
            {
                // Not listening yet, or still in recovery.
            }
            catch (NpgsqlException failure)
            {
                var how = process.HasExited ? $"exited {process.ExitCode}" : "did not come up in time";
                await Kill9();
                throw new InvalidOperationException($"PostgreSQL {Major} {how}:\n{Log}", failure);
            }
        }
    }

    private async Task EndAsync(TimeSpan timeout)
    {
        if (_process is { } process)
        {
            await process.WaitForExitAsync().WaitAsync(timeout);
            process.Dispose();
            _process = null;
        }
    }
}
