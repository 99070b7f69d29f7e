using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Restore;

/// <summary>What the kernel says of a name.</summary>
/// <param name="Device">The file system it is on.</param>
/// <param name="Allocated">Bytes it takes there; holes take none.</param>
/// <param name="Length">Bytes of its content.</param>
/// <param name="IsFolder">Whether it is a folder.</param>
/// <param name="IsLink">Whether it is a symbolic link.</param>
internal readonly record struct FileState(ulong Device, long Allocated, long Length, bool IsFolder, bool IsLink);

/// <summary>
/// Files as a restore makes them, by <see cref="RawPath"/>: .NET has no words for owners and devices, loses names that are no UTF-8, and tells a full disk from
/// other trouble by its wording only.
/// </summary>
internal static partial class UnixFiles
{
    private const int CurrentFolder = -100, NoFollow = 0x100; // AT_FDCWD, AT_SYMLINK_NOFOLLOW
    private const int Folder = 0x80000; // O_RDONLY | O_CLOEXEC
    private const int WriteExisting = 0x80001, WriteAnew = WriteExisting | 0x20240; // O_WRONLY | O_CLOEXEC, with O_CREAT | O_TRUNC | O_NOFOLLOW: root must not be led astray
    private const int NoEntry = 2, NoSuchProcess = 3, Interrupted = 4, Exists = 17, NotAFolder = 20; // errno.h
    private const int FileTooLarge = 25; // SIGXFSZ
    private const nint Ignore = 1; // SIG_IGN
    private const uint OwnerOnly = 0x180, FolderOfOwner = 0x1C0; // 0600, 0700
    private const uint BasicStats = 0x7FF;

    /// <summary>Makes a file, or empties the one that is there, for its owner only.</summary>
    public static SafeFileHandle Create(string path) => Open(path, WriteAnew, "make");

    /// <summary>Opens a file that is there for writing.</summary>
    public static SafeFileHandle OpenToWrite(string path) => Open(path, WriteExisting, "open");

    /// <summary>A handle of a folder, for <see cref="SyncFileSystem"/>: errors of writing back are told to those who had one before.</summary>
    public static SafeFileHandle OpenFolder(string path) => Open(path, Folder, "open");

    /// <summary>Writes all bytes at an offset.</summary>
    public static void Write(SafeFileHandle file, ReadOnlySpan<byte> bytes, long offset, string path)
    {
        while (!bytes.IsEmpty)
        {
            var written = PWrite(file, ref MemoryMarshal.GetReference(bytes), (nuint)bytes.Length, offset);
            if (written < 0 && Marshal.GetLastPInvokeError() != Interrupted) throw FileFailedException.OfLastCall("write", path);
            if (written <= 0) continue;
            bytes = bytes[(int)written..];
            offset += written;
        }
    }

    /// <summary>Asks the kernel to begin writing a stretch to the disk. Nothing is durable by it, and trouble is told by <see cref="SyncFileSystem"/>.</summary>
    public static void BeginWritingBack(SafeFileHandle file, long offset, long length) => _ = SyncFileRange(file, offset, length, 2); // SYNC_FILE_RANGE_WRITE

    /// <summary>Makes a file that long; what is not written is a hole, and reads as zeros.</summary>
    public static void SetLength(SafeFileHandle file, long length, string path)
    {
        if (FTruncate(file, length) != 0) throw FileFailedException.OfLastCall("make room in", path);
    }

    /// <summary>Makes a folder, and those it is in, for their owner only; one that is there stays as it is.</summary>
    public static void MakeFolder(string path)
    {
        if (MkDir(RawPath.Terminated(path), FolderOfOwner) == 0) return;
        var error = Marshal.GetLastPInvokeError();
        if (error == NoEntry && System.IO.Path.GetDirectoryName(path) is { Length: > 0 } parent)
        {
            MakeFolder(parent);
            error = MkDir(RawPath.Terminated(path), FolderOfOwner) == 0 ? 0 : Marshal.GetLastPInvokeError();
        }
        if (error != 0 && !(error == Exists && Examine(path, follow: true) is { IsFolder: true })) throw new FileFailedException("make", path, error);
    }

    /// <summary>Makes a symbolic link.</summary>
    public static void MakeLink(string path, string target)
    {
        if (SymLink(RawPath.Terminated(target), RawPath.Terminated(path)) != 0) throw FileFailedException.OfLastCall("make", path);
    }

    /// <summary>Gives a file or folder its permission bits.</summary>
    public static void SetMode(string path, uint mode)
    {
        if (ChMod(RawPath.Terminated(path), mode) != 0) throw FileFailedException.OfLastCall("set the mode of", path);
    }

    /// <summary>Removes a file or link.</summary>
    public static void Remove(string path)
    {
        if (Unlink(RawPath.Terminated(path)) != 0 && Marshal.GetLastPInvokeError() != NoEntry) throw FileFailedException.OfLastCall("remove", path);
    }

    /// <summary>Gives a file another name, which replaces what has it.</summary>
    public static void Rename(string path, string name)
    {
        if (Rename(RawPath.Terminated(path), RawPath.Terminated(name)) != 0) throw FileFailedException.OfLastCall("make", name);
    }

