using System.Runtime.CompilerServices;

namespace Holdfast.Tests;

/// <summary>The checkout that the tests were built from: for documents and project files.</summary>
internal static class SourceTree
{
    public static string Root { get; } = Find();

    private static string Find([CallerFilePath] string source = "")
    {
        var folder = Path.GetDirectoryName(source)!;
        while (!File.Exists(Path.Combine(folder, "Serverless.sln"))) folder = Path.GetDirectoryName(folder)!;
        return folder;
    }
}
