namespace Holdfast.Tests.Infra;

/// <summary>infra/deploy.sh, against a subscription that is a folder: what it changes, what it sees, what it refuses.</summary>
public sealed class DeployTests
{
    private const string Blobs = "Microsoft.Storage/storageAccounts/blobServices/containers/blobs";

    [NeedsJqFact]
    public async Task A_dry_run_changes_nothing_where_there_is_no_group_and_where_there_is_one()
    {
        using var azure = new FakeSubscription { ["exists"] = "false\n" };
        Assert.Contains("would run: az group create --name g", await azure.MustAsync("deploy", "--dry-run"), StringComparison.Ordinal);
        azure["exists"] = "true\n";
        Assert.Contains("Resource changes", await azure.MustAsync("deploy", "--dry-run"), StringComparison.Ordinal);
        Assert.Empty(azure.TakeChanges());
        await azure.MustAsync("deploy");
        azure.TakeCalls();
        Assert.Contains("would run: az storage container immutability-policy lock", await azure.MustAsync("lock", "--restored", "20261125-190644F", "--dry-run"), StringComparison.Ordinal);
        Assert.Empty(azure.TakeChanges());
    }

    [NeedsJqFact]
    public async Task Everything_can_be_repeated()
    {
        using var azure = new FakeSubscription { ["exists"] = "false\n" };
        Assert.Contains("\"repositoryAccount\": \"sthf\"", await azure.MustAsync("deploy"), StringComparison.Ordinal);
        Assert.Equal(["group create", "deployment group create"], azure.TakeChanges().Select(call => call[..call.IndexOf(" --", StringComparison.Ordinal)]));
        await azure.MustAsync("deploy");
        Assert.StartsWith("deployment group create", Assert.Single(azure.TakeChanges()), StringComparison.Ordinal);

        await azure.MustAsync("lock", "--restored", "20261125-190644F", "--yes");
        Assert.Equal(3, azure.TakeChanges().Length);
        Assert.Contains("shop-log is locked already", await azure.MustAsync("lock", "--restored", "20261125-190644F", "--yes"), StringComparison.Ordinal);
        Assert.Empty(azure.TakeChanges());

        // Azure would refuse it halfway.
        await azure.FailsAsync("HINT: set policiesLocked: true for cluster shop", "deploy");
        Assert.Empty(azure.TakeChanges());
        azure["clusters.json"] = """[{"name": "shop", "policiesLocked": true}]""";
        await azure.MustAsync("deploy");
        Assert.Single(azure.TakeChanges());
    }

    [NeedsJqFact]
    public async Task Verify_changes_nothing_and_is_content_with_what_deploy_made()
    {
        using var azure = new FakeSubscription();
        await azure.FailsAsync("group g has no deployment named holdfast", "verify");
        await azure.MustAsync("deploy");
        azure.TakeCalls();
        Assert.EndsWith("12 passed, 0 failed\n", await azure.MustAsync("verify"), StringComparison.Ordinal);
        Assert.Empty(azure.TakeChanges());
        azure.Assign("expirer", $"{Blobs}/read\n{Blobs}/delete\n");
        await azure.MustAsync("verify");
        Assert.Contains("it cannot be deleted", await azure.MustAsync("verify", "--canary", "shop"), StringComparison.Ordinal);
        azure["mutable"] = "";
        await azure.FailsAsync("FAIL  it was replaced", "verify", "--canary", "shop");
    }

    [NeedsJqTheory]
    [InlineData($"{Blobs}/read\n{Blobs}/write\n")]
    [InlineData($"{Blobs}/*\n")]
    [InlineData("Microsoft.Storage/storageAccounts/blobServices/containers/*\n")]
    [InlineData("*\n")]
    [InlineData("Microsoft.Storage/*\n")]
    [InlineData("Microsoft.Storage/storageAccounts/blobServices/*\n")]
    [InlineData("*/write\n")]
    [InlineData($"{Blobs}/manageOwnership/action\n{Blobs}/runAsSuperUser/action\n")]
    public async Task Verify_fails_when_somebody_may_overwrite(string dataActions)
    {
        using var azure = new FakeSubscription();
        await azure.MustAsync("deploy");
        azure.Assign("mallory", dataActions);
        await azure.FailsAsync("FAIL  mallory may replace blobs in shop-data (role of mallory)", "verify");
    }

