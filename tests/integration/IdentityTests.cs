using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Integration;

/// <summary>The published agent archives as an Entra identity of each kind: the token from a token service of the test's own, the store a real Azurite.</summary>
[Collection(AzuriteCollection.Name)]
public sealed class IdentityTests(SharedAzurite azurite)
{
    private const Needs Everything = Needs.Azurite | Needs.Agent;

    // How Azure.Identity is told of another place than http://169.254.169.254.
    private const string MetadataService = "AZURE_POD_IDENTITY_AUTHORITY_HOST";

    private static readonly string Segment = FaultWorld.Golden.Segments(1)[0].Name.ToString();

    [NeedsTheory(Everything)]
    [InlineData("service-principal", "secret")]
    [InlineData("service-principal", "certificate")]
    [InlineData("workload", "federated")]
    [InlineData("workload by environment", "federated")]
    [InlineData("managed", "managed")]
    [InlineData("managed, of a virtual machine", "machine")]
    public async Task A_segment_is_archived_by_an_identity(string kind, string proof)
    {
        await using var entra = new EntraServer();
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var (flags, environment) = As(kind, proof, entra, world);

        (await PushAsync(world, entra, flags, environment)).MustExit();

        Assert.Equal([FaultWorld.NameOf(Segment)], await world.NamesAsync());
        Assert.Equal([proof], entra.Answers.Distinct());
        await world.MustGetAsync(Segment);
    }

    [NeedsTheory(Everything)]
    [InlineData("service-principal", "secret")]
    [InlineData("workload", "federated")]
    [InlineData("managed", "managed")]
    [InlineData("managed, of a virtual machine", "machine")]
    public async Task A_refused_identity_is_an_error_at_once_that_quotes_no_secret(string kind, string proof)
    {
        await using var entra = new EntraServer();
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        await using var other = new EntraServer(); // its secrets are not the first one's
        var (flags, environment) = As(kind, proof, other, world);
        if (proof == "managed") environment["IDENTITY_ENDPOINT"] = entra.IdentityEndpoint.AbsoluteUri;
        if (proof == "machine") environment[MetadataService] = entra.MetadataService.AbsoluteUri;

        var result = (await PushAsync(world, entra, flags, environment)).MustExit(4);

        Assert.Contains("no token", result.Error, StringComparison.Ordinal);
        Assert.Contains("HINT: Check the kind of identity", result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(other.Secret, result.Error, StringComparison.Ordinal);
        Assert.DoesNotContain(other.FederatedToken, result.Error, StringComparison.Ordinal);
        Assert.All(entra.Answers, answer => Assert.Equal("refused", answer));
        Assert.InRange(entra.Answers.Count, 1, 4); // the log's tail and the PUT, once each, not retried for archive-timeout
        Assert.Empty(await world.NamesAsync());
    }

    [NeedsFact(Everything)]
    public async Task A_token_for_something_else_is_refused_by_the_store()
    {
        await using var entra = new EntraServer { Audience = "https://vault.azure.net" };
        await using var world = await FaultWorld.MakeAsync(azurite.Server);
        var (flags, environment) = As("service-principal", "secret", entra, world);
        var result = (await PushAsync(world, entra, flags, environment)).MustExit(4);
        Assert.Contains("HINT: ", result.Error, StringComparison.Ordinal);
        Assert.Empty(await world.NamesAsync());
    }

    private async Task<ProcessResult> PushAsync(FaultWorld world, EntraServer entra, string[] flags, Dictionary<string, string?> environment)
    {
        await File.WriteAllTextAsync(world["both.pem"], await File.ReadAllTextAsync(azurite.Server.CaFile) + "\n" + await File.ReadAllTextAsync(entra.CaFile));
        return await RunProcess.RunAsync([Environment.GetEnvironmentVariable("HOLDFAST_TEST_AGENT")!,
            .. world.DirectPushWords(Segment, [$"--repo-endpoint={azurite.Server.BlobEndpoint.AbsoluteUri}", $"--repo-ca-file={world["both.pem"]}",
                .. flags[0] == "--repo-auth=managed" ? (string[])[] : [$"--repo-authority-host={entra.Authority.AbsoluteUri}"], .. flags])], environment);
    }

    private static (string[] Flags, Dictionary<string, string?> Environment) As(string kind, string proof, EntraServer entra, FaultWorld world)
    {
        var environment = new Dictionary<string, string?>();
        string[] named = [$"--repo-tenant-id={entra.TenantId}", $"--repo-client-id={entra.ClientId}"];
        File.WriteAllText(world["secret"], entra.Secret);
        File.SetUnixFileMode(world["secret"], UnixFileMode.UserRead | UnixFileMode.UserWrite);
        File.WriteAllText(world["token"], entra.FederatedToken);
        switch (kind)
        {
            case "service-principal" when proof == "secret": return (["--repo-auth=service-principal", .. named, $"--repo-client-secret-file={world["secret"]}"], environment);
            case "service-principal": return (["--repo-auth=service-principal", .. named, $"--repo-client-certificate={entra.ClientCertificateFile}"], environment);
            case "workload": return (["--repo-auth=workload", .. named, $"--repo-token-file={world["token"]}"], environment);
            case "workload by environment":
                (environment["AZURE_TENANT_ID"], environment["AZURE_CLIENT_ID"], environment["AZURE_FEDERATED_TOKEN_FILE"]) = (entra.TenantId, entra.ClientId, world["token"]);
                return (["--repo-auth=workload"], environment);
            case "managed, of a virtual machine":
                environment[MetadataService] = entra.MetadataService.AbsoluteUri;
                return (["--repo-auth=managed", $"--repo-client-id={entra.ClientId}"], environment);
            default:
                (environment["IDENTITY_ENDPOINT"], environment["IDENTITY_HEADER"]) = (entra.IdentityEndpoint.AbsoluteUri, entra.IdentityHeader);
                return (["--repo-auth=managed", $"--repo-client-id={entra.ClientId}"], environment);
        }
    }
}
