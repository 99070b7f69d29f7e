using System.Runtime.InteropServices;

namespace Holdfast.Agent.Restore;

/// <summary>A file or folder could not be made, written or changed; says which, and what the system said.</summary>
/// <param name="doing">"write", "make": completes "cannot …".</param>
/// <param name="path">Which.</param>
/// <param name="error">errno.</param>
internal sealed class FileFailedException(string doing, string path, int error)
    : IOException($"cannot {doing} {RawPath.Display(path)}: {Marshal.GetPInvokeErrorMessage(error)}", error)
{
    private const int NoSpace = 28, QuotaExceeded = 122; // errno.h: ENOSPC, EDQUOT

    /// <summary>Which.</summary>
    public string Path => path;

    /// <summary>Whether the file system, or what the user may take of it, is full.</summary>
    public bool IsFull => HResult is NoSpace or QuotaExceeded;

    /// <summary>What the last call said.</summary>
    public static FileFailedException OfLastCall(string doing, string path) => new(doing, path, Marshal.GetLastPInvokeError());
}
