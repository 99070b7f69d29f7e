using System.Globalization;
using System.Runtime.InteropServices;
using Holdfast.Core;

namespace Holdfast.Agent.Restore;

/// <summary>
/// Being another user of this host, for good: the way back is closed. glibc changes all threads of a process at once [nptl(7)].
/// </summary>
internal static partial class UnixUser
{
    private const int Execute = 1, Read = 4; // X_OK, R_OK

    /// <summary>The name of a user; its number where there is none.</summary>
    public static string NameOf(uint user) =>
        GetById(user) is var entry && entry != IntPtr.Zero && Marshal.PtrToStringUTF8(Marshal.ReadIntPtr(entry)) is { } name
            ? name : user.ToString(CultureInfo.InvariantCulture);

    /// <summary>Where a user is at home; null where this host does not say (pwd.h: name, password, uid, gid, gecos, dir, shell).</summary>
    public static string? HomeOf(uint user) => GetById(user) is var entry && entry != IntPtr.Zero
        ? Marshal.PtrToStringUTF8(Marshal.ReadIntPtr(entry, 3 * IntPtr.Size + 2 * sizeof(int))) : null;

    /// <summary>Becomes a user, with all the groups it has, and verifies that there is no way back.</summary>
    /// <exception cref="ConfigurationException">The kernel refuses.</exception>
    public static void Become(ServerUser user)
    {
        Must(InitGroups(NameOf(user.Id), user.Group) == 0, "take the groups of");
        Must(SetGroup(user.Group) == 0, "take the group of");
        Must(SetUser(user.Id) == 0, "become");
        Must(GetUser() == user.Id && GetEffectiveUser() == user.Id && (user.Id == 0 || SetUser(0) != 0), "stay");

        void Must(bool did, string what)
        {
            if (did) return;
            throw new ConfigurationException($"cannot {what} {NameOf(user.Id)}: {Marshal.GetLastPInvokeErrorMessage()}",
                "run restore as the user that PostgreSQL will run as");
        }
    }

    /// <summary>Whether this user may go through a folder.</summary>
    public static bool MayPass(string folder) => Access(RawPath.Terminated(folder), Execute) == 0;

    /// <summary>Whether this user may read a file.</summary>
    public static bool MayRead(string file) => Access(RawPath.Terminated(file), Read) == 0;

    [LibraryImport("libc", EntryPoint = "getpwuid", SetLastError = true)]
    private static partial IntPtr GetById(uint user);

    [LibraryImport("libc", EntryPoint = "initgroups", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int InitGroups(string name, uint group);

    [LibraryImport("libc", EntryPoint = "setgid", SetLastError = true)]
    private static partial int SetGroup(uint group);

    [LibraryImport("libc", EntryPoint = "setuid", SetLastError = true)]
    private static partial int SetUser(uint user);

    [LibraryImport("libc", EntryPoint = "getuid")]
    private static partial uint GetUser();

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint GetEffectiveUser();

    [LibraryImport("libc", EntryPoint = "access", SetLastError = true)]
    private static partial int Access(byte[] path, int mode);
}
