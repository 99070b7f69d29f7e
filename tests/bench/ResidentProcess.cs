using System.Diagnostics;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>A service that runs through all rounds. It stands still while others are measured.</summary>
public sealed class ResidentProcess : IAsyncDisposable
{
    private const int Terminate = 15, Continue = 18, Stop = 19;

    private readonly Process _process;

    /// <summary>Starts it; it writes to a file, since nobody reads a pipe.</summary>
    public ResidentProcess(string[] command, IReadOnlyDictionary<string, string> environment, string logFile)
    {
        LogFile = logFile;
        string[] log = ["sh", "-c", "log=$1; shift; exec \"$@\" >>\"$log\" 2>&1", "-", logFile];
        _process = RunProcess.Start([.. log, .. command], environment.ToDictionary(one => one.Key, one => (string?)one.Value));
    }

    /// <summary>What it writes.</summary>
    public string LogFile { get; }

    /// <summary>Its process id.</summary>
    public int Id => _process.Id;

    /// <summary>Stops its clock.</summary>
    public void Pause() => Signal(Stop);

    /// <summary>Lets it go on.</summary>
    public void Resume() => Signal(Continue);

    /// <summary>Fails with its log when it has ended.</summary>
    public void MustRun()
    {
        if (_process.HasExited) throw new InvalidOperationException($"a service exited {_process.ExitCode}:\n{File.ReadAllText(LogFile)}");
    }

    /// <summary>Ends it as an operator would.</summary>
    public async ValueTask DisposeAsync()
    {
        if (!_process.HasExited)
        {
            Resume();
            Signal(Terminate);
            try
            {
                await _process.WaitForExitAsync().WaitAsync(TimeSpan.FromSeconds(30));
            }
            catch (TimeoutException)
            {
                _process.Kill();
            }
        }
        _process.Dispose();
    }

    private void Signal(int signal) => RunProcess.Signal(Id, signal);
}
