using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Holdfast.Tests.Fixtures;

/// <summary>
/// Runs work that must not read what only root may read, though the tests run as root: the kernel knows a user of file systems for each
/// thread, and takes root's rights over files from a thread whose user is another.
/// </summary>
public static partial class UnprivilegedThread
{
    /// <summary>Runs it, and passes on what it throws.</summary>
    public static void Run(Action work)
    {
        ExceptionDispatchInfo? failure = null;
        var thread = new Thread(() =>
        {
            if (UnprivilegedUser.IsNeeded) _ = SetFileUser(UnprivilegedUser.Id);
            try { work(); }
            catch (Exception e) { failure = ExceptionDispatchInfo.Capture(e); }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    [LibraryImport("libc", EntryPoint = "setfsuid")]
    private static partial int SetFileUser(uint id);
}
