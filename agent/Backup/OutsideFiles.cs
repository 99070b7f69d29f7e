using Holdfast.Agent.Host;

namespace Holdfast.Agent.Backup;

/// <summary>Configuration files that do not lie in the data directory (Debian keeps them in /etc): a restored server cannot start without them.</summary>
internal static class OutsideFiles
{
    /// <summary>The absolute paths of those that lie elsewhere, also through a link, and exist.</summary>
    /// <param name="root">PGDATA.</param>
    /// <param name="configuration">Every configuration file that the server has read.</param>
    /// <param name="unreadable">Collects those that lie where this user may not look; null: they are passed over.</param>
    public static IReadOnlyList<byte[]> Of(byte[] root, IReadOnlyList<byte[]> configuration, UnreadableFiles? unreadable = null)
    {
        var realRoot = RawFiles.RealPath(root) ?? root;
        var outside = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        foreach (var path in configuration)
        {
            if (RawFiles.RealPath(path) is not { } real)
            {
                unreadable?.Status(path, follow: true);
                continue;
            }
            if (IsBelow(real, realRoot)) continue;
            // A link in PGDATA is backed up as a link; what it leads to, under its own name.
            var kept = IsBelow(path, root) || IsBelow(path, realRoot) || !IsPlain(path) ? real : path;
            outside[Convert.ToHexString(kept)] = kept;
        }
        return [.. outside.Values];
    }

    private static bool IsBelow(ReadOnlySpan<byte> path, ReadOnlySpan<byte> folder) => path.Length > folder.Length && path.StartsWith(folder) && path[folder.Length] == '/';

    // Without "..", "." and doubled slashes, as an identity must be.
    private static bool IsPlain(ReadOnlySpan<byte> path)
    {
        if (path is not [(byte)'/', ..]) return false;
        var rest = path[1..];
        foreach (var part in rest.Split((byte)'/'))
            if (rest[part] is [] or [(byte)'.'] or [(byte)'.', (byte)'.']) return false;
        return true;
    }
}
