namespace Holdfast.Tests.Fixtures;

/// <summary>The Debian package, built from the agent under test by infra/package.sh.</summary>
public static class AgentPackage
{
    private static readonly SemaphoreSlim Building = new(1);
    private static readonly Dictionary<int, (string File, byte[] Bytes)> Built = [];

    /// <summary>The package of a revision: its file's name and what is in it. Each is built once for all tests.</summary>
    public static async Task<(string File, byte[] Bytes)> BuiltAsync(int revision)
    {
        await Building.WaitAsync();
        try
        {
            if (!Built.TryGetValue(revision, out var package)) Built[revision] = package = await BuildAsync(revision);
            return package;
        }
        finally { Building.Release(); }
    }

    /// <summary>Builds one anew.</summary>
    public static async Task<(string File, byte[] Bytes)> BuildAsync(int revision)
    {
        using var scratch = new ScratchFolder("pkg");
        var agent = Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT") ?? throw new InvalidOperationException("HOLDFAST_TEST_AGENT is not set: run tests/run.sh");
        var run = await RunProcess.RunAsync(
            [Path.Combine(SourceTree.Root, "infra/package.sh"), "--output", scratch["out"], "--agent", Path.GetDirectoryName(agent)!, "--revision", $"{revision}"], timeout: TimeSpan.FromMinutes(3));
        var file = run.MustExit().Output.Trim();
        return (Path.GetFileName(file), await File.ReadAllBytesAsync(file));
    }
}
