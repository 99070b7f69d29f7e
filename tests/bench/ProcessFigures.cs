using System.Globalization;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Bench;

/// <summary>What the kernel knows of a process that goes on running, from /proc [man 5 proc].</summary>
public static class ProcessFigures
{
    private const int TicksPerSecond = 100; // USER_HZ: 100 on every Linux that .NET runs on

    /// <summary>User and system time so far, of the process, of the threads that ended, and of the children it waited for.</summary>
    public static TimeSpan Cpu(int processId)
    {
        // The name in field 2 may hold spaces and parentheses: fields are counted from behind the last one. utime is field 14, cstime 17.
        var line = File.ReadAllText($"/proc/{processId}/stat");
        var ticks = line[(line.LastIndexOf(')') + 2)..].Split(' ').Skip(14 - 3).Take(4).Sum(field => long.Parse(field, CultureInfo.InvariantCulture));
        return TimeSpan.FromSeconds((double)ticks / TicksPerSecond);
    }

    /// <summary>The most memory it had resident since it started, or since <see cref="ResetPeak"/>.</summary>
    public static long PeakBytes(int processId) => RunProcess.PeakBytes(processId);

    /// <summary>Makes what is resident now the peak.</summary>
    public static void ResetPeak(int processId) => File.WriteAllText($"/proc/{processId}/clear_refs", "5");

    /// <summary>What it has read by read calls, from the page cache as well as from the disk.</summary>
    public static long BytesRead(int processId) => Field($"/proc/{processId}/io", "rchar:");

    private static long Field(string file, string name) =>
        long.Parse(File.ReadLines(file).Single(line => line.StartsWith(name, StringComparison.Ordinal))[name.Length..], CultureInfo.InvariantCulture);
}
