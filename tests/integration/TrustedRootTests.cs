using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>
/// The published agent without ca-file. Commands that PostgreSQL calls do not load the system's roots, they look for the one that they need (docs/decisions/0002).
/// A program that is not native never takes that way, so this must be the real one.
/// </summary>
[Collection(ControlledAzuriteCollection.Name)]
public sealed class TrustedRootTests(SharedAzurite azurite)
{
    private static string Agent => Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!;

    [NeedsTheory(Needs.Azurite | Needs.Agent)]
    [InlineData(true, 0)]
    [InlineData(false, 4)]
    public async Task WAL_is_pushed_if_and_only_if_the_systems_bundle_holds_the_stores_authority(bool holdsIt, int expectedExitCode)
    {
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var segment = FaultWorld.Golden.Segments(1)[0].Name.ToString();
        await WriteBundleAsync(world["bundle.pem"], holdsIt ? [azurite.Server.CaFile] : []);
        var words = world.DirectPushWords(segment);
        var config = Array.FindIndex(words, word => word.StartsWith("--config=", StringComparison.Ordinal));
        words[config] = $"--config={await WithoutAsync(words[config]["--config=".Length..], "repo-ca-file")}";

        var run = await RunProcess.RunAsync([Agent, .. words], new Dictionary<string, string?> { ["SSL_CERT_FILE"] = world["bundle.pem"] });

        Assert.True(run.ExitCode == expectedExitCode, run.Error);
        if (!holdsIt) Assert.Contains("is refused", run.Error, StringComparison.Ordinal);
        Assert.Equal(holdsIt ? [FaultWorld.NameOf(segment)] : [], await world.NamesAsync());
    }

    [NeedsTheory(Needs.Azurite | Needs.Postgres | Needs.Agent)]
    [InlineData(true, 0)]
    [InlineData(false, 4)]
    public async Task A_control_plane_behind_TLS_is_asked_if_and_only_if_the_systems_bundle_holds_its_authority_too(bool holdsIt, int expectedExitCode)
    {
        using var scratch = new ScratchFolder("front");
        await using var cluster = await ControlledCluster.StartAsync(azurite.Server, 17);
        var certificate = new LoopbackCertificate(scratch.Path, "authority of the proxy");
        await using var front = new TlsProxy(certificate, cluster.ControlPlane.Url);
        await WriteBundleAsync(scratch["bundle.pem"], holdsIt ? [azurite.Server.CaFile, certificate.CaFile] : [azurite.Server.CaFile]);
        var configuration = await WithoutAsync(cluster.Configuration("agent"), "repo-ca-file", "enrolment-token-file");
        var token = (await RunProcess.RunAsync([Agent, "token", $"--config={cluster.Configuration("control-plane")}"])).MustExit();
        await File.WriteAllTextAsync(scratch["token"], token.Output);

        // Registering reads the store's log first, then asks the control plane.
        var run = await RunProcess.RunAsync([Agent, "register", $"--config={configuration}", $"--pg-path={cluster.Server.DataFolder}", $"--state-path={scratch["state"]}", "--host-name=second", $"--enrolment-token-file={scratch["token"]}", $"--control-plane-url={front.Url}"],
            new Dictionary<string, string?> { ["SSL_CERT_FILE"] = scratch["bundle.pem"] });

        Assert.True(run.ExitCode == expectedExitCode, run.Error);
        if (!holdsIt) Assert.Contains($"TLS with the control plane at {front.Url}", run.Error, StringComparison.Ordinal);
    }

    [NeedsTheory(Needs.Azurite | Needs.Agent)]
    [InlineData(true, 0)]
    [InlineData(false, 4)]
    public async Task A_store_is_trusted_if_and_only_if_the_systems_bundle_holds_its_authority(bool holdsIt, int expectedExitCode)
    {
        using var scratch = new ScratchFolder("roots");
        await File.WriteAllTextAsync(scratch["connection"], azurite.Server.ConnectionString);
        await WriteBundleAsync(scratch["bundle.pem"], holdsIt ? [azurite.Server.CaFile] : []);
        var environment = new Dictionary<string, string?>
        {
            ["SSL_CERT_FILE"] = scratch["bundle.pem"],
            ["HOLDFAST_REPO_AUTH"] = "connection-string",
            ["HOLDFAST_REPO_CONNECTION_STRING_FILE"] = scratch["connection"],
            ["HOLDFAST_STATE_PATH"] = scratch["state"],
        };

        var run = await RunProcess.RunAsync([Agent, "init", $"--cluster=r{Guid.NewGuid():N}"[..25],
            $"--key-path={scratch["keys"]}", "--yes"], environment);

        Assert.True(run.ExitCode == expectedExitCode, run.Error);
        if (!holdsIt) Assert.Contains("is refused", run.Error, StringComparison.Ordinal);
    }

    // An authority that has nothing to do with the store comes first: finding any root is not finding the right one.
    private static async Task WriteBundleAsync(string file, string[] authorities)
    {
        using var stranger = new ScratchFolder("stranger");
        string[] all = [new LoopbackCertificate(stranger.Path).CaFile, .. authorities];
        await File.WriteAllTextAsync(file, string.Join('\n', all.Select(File.ReadAllText)));
    }

    // Beside the original, with its mode: it names files by where it is, and holds secrets.
    private static async Task<string> WithoutAsync(string configuration, params string[] options)
    {
        var copy = configuration + ".less";
        File.Copy(configuration, copy);
        await File.WriteAllLinesAsync(copy, (await File.ReadAllLinesAsync(configuration)).Where(line => !options.Contains(line.Split('=')[0].Trim())));
        return copy;
    }
}
