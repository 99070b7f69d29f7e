using Holdfast.Agent.Host;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Agent.ArchiveGet;

/// <summary>
/// The keys that a restore left in the data directory (<see cref="RestoredKeys"/>). They are believed because the restore read them from the log, and only its
/// owner can have changed them since: a file of anybody else's, or that others may write to, is none.
/// </summary>
internal static class RestoredKeysFile
{
    private const UnixFileMode OthersWrite = UnixFileMode.GroupWrite | UnixFileMode.OtherWrite;

    /// <summary>Reads it; null when there is none that counts, and the log is to be read.</summary>
    /// <param name="data">The data directory.</param>
    /// <param name="cluster">The configured cluster.</param>
    /// <param name="controlPlane">The pinned key.</param>
    /// <param name="warn">Told why one that is there does not count.</param>
    public static RestoredKeys? Read(DataDirectory data, string cluster, KeyThumbprint controlPlane, Action<string> warn)
    {
        var path = data.Resolve(RestoredKeys.FileName);
        try
        {
            var file = new FileInfo(path);
            if (!file.Exists) return null; // removed when recovery had ended, as it may be
            if (file.LinkTarget is not null) return Refuse("it is a link");
            if ((file.UnixFileMode & OthersWrite) != 0) return Refuse("others than its owner may write to it");
            if (FileOwner.Of(path).User is not 0 and var owner && owner != FileOwner.Of(data.Path).User) return Refuse("it is not of the data directory's owner");
            if (file.Length > RestoredKeys.MaxBytes) return Refuse($"it has {file.Length} bytes");
            return RestoredKeys.TryDecode(File.ReadAllBytes(path), cluster, controlPlane, data.Control.SystemIdentifier)
                ?? Refuse("it is torn, or of another cluster, history, control plane or version of Holdfast");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Refuse(e.Message);
        }

        RestoredKeys? Refuse(string why)
        {
            warn($"{path} is not used, and the log is read instead: {why}");
            return null;
        }
    }
}
