using System.Buffers;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Bench;

/// <summary>Makes the page cache the same for everybody: what is to be read is in it or is not, and nothing in it waits to be written.</summary>
public static partial class PageCache
{
    /// <summary>POSIX_FADV_SEQUENTIAL, _WILLNEED and _DONTNEED.</summary>
    public const int Sequential = 2, WillNeed = 3, DontNeed = 4;

    /// <summary>Reads every file below the folder, and writes out what others left dirty.</summary>
    public static void Settle(string folder)
    {
        Sync();
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        foreach (var file in Files(folder))
        {
            using var handle = Open(file);
            for (var offset = 0L; RandomAccess.Read(handle, buffer, offset) is > 0 and var read; offset += read) ;
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Drops every file below the folder, so that the next read comes from the disk.</summary>
    public static void Drop(string folder)
    {
        Sync();
        foreach (var file in Files(folder))
        {
            using var handle = Open(file);
            if (Advise(handle, 0, 0, DontNeed) is not 0 and var error) throw new IOException($"{file} cannot be dropped from the page cache: error {error}");
        }
    }

    /// <summary>Opens a file that a server may have open.</summary>
    public static SafeFileHandle Open(string file) => File.OpenHandle(file, share: FileShare.ReadWrite | FileShare.Delete);

    /// <summary>Tells the kernel how a file is used.</summary>
    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    public static partial int Advise(SafeFileHandle file, long offset, long length, int advice);

    /// <summary>Writes out what is dirty.</summary>
    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();

    private static IEnumerable<string> Files(string folder) => Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories);
}
