namespace Holdfast.Tests.Fixtures;

/// <summary>PostgreSQL's own example of an archive, by <c>cp</c>: what Holdfast is compared with.</summary>
public sealed class FolderArchive : IWalArchive, IDisposable
{
    private readonly ScratchFolder _scratch = new("cp");

    /// <summary>An empty one.</summary>
    public FolderArchive() => ScratchFolder.GiveToServers(_scratch.Path);

    /// <summary>The folder.</summary>
    public string Path => _scratch.Path;

    /// <summary>The archived files' names: segments, history and backup history files, in order.</summary>
    public IReadOnlyList<string> Names =>
        [.. Directory.EnumerateFiles(Path).Select(file => System.IO.Path.GetFileName(file)).Where(name => !name.EndsWith(".part", StringComparison.Ordinal)).Order()];

    /// <inheritdoc/>
    /// <remarks>A standby that reads the folder meanwhile never sees half a file.</remarks>
    public string ArchiveCommand => $"cp %p {Path}/%f.part && mv {Path}/%f.part {Path}/%f";

    /// <inheritdoc/>
    public string RestoreCommand => $"cp {Path}/%f \"%p\" 2>/dev/null";

    /// <inheritdoc/>
    public Task<string> AdmitAsync(PostgresServer server) => Task.FromResult(ArchiveCommand);

    /// <summary>The bytes of a file.</summary>
    public byte[] Read(string name) => File.ReadAllBytes(System.IO.Path.Combine(Path, name));

    /// <inheritdoc/>
    public void Dispose() => _scratch.Dispose();
}
