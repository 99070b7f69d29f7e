namespace Holdfast.Tests.Fixtures;

/// <summary>A file system of its own with little room, for the user that servers run as; grows when told. Only root may mount, and not in every container.</summary>
public sealed class SmallFileSystem : IAsyncDisposable
{
    private readonly string _folder;

    private SmallFileSystem(string folder) => _folder = folder;

    /// <summary>Mounts one; null where that is not allowed.</summary>
    public static async Task<SmallFileSystem?> TryMountAsync(string folder, int mebibytes)
    {
        Directory.CreateDirectory(folder);
        var mounted = await RunProcess.RunAsync(["mount", "-t", "tmpfs", "-o", $"size={mebibytes}m,mode=0700,uid={UnprivilegedUser.Id},gid={UnprivilegedUser.Id}", "tmpfs", folder]);
        return mounted.ExitCode == 0 ? new SmallFileSystem(folder) : null;
    }

    /// <summary>Makes room, or takes it.</summary>
    public async Task ResizeAsync(int mebibytes) => (await RunProcess.RunAsync(["mount", "-o", $"remount,size={mebibytes}m", _folder])).MustExit();

    /// <inheritdoc/>
    public async ValueTask DisposeAsync() => (await RunProcess.RunAsync(["umount", "--lazy", _folder])).MustExit();
}
