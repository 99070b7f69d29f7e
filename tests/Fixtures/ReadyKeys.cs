namespace Holdfast.Tests.Fixtures;

/// <summary>
/// The RSA keys of a cluster that is about to be made, in the places where <c>init</c> looks for those of an earlier run: making three of 3072 bits
/// takes seconds, and most tests are not about them. They are the test vectors' keys, which protect nothing.
/// </summary>
public static class ReadyKeys
{
    private static readonly (string Folder, string File)[] Keys = [("restorer", "content.jwk"), ("control-plane", "index.jwk"), ("escrow", "escrow.jwk")];

    /// <summary>Puts them into {key-path}/{cluster}, unless it is there.</summary>
    public static void PlaceIn(string clusterFolder)
    {
        if (Directory.Exists(clusterFolder)) return;
        foreach (var (folder, file) in Keys)
        {
            var path = Path.Combine(clusterFolder, folder, file);
            Directory.CreateDirectory(clusterFolder, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
            File.Copy(Golden.PathOf("sealed", file), path);
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
    }
}
