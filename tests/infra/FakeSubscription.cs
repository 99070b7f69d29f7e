using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Infra;

/// <summary>infra/deploy.sh with <c>tests/Fixtures/az.sh</c> for az: a subscription in a folder, with one cluster, "shop", in its parameters.</summary>
internal sealed class FakeSubscription : IDisposable
{
    private const string Account = """{"allowSharedKeyAccess": false, "allowBlobPublicAccess": false, "networkRuleSet": {"defaultAction": "Deny"}}""";
    private readonly ScratchFolder _scratch = new("az");

    public FakeSubscription()
    {
        foreach (var folder in new[] { "bin", "az", "az/policies", "az/roles", "az/blobs" }) Directory.CreateDirectory(_scratch[folder]);
        File.CreateSymbolicLink(_scratch["bin", "az"], Path.Combine(SourceTree.Root, "tests/Fixtures/az.sh"));
        File.WriteAllText(_scratch["parameters.bicepparam"], "using 'main.bicep'\n");
        this["exists"] = "true\n";
        this["clusters.json"] = """[{"name": "shop"}]""";
        this["account.json"] = Account;
        Assign("agent", "Microsoft.Storage/storageAccounts/blobServices/containers/blobs/read\nMicrosoft.Storage/storageAccounts/blobServices/containers/blobs/add/action\n");
    }

    /// <summary>A file that az reads.</summary>
    public string this[string file]
    {
        get => File.Exists(_scratch["az", file]) ? File.ReadAllText(_scratch["az", file]) : "";
        set => File.WriteAllText(_scratch["az", file], value);
    }

    public string PathOf(string file) => _scratch["az", file];

    /// <summary>The calls so far, then forgets them.</summary>
    public string[] TakeCalls()
    {
        var calls = this["calls"].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        this["calls"] = "";
        return calls;
    }

    /// <summary>Those of the calls so far that change something; then forgets all.</summary>
    public string[] TakeChanges() => [.. TakeCalls().Where(call => new[] { "group create", "deployment group create", "immutability-policy lock", "blob upload", "blob delete" }.Any(change => call.Contains(change, StringComparison.Ordinal)))];

    /// <summary>Gives a principal a role with these data actions, one a line, in every container; nobody else has any.</summary>
    public void Assign(string principal, string dataActions)
    {
        this["roles/r1"] = dataActions;
        this["assignments.json"] = $$"""[{"principalName": "{{principal}}", "roleDefinitionId": "/x/roleDefinitions/r1", "roleDefinitionName": "role of {{principal}}"}]""";
    }

    public Task<ProcessResult> RunAsync(string command, params IEnumerable<string> options) =>
        RunOnAsync($"{_scratch["bin"]}:{Environment.GetEnvironmentVariable("PATH")}", command, options);

    /// <summary>With nothing on the path but these programs of the machine.</summary>
    public Task<ProcessResult> RunWithAsync(string[] programs, string command)
    {
        var bin = _scratch[$"only-{string.Join('-', programs)}"];
        Directory.CreateDirectory(bin);
        foreach (var program in programs) File.CreateSymbolicLink(Path.Combine(bin, program), "/bin/true");
        return RunOnAsync(bin, command, []);
    }

    /// <summary>Runs it; it must succeed.</summary>
    public async Task<string> MustAsync(string command, params IEnumerable<string> options)
    {
        var run = (await RunAsync(command, options)).MustExit();
        return run.Output + run.Error;
    }

    /// <summary>Runs it; it must fail with this message.</summary>
    public async Task FailsAsync(string message, string command, params IEnumerable<string> options)
    {
        var run = await RunAsync(command, options);
        Assert.True(run.ExitCode != 0 && (run.Output + run.Error).Contains(message, StringComparison.Ordinal), $"exited {run.ExitCode}; expected a failure with: {message}\n{run.Output}{run.Error}");
    }

    public void Dispose() => _scratch.Dispose();

    private Task<ProcessResult> RunOnAsync(string path, string command, IEnumerable<string> options) => RunProcess.RunAsync(
        ["/bin/bash", Path.Combine(SourceTree.Root, "infra/deploy.sh"), command, "--group", "g", "--parameters", _scratch["parameters.bicepparam"], .. options],
        new Dictionary<string, string?> { ["PATH"] = path, ["FAKE_AZ"] = _scratch["az"] });
}