    /// <summary>What a name is; null when there is none.</summary>
    public static FileState? Examine(string path, bool follow = false)
    {
        // struct statx (linux/stat.h), the same on every architecture.
        Span<byte> answer = stackalloc byte[256];
        if (Statx(CurrentFolder, RawPath.Terminated(path), follow ? 0 : NoFollow, BasicStats, ref MemoryMarshal.GetReference(answer)) != 0)
            return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder ? null : throw FileFailedException.OfLastCall("examine", path);
        var type = BinaryPrimitives.ReadUInt16LittleEndian(answer[28..]) & 0xF000;
        var device = (ulong)BinaryPrimitives.ReadUInt32LittleEndian(answer[136..]) << 32 | BinaryPrimitives.ReadUInt32LittleEndian(answer[140..]);
        return new FileState(device, BinaryPrimitives.ReadInt64LittleEndian(answer[48..]) * 512, BinaryPrimitives.ReadInt64LittleEndian(answer[40..]), type == 0x4000, type == 0xA000);
    }

    /// <summary>Whether this user may make files in a folder.</summary>
    public static bool MayWrite(string folder) => Access(RawPath.Terminated(folder), 2 | 1) == 0; // W_OK | X_OK

    /// <summary>Bytes that are free on the file system of a name that is there, for others than root: a server must be able to go on.</summary>
    public static long FreeSpace(string path)
    {
        // struct statvfs of 64-bit glibc: f_bsize, f_frsize, f_blocks, f_bfree, f_bavail.
        Span<byte> answer = stackalloc byte[256];
        if (StatVfs(RawPath.Terminated(path), ref MemoryMarshal.GetReference(answer)) != 0) throw FileFailedException.OfLastCall("examine the file system of", path);
        return (long)UInt128.Min(BinaryPrimitives.ReadUInt64LittleEndian(answer[32..]) * (UInt128)BinaryPrimitives.ReadUInt64LittleEndian(answer[8..]), long.MaxValue);
    }

    /// <summary>Makes all that was written to a folder's file system durable (syncfs(2); it tells write-back errors from Linux 5.8 on).</summary>
    public static void SyncFileSystem(SafeFileHandle folder, string path)
    {
        if (SyncFs(folder) != 0) throw FileFailedException.OfLastCall("sync", path);
    }

    /// <summary>From now on a write beyond the limit of a file's length (ulimit -f) fails, as on a full disk, instead of ending the process unheard (SIGXFSZ).</summary>
    public static void FailBeyondLimits() => Signal(FileTooLarge, Ignore);

    /// <summary>Whether a process of that number is there, anybody's.</summary>
    public static bool IsAlive(int process) => Kill(process, 0) == 0 || Marshal.GetLastPInvokeError() != NoSuchProcess;

    /// <summary>The number of a user; null when this host does not know the name (pwd.h: name, password, uid, gid, …).</summary>
    public static uint? FindUser(string name) => ReadId(GetUser(name));

    /// <summary>The number of a group; null when this host does not know the name (grp.h: name, password, gid, …).</summary>
    public static uint? FindGroup(string name) => ReadId(GetGroup(name));

    /// <summary>Gives a file or link, not what it leads to, to an owner.</summary>
    public static void ChangeOwner(string path, uint user, uint group)
    {
        if (LChown(RawPath.Terminated(path), user, group) != 0) throw FileFailedException.OfLastCall($"give to user {user}", path);
    }

    private static SafeFileHandle Open(string path, int flags, string doing)
    {
        int file;
        do file = Open(RawPath.Terminated(path), flags, OwnerOnly);
        while (file < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        return file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw FileFailedException.OfLastCall(doing, path);
    }

    private static uint? ReadId(IntPtr entry) => entry == IntPtr.Zero ? null : (uint)Marshal.ReadInt32(entry, 2 * IntPtr.Size);

    // open(2) is variadic: on x86-64 its third argument is passed as any other.
    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte[] path, int flags, uint mode);

    [LibraryImport("libc", EntryPoint = "pwrite", SetLastError = true)]
    private static partial nint PWrite(SafeHandle file, ref byte bytes, nuint length, long offset);

    [LibraryImport("libc", EntryPoint = "sync_file_range")]
    private static partial int SyncFileRange(SafeHandle file, long offset, long length, uint flags);

    [LibraryImport("libc", EntryPoint = "ftruncate", SetLastError = true)]
    private static partial int FTruncate(SafeHandle file, long length);

    [LibraryImport("libc", EntryPoint = "mkdir", SetLastError = true)]
    private static partial int MkDir(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "symlink", SetLastError = true)]
    private static partial int SymLink(byte[] target, byte[] path);

    [LibraryImport("libc", EntryPoint = "chmod", SetLastError = true)]
    private static partial int ChMod(byte[] path, uint mode);

    [LibraryImport("libc", EntryPoint = "unlink", SetLastError = true)]
    private static partial int Unlink(byte[] path);

    [LibraryImport("libc", EntryPoint = "rename", SetLastError = true)]
    private static partial int Rename(byte[] path, byte[] name);

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true)]
    private static partial int Access(byte[] path, int mode);

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int folder, byte[] path, int flags, uint mask, ref byte answer);

    [LibraryImport("libc", EntryPoint = "statvfs", SetLastError = true)]
    private static partial int StatVfs(byte[] path, ref byte answer);

    [LibraryImport("libc", EntryPoint = "syncfs", SetLastError = true)]
    private static partial int SyncFs(SafeHandle folder);

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    private static partial int Kill(int process, int signal);

    [LibraryImport("libc", EntryPoint = "signal")]
    private static partial nint Signal(int signal, nint handler);

    [LibraryImport("libc", EntryPoint = "getpwnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetUser(string name);

    [LibraryImport("libc", EntryPoint = "getgrnam", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial IntPtr GetGroup(string name);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true)]
    private static partial int LChown(byte[] path, uint user, uint group);
}
