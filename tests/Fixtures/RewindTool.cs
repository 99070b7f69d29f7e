namespace Holdfast.Tests.Fixtures;

/// <summary>
/// pg_rewind of the tools beside a server's <c>postgres</c>, which it asks for the target's restore_command. It wants one of exactly its
/// own version, and the two come from different builds: asked for its version, the server answers what pg_rewind expects.
/// </summary>
public static class RewindTool
{
    /// <summary>Makes the pair in a folder; the program's path.</summary>
    public static async Task<string> PrepareAsync(string folder, int major)
    {
        var tools = Environment.GetEnvironmentVariable("HOLDFAST_TEST_CLIENTS")!;
        var built = Path.GetFullPath(Path.Combine(tools, "..", "..", $"{major}"));
        var program = Path.Combine(folder, "rewind", "bin", "pg_rewind");
        Directory.CreateDirectory(Path.GetDirectoryName(program)!);
        File.Copy(Path.Combine(built, "bin", "pg_rewind"), program);
        Directory.CreateSymbolicLink(Path.Combine(folder, "rewind", "lib"), Path.Combine(built, "lib")); // found from the program's place
        var version = (await RunProcess.RunAsync([program, "--version"])).MustExit().Output.Trim();
        var expected = version.Replace("pg_rewind", "postgres", StringComparison.Ordinal);
        var server = Path.Combine(Environment.GetEnvironmentVariable("HOLDFAST_TEST_POSTGRES")!, $"{major}", "bin", "postgres");
        var beside = Path.Combine(folder, "rewind", "bin", "postgres");
        await File.WriteAllTextAsync(beside, $"#!/bin/sh\nif [ \"$1\" = -V ]; then echo '{expected}'; else exec {server} \"$@\"; fi\n");
        File.SetUnixFileMode(beside, (UnixFileMode)0b111_101_101);
        ScratchFolder.GiveToServers(Path.Combine(folder, "rewind"));
        return program;
    }
}
