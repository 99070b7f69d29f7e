using System.Runtime.CompilerServices;

namespace Holdfast.Tests;

/// <summary>Files under tests/golden: made by real servers, never by our own code.</summary>
internal static class Golden
{
    public static string Folder { get; } = Path.Combine(Here(), "golden");

    public static string PathOf(params string[] parts) => Path.Combine([Folder, .. parts]);

    private static string Here([CallerFilePath] string file = "") => Path.GetDirectoryName(file)!;
}
