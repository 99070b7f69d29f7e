using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Holdfast.Bench;

/// <summary>
/// Starts a program by posix_spawn and waits for it by wait4, the only way to have the resource usage of exactly this child; .NET's own
/// Process would reap it first. Nothing is captured while it runs: stdout and stderr go to a file.
/// </summary>
public static unsafe partial class MeasuredProcess
{
    private const int OpenForOutput = 0x241; // O_WRONLY | O_CREAT | O_TRUNC

    /// <summary>Runs the program; throws with what it wrote unless it exits 0.</summary>
    public static Cost Run(string[] command, IReadOnlyDictionary<string, string> environment, string outputFile)
    {
        using var arguments = new StringVector(command);
        using var variables = new StringVector([.. environment.Select(variable => $"{variable.Key}={variable.Value}")]);
        var actions = stackalloc byte[256]; // posix_spawn_file_actions_t: 80 bytes with glibc on x86-64
        Check(InitializeActions(actions), "posix_spawn_file_actions_init");
        Check(AddOpen(actions, 0, "/dev/null", 0, 0), "open stdin");
        Check(AddOpen(actions, 1, outputFile, OpenForOutput, 0b110_000_000), "open stdout");
        Check(AddDuplicate(actions, 1, 2), "dup2 stderr");
        var usage = stackalloc long[18]; // struct rusage: user and system time come first, each in seconds and microseconds
        var started = Stopwatch.GetTimestamp();
        Check(Spawn(out var processId, command[0], actions, null, arguments.Pointer, variables.Pointer), $"start {command[0]}");
        if (Wait(processId, out var status, 0, usage) != processId)
        {
            throw new InvalidOperationException($"wait4 {command[0]}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
        var wall = Stopwatch.GetElapsedTime(started);
        _ = DestroyActions(actions);
        return status == 0
            ? new Cost(wall, TimeSpan.FromSeconds(usage[0] + usage[2]) + TimeSpan.FromMicroseconds(usage[1] + usage[3]))
            : throw new InvalidOperationException($"{string.Join(' ', command)}: wait status 0x{status:x}\n{File.ReadAllText(outputFile)}");
    }

    private static void Check(int error, string what)
    {
        if (error != 0)
        {
            throw new InvalidOperationException($"{what}: {Marshal.GetPInvokeErrorMessage(error)}");
        }
    }

    [LibraryImport("libc", EntryPoint = "posix_spawn", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Spawn(out int processId, string path, byte* actions, byte* attributes, byte** arguments, byte** environment);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_init")]
    private static partial int InitializeActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_destroy")]
    private static partial int DestroyActions(byte* actions);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_addopen", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int AddOpen(byte* actions, int descriptor, string path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "posix_spawn_file_actions_adddup2")]
    private static partial int AddDuplicate(byte* actions, int from, int to);

    [LibraryImport("libc", EntryPoint = "wait4", SetLastError = true)]
    private static partial int Wait(int processId, out int status, int options, long* usage);

    /// <summary>A null-terminated array of C strings.</summary>
    private readonly ref struct StringVector(string[] strings) : IDisposable
    {
        public byte** Pointer { get; } = Allocate(strings);

        public void Dispose()
        {
            for (var each = Pointer; *each != null; each++)
            {
                Marshal.FreeCoTaskMem((nint)(*each));
            }
            NativeMemory.Free(Pointer);
        }

        private static byte** Allocate(string[] strings)
        {
            var vector = (byte**)NativeMemory.AllocZeroed((nuint)strings.Length + 1, (nuint)sizeof(byte*));
            for (var i = 0; i < strings.Length; i++)
            {
                vector[i] = (byte*)Marshal.StringToCoTaskMemUTF8(strings[i]);
            }
            return vector;
        }
    }
}
