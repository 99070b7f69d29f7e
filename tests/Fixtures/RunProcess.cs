using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;

namespace Holdfast.Tests.Fixtures;

/// <summary>What a finished process left: its exit code, and everything it wrote.</summary>
public sealed record ProcessResult(string CommandLine, int ExitCode, string Output, string Error)
{
    /// <summary>Fails with all that the process wrote, unless it exited with <paramref name="expectedExitCode"/>.</summary>
    public ProcessResult MustExit(int expectedExitCode = 0) => ExitCode == expectedExitCode
        ? this
        : throw new InvalidOperationException($"{CommandLine}\nexited {ExitCode}, expected {expectedExitCode}\n{Output}{Error}");
}

/// <summary>Runs programs from an argument list, never through a shell.</summary>
public static partial class RunProcess
{
    /// <summary>
    /// Runs a program to its end with stdin closed. A null value in <paramref name="environment"/> removes the variable.
    /// Kills the whole process tree and throws <see cref="TimeoutException"/> after <paramref name="timeout"/> (one minute by default).
    /// </summary>
    public static async Task<ProcessResult> RunAsync(
        IReadOnlyList<string> command,
        IReadOnlyDictionary<string, string?>? environment = null,
        TimeSpan? timeout = null,
        string? workingFolder = null,
        CancellationToken cancellationToken = default)
    {
        using var process = Start(command, environment, workingFolder);
        var output = process.StandardOutput.ReadToEndAsync(CancellationToken.None);
        var error = process.StandardError.ReadToEndAsync(CancellationToken.None);
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(timeout ?? TimeSpan.FromMinutes(1));
        var commandLine = string.Join(' ', command);
        try
        {
            await process.WaitForExitAsync(deadline.Token);
            await Task.WhenAll(output, error).WaitAsync(deadline.Token);
        }
        catch (OperationCanceledException)
        {
            process.Kill(entireProcessTree: true);
            cancellationToken.ThrowIfCancellationRequested();
            throw new TimeoutException($"{commandLine}: killed, it did not end within {timeout ?? TimeSpan.FromMinutes(1)}");
        }
        return new ProcessResult(commandLine, process.ExitCode, await output, await error);
    }

    /// <summary>Starts a program with stdin closed, stdout and stderr redirected.</summary>
    public static Process Start(
        IReadOnlyList<string> command, IReadOnlyDictionary<string, string?>? environment = null, string? workingFolder = null)
    {
        var start = new ProcessStartInfo(command[0], command.Skip(1))
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            WorkingDirectory = workingFolder ?? "/",
        };
        foreach (var (name, value) in environment ?? new Dictionary<string, string?>())
        {
            start.Environment[name] = value;
        }
        var process = Process.Start(start) ?? throw new InvalidOperationException($"{command[0]} did not start");
        process.StandardInput.Close();
        return process;
    }

    /// <summary>Sends a signal (2 INT, 3 QUIT, 9 KILL, 10 USR1, 15 TERM, 18 CONT, 19 STOP); false when the process is already gone.</summary>
    public static bool Signal(int processId, int signal) => Kill(processId, signal) == 0;

    /// <summary>The most memory that a process has had resident, in bytes, by the kernel's own mark [man 5 proc]; 0 when it is gone.</summary>
    public static long PeakBytes(int processId)
    {
        try
        {
            var line = File.ReadLines($"/proc/{processId}/status").FirstOrDefault(line => line.StartsWith("VmHWM:", StringComparison.Ordinal));
            return line is null ? 0 : 1024 * long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
        }
        catch (IOException) { return 0; } // it has just ended
    }

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int processId, int signal);
}
