namespace Holdfast.Tests.Bicep;

/// <summary>Who may do what (design §1, I2, I4; §4). Held against the evaluated template: roles, and where they are given.</summary>
public class RightsTests
{
    private const string Container = "Microsoft.Storage/storageAccounts/blobServices/containers";
    private const string Read = Container + "/blobs/read";
    private const string Add = Container + "/blobs/add/action";
    private const string Delete = Container + "/blobs/delete";
    private const string Queue = "Microsoft.Storage/storageAccounts/queueServices/queues";

    // Monitoring Metrics Publisher: sends telemetry, and nothing else.
    private const string MetricsPublisher = "3913510d-42f4-4e42-8a64-420c390055eb";

    private static readonly Deployment Production = Deployment.Production.Value;

    [Theory]
    [InlineData("id-holdfast-shop-agent", "shop")]
    [InlineData("id-holdfast-ledger-agent", "ledger")]
    [InlineData("11111111-2222-3333-4444-555555555555", "ledger")]
    public void A_database_host_adds_and_reads_and_that_is_all(string host, string cluster)
    {
        Assert.Equal([Add, Read], Production.Allowed(host, cluster + "-data"));
        Assert.Equal([Read], Production.Allowed(host, cluster + "-log"));
        Assert.Equal([Read], Production.Allowed(host, cluster + "-catalog"));
        Assert.Equal([Add, Read], Production.Allowed(host, cluster + "-work"));
        Assert.Equal([Queue + "/messages/add/action"], Production.Allowed(host, cluster + "-reports"));
        Assert.Equal(5, Production.Rights.Count(right => right.Principal == host));
    }

    [Fact]
    public void Nobody_can_overwrite_a_blob_of_the_repository()
    {
        foreach (var right in Production.Rights.Where(IsOfRepository))
            Assert.DoesNotContain(right.Actions, action => action.StartsWith(Container, StringComparison.OrdinalIgnoreCase) && (action.EndsWith("/write", StringComparison.Ordinal) || action.EndsWith('*')));
    }

    [Theory]
    [InlineData("-data", "id-holdfast-expirer")]
    [InlineData("-catalog", "id-holdfast-expirer")]
    [InlineData("-work", "id-holdfast-control-plane")]
    [InlineData("-log", null)]
    public void One_identity_deletes_in_a_container_and_nobody_in_the_log(string container, string? who)
    {
        var deleters = Production.Rights.Where(right => right.Place.EndsWith(container, StringComparison.Ordinal) && right.Actions.Contains(Delete)).Select(right => right.Principal).Distinct();
        Assert.Equal(who is null ? [] : [who], deleters);
    }

    [Fact]
    public void Only_the_control_plane_writes_the_log_and_the_catalog()
    {
        foreach (var container in new[] { "-log", "-catalog" })
            Assert.Equal(["id-holdfast-control-plane"], Production.Rights.Where(right => right.Place.EndsWith(container, StringComparison.Ordinal) && right.Actions.Contains(Add)).Select(right => right.Principal).Distinct());
    }

    [Fact]
    public void A_restorer_reads_and_opens_contents_of_its_own_cluster()
    {
        var rights = Production.Rights.Where(right => right.Principal == "id-holdfast-shop-restorer").ToArray();
        Assert.All(rights.Where(IsOfRepository), right => Assert.Equal([Read], right.Actions));
        Assert.Equal(["shop-catalog", "shop-content", "shop-data", "shop-log", "shop-work"], rights.Select(right => right.Place).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void The_control_plane_opens_what_describes_contents_but_not_contents()
    {
        var keys = Production.Rights.Where(right => right.Principal == "id-holdfast-control-plane" && right.Scope.Contains("/vaults/", StringComparison.Ordinal)).ToArray();
        Assert.Equal(["ledger-content", "ledger-index", "ledger-signing", "shop-content", "shop-equality", "shop-index", "shop-signing"], keys.Select(key => key.Place).Order(StringComparer.Ordinal));
        Assert.Equal(["Microsoft.KeyVault/vaults/keys/read"], Production.Allowed("id-holdfast-control-plane", "shop-content"));
        Assert.Equal(["Microsoft.KeyVault/vaults/secrets/getSecret/action", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"], Production.Allowed("id-holdfast-control-plane", "shop-equality"));
        Assert.DoesNotContain("Microsoft.KeyVault/vaults/keys/unwrap/action", Production.Allowed("id-holdfast-control-plane", "shop-signing"));
        Assert.DoesNotContain("Microsoft.KeyVault/vaults/keys/sign/action", Production.Allowed("id-holdfast-control-plane", "shop-index"));
    }

    [Fact]
    public void An_embedded_control_plane_gets_the_rows_of_its_table_and_the_function_app_none()
    {
        const string Rows = "Microsoft.Storage/storageAccounts/tableServices/tables/entities";
        Assert.Equal([Rows + "/add/action", Rows + "/delete", Rows + "/read", Rows + "/update/action", Rows + "/write"], Deployment.Development.Value.Allowed("id-holdfastdev-control-plane", "shopjournal"));
        Assert.DoesNotContain(Production.Rights, right => right.Scope.Contains("/tables/", StringComparison.Ordinal));
    }

    [Fact]
    public void Nobody_may_use_the_escrow_key() => Assert.DoesNotContain(Production.Rights, right => right.Place.EndsWith("-escrow", StringComparison.Ordinal));

    [Fact]
    public void No_identity_may_change_policies_list_keys_or_give_rights()
    {
        string[] forbidden =
        [
            "Microsoft.Authorization/", "/immutabilityPolicies/write", "/immutabilityPolicies/delete", "/immutabilityPolicies/extend", "/immutabilityPolicies/lock", "LegalHold",
            "immutableStorage", "runAsSuperUser", "managementPolicies", "listKeys", "regenerateKey", "listAccountSas", "listServiceSas", "generateUserDelegationKey", "storageAccounts/write",
            "storageAccounts/delete", "blobServices/write", "permanentDelete", "vaults/write", "keys/write", "keys/delete", "keys/create", "keys/import", "keys/update", "*",
        ];
        Assert.Contains(Production.Rights, right => right.Principal == "id-holdfast-control-plane");
        Assert.Contains(Production.Rights, right => right.Principal == "id-holdfast-expirer");
        foreach (var right in Production.Rights)
            foreach (var action in right.Actions)
                Assert.DoesNotContain(forbidden, word => action.Contains(word, StringComparison.OrdinalIgnoreCase));
    }

    [Fact]
    public void Rights_are_given_by_our_own_roles_and_never_wider_than_a_container_a_queue_a_table_a_key_a_secret_or_the_hosts_account()
    {
        foreach (var right in Production.Rights)
        {
            Assert.True(Production.Roles.ContainsKey(right.RoleId) || (right.RoleId == MetricsPublisher && right.Place == "appi-holdfast"), $"{right.Principal} has role {right.RoleId} in {right.Place}");
            Assert.True(right.Scope.Contains("/containers/", StringComparison.Ordinal) || right.Scope.Contains("/queues/", StringComparison.Ordinal) || right.Scope.Contains("/keys/", StringComparison.Ordinal) || right.Scope.Contains("/secrets/", StringComparison.Ordinal)
                || right.Scope.Contains("/tables/", StringComparison.Ordinal) || right.RoleId == MetricsPublisher || right.Place.StartsWith("holdfasthost", StringComparison.Ordinal), $"{right.Principal} has rights in all of {right.Scope}");
        }
    }

    private static bool IsOfRepository(Deployment.Right right) => right.Scope.Contains("/storageAccounts/holdfastrepo", StringComparison.Ordinal);
}
