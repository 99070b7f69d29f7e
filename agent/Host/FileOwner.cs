using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Holdfast.Core;

namespace Holdfast.Agent.Host;

/// <summary>Who owns a file. A command that root runs for PostgreSQL hands what it made to the owner of the data directory.</summary>
/// <param name="User">User id.</param>
/// <param name="Group">Group id.</param>
public readonly partial record struct FileOwner(uint User, uint Group)
{
    private const int CurrentFolder = -100; // AT_FDCWD

    /// <summary>The owner of a file or folder; links are followed.</summary>
    /// <exception cref="ConfigurationException">It cannot be told.</exception>
    public static FileOwner Of(string path)
    {
        // struct statx (linux/stat.h): the same on every architecture; stx_uid and stx_gid at 20 and 24.
        Span<byte> answer = stackalloc byte[256];
        if (Statx(CurrentFolder, path, 0, 0x18, ref MemoryMarshal.GetReference(answer)) != 0)
            throw new ConfigurationException($"cannot tell who owns {path}: {Marshal.GetLastPInvokeErrorMessage()}");
        return new FileOwner(BinaryPrimitives.ReadUInt32LittleEndian(answer[20..]), BinaryPrimitives.ReadUInt32LittleEndian(answer[24..]));
    }

    /// <summary>Gives a folder and everything in it to this owner.</summary>
    /// <exception cref="ConfigurationException">Refused.</exception>
    public void Take(string folder)
    {
        foreach (var path in Directory.EnumerateFileSystemEntries(folder, "*", SearchOption.AllDirectories).Prepend(folder))
            if (ChangeOwner(path, User, Group) != 0)
                throw new ConfigurationException($"cannot give {path} to user {User}: {Marshal.GetLastPInvokeErrorMessage()}", $"chown -R {User}:{Group} {folder}");
    }

    [LibraryImport("libc", EntryPoint = "statx", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte answer);

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeOwner(string path, uint user, uint group);
}
