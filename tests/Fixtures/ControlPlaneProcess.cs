using System.Diagnostics;
using System.Net;

namespace Holdfast.Tests.Fixtures;

/// <summary>The embedded control plane as a process of its own, stopped or killed as an operator or the kernel would.</summary>
public sealed class ControlPlaneProcess : IAsyncDisposable
{
    private readonly Process _process;
    private readonly List<string> _log = [];

    private ControlPlaneProcess(Process process, Uri url)
    {
        (_process, Url) = (process, url);
        process.OutputDataReceived += (_, line) => Note(line.Data);
        process.ErrorDataReceived += (_, line) => Note(line.Data);
        process.BeginOutputReadLine();
        process.BeginErrorReadLine();
    }

    /// <summary>Where it listens.</summary>
    public Uri Url { get; }

    /// <summary>Whether it runs.</summary>
    public bool IsAlive => !_process.HasExited;

    /// <summary>What it has logged.</summary>
    public string Log
    {
        get
        {
            lock (_log) return string.Join('\n', _log);
        }
    }

    private static string Executable => Environment.GetEnvironmentVariable("HOLDFAST_TEST_CONTROL_PLANE") is { Length: > 0 } published ? published
        : Path.Combine(SourceTree.Root, "functions", "bin", "Release", "net10.0", "holdfast-control-plane");

    /// <summary>A free address of this machine.</summary>
    public static Uri FreeUrl() => new($"http://127.0.0.1:{FreePorts.Take(1)[0]}");

    /// <summary>Starts one and waits until it says that all is well.</summary>
    public static async Task<ControlPlaneProcess> StartAsync(string configuration, Uri url)
    {
        var started = Start(configuration, url);
        try
        {
            await started.WellAsync();
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <summary>Starts one.</summary>
    public static ControlPlaneProcess Start(string configuration, Uri url)
    {
        string[] program = Executable.EndsWith(".dll", StringComparison.Ordinal) ? ["dotnet", Executable] : [Executable];
        return new ControlPlaneProcess(RunProcess.Start([.. program, $"--config={configuration}"]), url);
    }

    /// <summary>Returns when it says that all is well.</summary>
    /// <exception cref="InvalidOperationException">It has exited.</exception>
    public async Task WellAsync()
    {
        using var http = new HttpClient();
        await Eventually.IsTrueAsync(async () =>
        {
            if (_process.HasExited) throw new InvalidOperationException($"the control plane exited {_process.ExitCode}\n{Log}");
            try { return (await http.GetAsync(new Uri(Url, "/health"))).StatusCode == HttpStatusCode.OK; }
            catch (HttpRequestException) { return false; }
        }, () => Log);
    }

    /// <summary>SIGTERM; its exit code.</summary>
    public async Task<int> StopAsync()
    {
        RunProcess.Signal(_process.Id, 15);
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
        return _process.ExitCode;
    }

    /// <summary>SIGKILL, at once.</summary>
    public void Kill()
    {
        if (!_process.HasExited) RunProcess.Signal(_process.Id, 9);
    }

    /// <summary>SIGKILL; returns when it is gone.</summary>
    public async Task Kill9()
    {
        Kill();
        await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(60));
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await Kill9();
        _process.Dispose();
    }

    private void Note(string? line)
    {
        if (line is null) return;
        lock (_log) _log.Add(line);
    }
}
