using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.ArchivePush;

/// <summary>The kernel's page cache, as far as an advice reaches.</summary>
internal static partial class PageCache
{
    private const int DontNeed = 4; // POSIX_FADV_DONTNEED

    /// <summary>Drops a file's clean pages, so that the next read comes from the disk. Advice: not every file system follows it.</summary>
    public static void Drop(SafeFileHandle file) => _ = Advise(file, 0, 0, DontNeed);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int Advise(SafeFileHandle file, long offset, long length, int advice);
}
