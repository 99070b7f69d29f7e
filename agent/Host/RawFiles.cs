using System.Buffers.Binary;
using System.Runtime.InteropServices;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.Postgres;
using Microsoft.Win32.SafeHandles;

namespace Holdfast.Agent.Host;

/// <summary>What a name in a folder is.</summary>
internal enum EntryType
{
    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A symbolic link.</summary>
    Link,

    /// <summary>A socket, a pipe, a device.</summary>
    Special,
}

/// <summary>What the file system says of a name.</summary>
/// <param name="Type">What it is.</param>
/// <param name="Length">Bytes.</param>
/// <param name="Mode">Permission bits.</param>
/// <param name="User">Owner's id.</param>
/// <param name="Group">Group's id.</param>
/// <param name="Modified">Of its content.</param>
internal readonly record struct EntryStatus(EntryType Type, long Length, ushort Mode, uint User, uint Group, PostgresTime Modified);

/// <summary>
/// Files by the bytes of their names. .NET's strings cannot hold a name that is not UTF-8, and a file whose name is lost is a file that is not backed up.
/// Absence is a value (null): on a running server files vanish all the time. Everything else that goes wrong is an exception that names the file.
/// </summary>
internal static partial class RawFiles
{
    private const int CurrentFolder = -100, NoFollow = 0x100; // AT_FDCWD, AT_SYMLINK_NOFOLLOW
    private const int ReadOnly = 0x80000, ReadOnlyFolder = 0x90000; // O_RDONLY | O_CLOEXEC, with O_DIRECTORY
    private const int NotPermitted = 1, NoEntry = 2, AccessDenied = 13, NotAFolder = 20, Circle = 40; // errno.h
    private const int ReadAccess = 4, EffectiveUser = 0x200; // R_OK, AT_EACCESS
    private const uint BasicStats = 0x7FF;

    /// <summary>What a name is; a link is not followed unless asked for. Null when there is none.</summary>
    public static EntryStatus? Status(ReadOnlySpan<byte> path, bool follow = false)
    {
        // struct statx (linux/stat.h), the same on every architecture.
        Span<byte> answer = stackalloc byte[256];
        if (Statx(CurrentFolder, Terminated(path), follow ? 0 : NoFollow, BasicStats, ref MemoryMarshal.GetReference(answer)) != 0) return IsAbsent() ? null : throw Failure("examine", path);
        var mode = BinaryPrimitives.ReadUInt16LittleEndian(answer[28..]);
        var type = (mode & 0xF000) switch { 0x8000 => EntryType.File, 0x4000 => EntryType.Folder, 0xA000 => EntryType.Link, _ => EntryType.Special };
        var seconds = BinaryPrimitives.ReadInt64LittleEndian(answer[112..]);
        var microseconds = BinaryPrimitives.ReadUInt32LittleEndian(answer[120..]) / 1000;
        return new EntryStatus(type, BinaryPrimitives.ReadInt64LittleEndian(answer[40..]), (ushort)(mode & 0xFFF), BinaryPrimitives.ReadUInt32LittleEndian(answer[20..]),
            BinaryPrimitives.ReadUInt32LittleEndian(answer[24..]), new PostgresTime((seconds - 946_684_800) * 1_000_000 + microseconds));
    }

    /// <summary>The names in a folder, in no order, without "." and ".."; null when there is no such folder.</summary>
    public static List<byte[]>? Names(ReadOnlySpan<byte> folder)
    {
        using var handle = new SafeFileHandle(Open(Terminated(folder), ReadOnlyFolder), ownsHandle: true);
        if (handle.IsInvalid) return IsAbsent() ? null : throw Failure("list", folder);
        var names = new List<byte[]>();
        var buffer = new byte[64 << 10];
        while (true)
        {
            var count = ReadEntries(handle, ref MemoryMarshal.GetArrayDataReference(buffer), buffer.Length);
            // A folder that was removed while it was open has no entries any more.
            if (count < 0) return Marshal.GetLastPInvokeError() == NoEntry ? names : throw Failure("list", folder);
            if (count == 0) return names;
            for (var at = 0; at < count; at += BinaryPrimitives.ReadUInt16LittleEndian(buffer.AsSpan(at + 16)))
            {
                // struct linux_dirent64: inode (8), offset (8), length (2), type (1), name.
                var name = buffer.AsSpan(at + 19);
                name = name[..name.IndexOf((byte)0)];
                if (!name.SequenceEqual("."u8) && !name.SequenceEqual(".."u8)) names.Add(name.ToArray());
            }
        }
    }