    [NeedsJqTheory]
    [InlineData("account.json", "{}", "FAIL  account keys work")]
    [InlineData("account.json", """{"allowSharedKeyAccess": false, "allowBlobPublicAccess": true}""", "FAIL  containers can be public")]
    [InlineData("account.json", """{"networkRuleSet": {"defaultAction": "Allow"}}""", "FAIL  every network is let in")]
    [InlineData("policies/shop-data", """{"state": "Unlocked", "immutabilityPeriodSinceCreationInDays": 13}""", "FAIL  shop-data keeps blobs for less than 14 days")]
    [InlineData("policies/shop-log", """{"state": "Locked", "immutabilityPeriodSinceCreationInDays": 3649}""", "FAIL  shop-log keeps blobs for less than 3650 days")]
    [InlineData("policies/shop-catalog", "", "FAIL  shop-catalog has no immutability policy")]
    public async Task Verify_fails_when_something_is_not_as_it_should_be(string file, string contents, string message)
    {
        using var azure = new FakeSubscription();
        await azure.MustAsync("deploy");
        azure[file] = contents;
        await azure.FailsAsync(message, "verify");
    }

    [NeedsJqFact]
    public async Task Nothing_is_locked_without_a_restore_or_a_yes_or_a_policy()
    {
        using var azure = new FakeSubscription();
        await azure.MustAsync("deploy");
        azure.TakeCalls();
        await azure.FailsAsync("nothing is locked before a restore was rehearsed", "lock", "--yes");
        await azure.FailsAsync("ERROR: nothing was locked", "lock", "--restored", "20261125-190644F"); // nobody answers
        await azure.FailsAsync("is no label of a backup", "lock", "--restored", "yes", "--yes");
        Assert.Empty(azure.TakeChanges());
        File.Delete(azure.PathOf("policies/shop-data"));
        await azure.FailsAsync("shop-data has no policy to lock", "lock", "--restored", "20261125-190644F", "--yes");
        Assert.Empty(azure.TakeChanges());
    }

    [NeedsJqTheory]
    [InlineData("account show*", "deploy", "az is not signed in")]
    [InlineData("bicep build-params*", "deploy", "does not compile")]
    [InlineData("group exists*", "deploy", "whether group g exists cannot be told")]
    [InlineData("group create*", "deploy", "AuthorizationFailed")]
    [InlineData("deployment group create*", "deploy", "AuthorizationFailed")]
    [InlineData("storage account show*", "verify", "AuthorizationFailed")]
    [InlineData("role assignment list*", "verify", "the rights in shop-data cannot be read")]
    [InlineData("role definition list*", "verify", "role r1 cannot be read")]
    [InlineData("*immutability-policy show*", "verify", "shop-data has no immutability policy")]
    [InlineData("*immutability-policy show*", "lock", "shop-data has no policy to lock")]
    [InlineData("*immutability-policy lock*", "lock", "AuthorizationFailed")]
    public async Task An_az_that_fails_stops_it(string call, string command, string message)
    {
        using var azure = new FakeSubscription();
        if (command == "deploy") azure["exists"] = "false\n";
        else await azure.MustAsync("deploy");
        azure.TakeCalls();
        azure["fail"] = call + "\n";
        await azure.FailsAsync(message, command, command == "lock" ? ["--restored", "20261125-190644F", "--yes"] : []);
        // At most the one that failed, or what came before it.
        Assert.True(azure.TakeChanges().Length <= (call.StartsWith("deployment", StringComparison.Ordinal) ? 2 : 1));
    }

    [Theory]
    [InlineData("az is not installed", "jq")]
    [InlineData("jq is not installed", "az")]
    public async Task A_program_that_is_missing_is_named(string message, string present)
    {
        using var azure = new FakeSubscription();
        var run = await azure.RunWithAsync([present], "deploy");
        Assert.Equal((1, $"ERROR: {message}\n"), (run.ExitCode, run.Error));
    }
}

/// <summary>Skipped on a machine without jq, which infra/deploy.sh needs.</summary>
file static class Jq
{
    public static string? Missing => Environment.GetEnvironmentVariable("HOLDFAST_TEST_INTEGRATION") == "1" || (Environment.GetEnvironmentVariable("PATH") ?? "").Split(':').Any(folder => File.Exists(Path.Combine(folder, "jq")))
        ? null : "jq is not installed";
}

/// <summary>A fact about infra/deploy.sh.</summary>
internal sealed class NeedsJqFactAttribute : FactAttribute
{
    public NeedsJqFactAttribute() => Skip = Jq.Missing;
}

/// <summary>A theory about infra/deploy.sh.</summary>
internal sealed class NeedsJqTheoryAttribute : TheoryAttribute
{
    public NeedsJqTheoryAttribute() => Skip = Jq.Missing;
}
