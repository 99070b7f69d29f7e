using System.Runtime.InteropServices;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// A folder of its own for one test, deleted when disposed. The path is short, because the socket of a PostgreSQL server (107 bytes on
/// Linux) lives in it, and every user may pass through it, because servers run as an unprivileged user.
/// </summary>
public sealed partial class ScratchFolder : IDisposable
{
    /// <summary>Creates the folder below <c>HOLDFAST_TEST_SCRATCH</c> (which tests/run.sh removes as a whole), else below /tmp.</summary>
    public ScratchFolder(string prefix = "hf")
    {
        var parent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_SCRATCH") ?? "/tmp";
        do
        {
            Path = System.IO.Path.Combine(parent, $"{prefix}-{Random.Shared.Next():x}");
        }
        while (Directory.Exists(Path));
        Directory.CreateDirectory(Path);
        File.SetUnixFileMode(Path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
            | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
    }

    /// <summary>The folder's absolute path.</summary>
    public string Path { get; }

    /// <summary>The path of something in the folder.</summary>
    public string this[params ReadOnlySpan<string> names] => System.IO.Path.Combine([Path, .. names]);

    /// <summary>Gives <paramref name="path"/>, and everything below it, to the user that servers run as; does nothing unless we are root.</summary>
    public static void GiveToServers(string path)
    {
        if (!UnprivilegedUser.IsNeeded)
        {
            return;
        }
        ChangeOwner(path);
        if (Directory.Exists(path))
        {
            foreach (var entry in Directory.EnumerateFileSystemEntries(path, "*", SearchOption.AllDirectories))
            {
                ChangeOwner(entry);
            }
        }
    }

    /// <summary>Deletes the folder and everything in it. A server that still stops may be writing, hence a second attempt.</summary>
    public void Dispose()
    {
        for (var attempt = 0; Directory.Exists(Path); attempt++)
        {
            try
            {
                Directory.Delete(Path, recursive: true);
            }
            catch (IOException) when (attempt < 20)
            {
                Thread.Sleep(100);
            }
            catch (DirectoryNotFoundException)
            {
                return;
            }
        }
    }

    private static void ChangeOwner(string path)
    {
        if (ChangeLinkOwner(path, UnprivilegedUser.Id, UnprivilegedUser.Id) != 0)
        {
            throw new IOException($"chown {path} to {UnprivilegedUser.Id}: {Marshal.GetLastPInvokeErrorMessage()}");
        }
    }

    [LibraryImport("libc", EntryPoint = "lchown", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int ChangeLinkOwner(string path, uint owner, uint group);
}
