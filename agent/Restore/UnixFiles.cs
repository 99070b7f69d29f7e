using System.Runtime.InteropServices;
using Holdfast.Core;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>What libc does and .NET has no words for.</summary>
internal static partial class UnixFiles
{
    private const int Folder = 0x80000; // O_RDONLY | O_CLOEXEC
    private const int NoSuchProcess = 3; // ESRCH

    /// <summary>A handle of a folder, for <see cref="SyncFileSystem"/>: errors of writing back are told to those who had one before.</summary>
    public static SafeFileHandle OpenFolder(string path)
    {
        var handle = new SafeFileHandle(Open(path, Folder), ownsHandle: true);
        return handle.IsInvalid ? throw new IOException($"{path} cannot be opened: {Marshal.GetLastPInvokeErrorMessage()}") : handle;
    }

    /// <summary>Makes all that was written to a folder's file system durable (syncfs(2); it tells write-back errors from Linux 5.8 on).</summary>
    public static void SyncFileSystem(SafeFileHandle folder)
    {
        if (SyncFs(folder) != 0) throw new IOException($"syncfs failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Whether a process of that number is there, anybody's.</summary>
    public static bool IsAlive(int process) => Kill(process, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess;

    /// <summary>The number of a user; null when this host does not know the name (pwd.h: name, password, uid, gid, …).</summary>
    public static uint? FindUser(string name) => ReadId(GetUser(name));

    /// <summary>The number of a group; null when this host does not know the name (grp.h: name, password, gid, …).</summary>
    public static uint? FindGroup(string name) => ReadId(GetGroup(name));

    /// <summary>Gives a file or link, not what it leads to, to an owner.</summary>
    public static void ChangeOwner(string path, uint user, uint group)
    {
        if (LChown(path, user, group) != 0) throw new IOException($"{path} cannot be given to user {user}: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    private static uint? ReadId(IntPtr entry) => entry == IntPtr.Zero ? null : (uint)Marshal.ReadInt32(entry, 2 * IntPtr.Size);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Open(string path, int flags);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(SafeHandle folder);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetUser(string name);

    [LibraryImport("libc", EntryPoint = "getgrnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetGroup(string name);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int LChown(string path, uint user, uint group);
}
