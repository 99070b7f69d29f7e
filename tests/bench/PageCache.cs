using System.Buffers;
using System.Runtime.InteropServices;

namespace Holdfast.Bench;

/// <summary>Makes the page cache the same for everybody: what is to be read is in it, and nothing in it waits to be written.</summary>
public static partial class PageCache
{
    /// <summary>Reads every file below the folder, and writes out what others left dirty.</summary>
    public static void Settle(string folder)
    {
        Sync();
        var buffer = ArrayPool<byte>.Shared.Rent(1 << 20);
        foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories))
        {
            using var handle = File.OpenHandle(file, share: FileShare.ReadWrite | FileShare.Delete);
            for (var offset = 0L; RandomAccess.Read(handle, buffer, offset) is > 0 and var read; offset += read) ;
        }
        ArrayPool<byte>.Shared.Return(buffer);
    }

    /// <summary>Writes out what is dirty.</summary>
    [LibraryImport("libc", EntryPoint = "sync")]
    public static partial void Sync();
}