    /// <summary>Where a link points; null when it is gone, or no link any more.</summary>
    public static byte[]? LinkTarget(ReadOnlySpan<byte> path)
    {
        var buffer = new byte[4096];
        var length = ReadLink(Terminated(path), ref MemoryMarshal.GetArrayDataReference(buffer), (nuint)buffer.Length);
        if (length >= 0) return buffer.AsSpan(0, (int)length).ToArray();
        return Marshal.GetLastPInvokeError() is NoEntry or NotAFolder or 22 ? null : throw Failure("read the link", path); // EINVAL: no link
    }

    /// <summary>Opens a file for reading; null when it is gone.</summary>
    public static SafeFileHandle? OpenFile(ReadOnlySpan<byte> path)
    {
        var handle = new SafeFileHandle(Open(Terminated(path), ReadOnly), ownsHandle: true);
        if (!handle.IsInvalid) return handle;
        handle.Dispose();
        return IsAbsent() ? null : throw Failure("open", path);
    }

    /// <summary>Reads at an offset; returns fewer bytes only where the file ends.</summary>
    public static int Read(SafeFileHandle file, Span<byte> destination, long offset, ReadOnlySpan<byte> path)
    {
        var total = 0;
        while (total < destination.Length)
        {
            int read;
            try { read = RandomAccess.Read(file, destination[total..], offset + total); }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw new DamagedException($"backing up {Display(path)}: cannot read at byte {offset + total}: {e.Message}", "look at the kernel's log: the disk may be failing", e);
            }
            if (read == 0) break;
            total += read;
        }
        return total;
    }

    /// <summary>Tells the kernel how a file is read (POSIX_FADV_…). Advice only.</summary>
    public static void Advise(SafeFileHandle file, long offset, long length, int advice) => _ = FAdvise(file, offset, length, advice);

    /// <summary>The absolute path without links; null when there is nothing.</summary>
    public static unsafe byte[]? RealPath(ReadOnlySpan<byte> path)
    {
        var buffer = new byte[4096]; // PATH_MAX
        fixed (byte* resolved = buffer)
            if (Resolve(Terminated(path), resolved) == 0) return null;
        return buffer.AsSpan(0, buffer.AsSpan().IndexOf((byte)0)).ToArray();
    }

    /// <summary>Whether two paths name the same file or folder.</summary>
    public static bool IsSame(string one, string other) =>
        RealPath(Encoding.UTF8.GetBytes(one)) is { } real && RealPath(Encoding.UTF8.GetBytes(other)) is { } second && real.AsSpan().SequenceEqual(second);

    /// <summary>A path as messages show it: UTF-8 where it is, other bytes as \xNN.</summary>
    public static string Display(ReadOnlySpan<byte> path) => RawText.Display(path);

    /// <summary>Whether this process may read what is there (faccessat, as its effective user); what is gone does not say no.</summary>
    public static bool MayRead(ReadOnlySpan<byte> path) =>
        Access(CurrentFolder, Terminated(path), ReadAccess, EffectiveUser) == 0
        || Marshal.GetLastPInvokeError() is not (AccessDenied or NotPermitted);

    private static bool IsAbsent() => Marshal.GetLastPInvokeError() is NoEntry or NotAFolder;

    private static HoldfastException Failure(string doing, ReadOnlySpan<byte> path)
    {
        var (error, text) = (Marshal.GetLastPInvokeError(), Marshal.GetLastPInvokeErrorMessage());
        const string InCircle = "mend the link: it leads round in a circle";
        if (error == Circle) return new ConfigurationException($"cannot {doing} {Display(path)}: {text}", InCircle);
        return error is AccessDenied or NotPermitted
            ? new UnreadableFileException($"cannot {doing} {Display(path)}: {text}")
            : new DamagedException($"cannot {doing} {Display(path)}: {text}", "look at the kernel's log: the disk may be failing");
    }

    private static byte[] Terminated(ReadOnlySpan<byte> path)
    {
        var text = new byte[path.Length + 1];
        path.CopyTo(text);
        return text;
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true)]
    private static partial int Statx(int folder, byte[] path, int flags, uint mask, ref byte answer);

    [LibraryImport("libc", EntryPoint = "faccessat", SetLastError = true)]
    private static partial int Access(int folder, byte[] path, int mode, int flags);

    [LibraryImport("libc", EntryPoint = "open", SetLastError = true)]
    private static partial int Open(byte[] path, int flags);

    [LibraryImport("libc", EntryPoint = "getdents64", SetLastError = true)]
    private static partial nint ReadEntries(SafeFileHandle folder, ref byte buffer, nint length);

    [LibraryImport("libc", EntryPoint = "readlink", SetLastError = true)]
    private static partial nint ReadLink(byte[] path, ref byte buffer, nuint length);

    [LibraryImport("libc", EntryPoint = "realpath")]
    private static unsafe partial nint Resolve(byte[] path, byte* resolved);

    [LibraryImport("libc", EntryPoint = "posix_fadvise")]
    private static partial int FAdvise(SafeFileHandle file, long offset, long length, int advice);
}
