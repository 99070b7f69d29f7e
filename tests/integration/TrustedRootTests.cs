using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// The published agent without ca-file: it does not load the system's roots, it looks for the one that it needs (docs/decisions/0002). A program
/// that is not native never takes that way, so this must be the real one.
/// </summary>
[Collection(AzuriteCollection.Name)]
public sealed class TrustedRootTests(SharedAzurite azurite)
{
    [NeedsTheory(Needs.Azurite | Needs.Agent)]
    [InlineData(true, 0)]
    [InlineData(false, 4)]
    public async Task A_store_is_trusted_if_and_only_if_the_systems_bundle_holds_its_authority(bool holdsIt, int expectedExitCode)
    {
        using var scratch = new ScratchFolder("roots");
        using var stranger = new ScratchFolder("stranger");
        await File.WriteAllTextAsync(scratch["connection"], azurite.Server.ConnectionString);
        // An authority that has nothing to do with the store comes first: finding any root is not finding the right one.
        var other = new LoopbackCertificate(stranger.Path);
        var bundle = await File.ReadAllTextAsync(other.CaFile) + "\n" + (holdsIt ? await File.ReadAllTextAsync(azurite.Server.CaFile) : "");
        await File.WriteAllTextAsync(scratch["bundle.pem"], bundle);
        var environment = new Dictionary<string, string?>
        {
            ["SSL_CERT_FILE"] = scratch["bundle.pem"],
            ["HOLDFAST_REPO_AUTH"] = "connection-string",
            ["HOLDFAST_REPO_CONNECTION_STRING_FILE"] = scratch["connection"],
            ["HOLDFAST_STATE_PATH"] = scratch["state"],
        };

        var run = await RunProcess.RunAsync([Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!, "init", $"--cluster=r{Guid.NewGuid():N}"[..25],
            $"--key-path={scratch["keys"]}", "--yes"], environment);

        Assert.True(run.ExitCode == expectedExitCode, run.Error);
        if (!holdsIt) Assert.Contains("is refused", run.Error, StringComparison.Ordinal);
    }
}
