namespace Holdfast.Tests.Agent;

/// <summary>A folder of one test, gone with it.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("holdfast-test-").FullName;

    public string Write(string name, string text, UnixFileMode mode = UnixFileMode.UserRead | UnixFileMode.UserWrite)
    {
        var path = System.IO.Path.Combine(Path, name);
        File.WriteAllText(path, text);
#pragma warning disable CA1416 // Linux only, like the agent
        File.SetUnixFileMode(path, mode);
#pragma warning restore CA1416
        return path;
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
