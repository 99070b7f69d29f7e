using System.Runtime.InteropServices;
using Holdfast.Core;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Host;

/// <summary>
/// A folder of this host's own (state-path/CLUSTER): files for its owner only, each replaced as a whole. A reader sees the old content or the
/// new one, also after a crash.
/// </summary>
public sealed partial class StateFolder(string path)
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute;

    private const int ReadOnlyFolder = 0x80000; // O_RDONLY | O_CLOEXEC

    /// <summary>Where it is.</summary>
    public string Path { get; } = path;

    /// <summary>The full path of a file in it.</summary>
    public string FileName(string name) => System.IO.Path.Combine(Path, name);

    /// <summary>The content of a file; null when there is none.</summary>
    /// <exception cref="ConfigurationException">It cannot be read, or is larger than any file of ours.</exception>
    public byte[]? Read(string name, int maxBytes = 64 << 20)
    {
        var file = FileName(name);
        try
        {
            using var stream = new FileStream(file, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, bufferSize: 0);
            if (stream.Length > maxBytes) throw new ConfigurationException($"{file} has {stream.Length} bytes, expected {maxBytes} at most", "it is not a file of Holdfast's: move it away");
            var bytes = new byte[stream.Length];
            stream.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return null;
        }
        catch (UnauthorizedAccessException e)
        {
            throw new ConfigurationException($"{file} cannot be read: {e.Message}",
                "run this as the user that PostgreSQL runs as (sudo -u postgres …), and see state-path", e);
        }
    }

    /// <summary>Writes a file whole: beside it, synced, renamed, and the folder synced.</summary>
    /// <param name="name">The file.</param>
    /// <param name="content">All of it.</param>
    /// <param name="durable">False for what may be lost in a crash of the machine; its reader must then notice a torn file.</param>
    /// <exception cref="ConfigurationException">The folder is missing, not ours, or full.</exception>
    public void Write(string name, ReadOnlySpan<byte> content, bool durable = true)
    {
        var file = FileName(name);
        var beside = $"{file}.{Environment.ProcessId}.tmp";
        var folder = System.IO.Path.GetDirectoryName(file)!;
        try
        {
            Directory.CreateDirectory(folder, OwnerOnly);
            Leftovers.Sweep(folder, "", ".tmp");
            using (var stream = new FileStream(beside, new FileStreamOptions
            {
                Mode = FileMode.Create,
                Access = FileAccess.Write,
                BufferSize = 0,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            }))
            {
                stream.Write(content);
                if (durable) stream.Flush(flushToDisk: true);
            }
            File.Move(beside, file, overwrite: true);
            if (durable) SyncFolder(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException) // the last: beyond the limit of a file's length (EFBIG)
        {
            throw new ConfigurationException($"{file} cannot be written: {e.Message}",
                "state-path must belong to the user that runs this, and have room", e);
        }
    }

    /// <summary>Removes a file, if it is there.</summary>
    public void Remove(string name) => File.Delete(FileName(name));

    /// <summary>Makes renames in a folder durable.</summary>
    public static void SyncFolder(string folder)
    {
        // File.OpenHandle refuses folders.
        using var handle = new SafeFileHandle(Open(folder, ReadOnlyFolder), ownsHandle: true);
        if (handle.IsInvalid || FSync(handle) != 0) throw new IOException($"fsync of {folder} failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "fsync", SetLastError = true)]
    private static partial int FSync(SafeHandle file);
}
