using System.Security.Cryptography;
using System.Text;
using Holdfast.Core;
using Holdfast.Core.KeyVault;
using Holdfast.Core.Repository;
using Holdfast.Tests.Fixtures;

namespace Holdfast.Tests.Core.KeyVault;

/// <summary>The client against a vault that behaves as the REST reference says.</summary>
public sealed class KeyVaultClientTests : IAsyncLifetime
{
    private static readonly byte[] DataKey = RandomNumberGenerator.GetBytes(32);
    private readonly VaultWorld _world = new();

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => _world.DisposeAsync().AsTask();

    [Fact]
    public async Task What_a_version_wraps_it_unwraps()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var key = new KeyVaultKey(_world.Client, _world.Id("content", version));
        var wrapped = await key.WrapKeyAsync("RSA-OAEP-256", DataKey, default);
        Assert.Equal(384, wrapped.Length);
        Assert.Equal(DataKey, await key.UnwrapKeyAsync("RSA-OAEP-256", wrapped, default));
        Assert.Equal(DataKey, await Task.Run(() => key.UnwrapKey("RSA-OAEP-256", wrapped)));
        Assert.Equal(_world.Vault.IdOf("content", version), key.KeyId);
        await Assert.ThrowsAsync<NotSupportedException>(() => key.UnwrapKeyAsync("RSA1_5", wrapped, default));
    }

    [Fact]
    public async Task The_first_request_to_a_vault_carries_neither_token_nor_body_and_only_the_first()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        for (var i = 0; i < 3; i++) await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default);
        var requests = _world.Vault.Requests.ToList();
        Assert.Equal(4, requests.Count);
        Assert.Null(requests[0].Header("Authorization"));
        Assert.Empty(requests[0].Body);
        Assert.All(requests.Skip(1), request => Assert.NotNull(request.Header("Authorization")));
        Assert.All(requests, request => Assert.Equal("api-version=7.4", request.Query));
        Assert.Equal(["secret"], _world.Entra.Answers);
    }

    [Fact]
    public async Task A_public_half_has_the_same_thumbprint_as_the_key_in_a_file()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var half = await _world.Client.GetAsync(_world.Id("content"), default);
        Assert.Equal(new Holdfast.Core.Sealing.RsaKey(VaultWorld.Rsa("content")).Thumbprint, half!.Thumbprint);
        Assert.Equal(_world.Vault.IdOf("content", version), half.Rsa!.KeyId);
        Assert.Null(half.Verifying);
    }

    [Theory]
    [InlineData(7, 3)]
    [InlineData(60, 25)]
    public async Task A_listing_is_followed_to_its_end(int count, int pageSize)
    {
        _world.Vault.PageSize = pageSize;
        using var rsa = VaultWorld.Rsa("content");
        var added = Enumerable.Range(0, count).Select(_ => _world.Vault.Add("content", rsa).Version).ToList();
        var found = await _world.Client.ListVersionsAsync(_world.Id("content"), default);
        Assert.Equal(added.Order(), found.Select(version => version.Id.Version!).Order());
    }

    [Fact]
    public async Task Throttled_requests_wait_as_long_as_the_vault_says()
    {
        _world.Vault.Limit = 3; // an HSM's 500 would take as many requests
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        for (var i = 0; i < 4; i++) await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default);
        Assert.InRange(Assert.Single(_world.Time.Pauses), TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(10));
        Assert.Contains("HTTP 429 Throttled", _world.Calls[^1].LastFailure, StringComparison.Ordinal);
        Assert.Equal(StoreCallOutcome.Answered, _world.Calls[^1].Outcome);
    }

    [Fact]
    public async Task Throttling_without_end_is_reported_with_the_limits()
    {
        _world.Vault.Limit = 0;
        _world.Vault.Instead = _ => KeyVaultServer.Http("429 Too Many Requests", """{"error":{"code":"Throttled"}}""", "Retry-After: 7\r\n");
        var failure = await RefusedAsync(KeyVaultRefusal.Throttled);
        Assert.StartsWith($"could not wrap with \"content/", failure.Message, StringComparison.Ordinal);
        Assert.Contains($" in {_world.Vault.Address.GetLeftPart(UriPartial.Authority)}: HTTP 429 Throttled, ", failure.Message, StringComparison.Ordinal);
        Assert.Contains("500 operations of a 3072-bit HSM key", failure.Hint, StringComparison.Ordinal);
        Assert.All(_world.Time.Pauses, pause => Assert.True(pause >= TimeSpan.FromSeconds(7)));
        Assert.InRange(_world.Time.Pauses.Sum(pause => pause.TotalSeconds), 40, 60);
    }

    [Fact]
    public async Task A_disabled_version_says_how_to_enable_it()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var wrapped = await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default);
        version.Enabled = false;
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.UnwrapAsync(_world.Id("content", version), wrapped, default));
        Assert.Equal(KeyVaultRefusal.Disabled, failure.Refusal);
        Assert.Equal($"could not unwrap with \"content/{version.Version}\" in {_world.Vault.Address.GetLeftPart(UriPartial.Authority)}: the version is disabled (HTTP 403 Forbidden, KeyDisabled)", failure.Message);
        Assert.Contains($"az keyvault key set-attributes --id {_world.Vault.IdOf("content", version)} --enabled true", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_expired_version_unwraps_and_does_not_wrap()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var wrapped = await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default);
        version.Expires = _world.Time.GetUtcNow().AddDays(-1);
        Assert.Equal(DataKey, await _world.Client.UnwrapAsync(_world.Id("content", version), wrapped, default));
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.WrapAsync(_world.Id("content", version), DataKey, default));
        Assert.Equal(KeyVaultRefusal.OutsideValidity, failure.Refusal);
        Assert.Contains("make a new version", failure.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_key_says_how_to_recover_it()
    {
        _world.Vault.Add("content", VaultWorld.Rsa("content"));
        _world.Vault.Deleted.Add("content");
        var failure = await RefusedAsync(KeyVaultRefusal.Missing);
        Assert.Contains("az keyvault key recover --name content", failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("wrapKey")]
    [InlineData("all")]
    public async Task An_identity_without_the_role_is_told_which_it_needs(string denied)
    {
        if (denied == "all") _world.Vault.Instead = _ => KeyVaultServer.Http("403 Forbidden", """{"error":{"code":"Forbidden","innererror":{"code":"ForbiddenByFirewall"}}}""");
        else _world.Vault.Denied.Add(denied);
        var failure = await RefusedAsync(KeyVaultRefusal.NotPermitted);
        Assert.Contains(denied == "all" ? "private endpoint" : "wrap to seal", failure.Hint, StringComparison.Ordinal);
        Assert.Empty(_world.Time.Pauses);
    }

    [Fact]
    public async Task What_another_key_wrapped_is_damage_not_an_outage()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        await Assert.ThrowsAsync<CryptographicException>(() => _world.Client.UnwrapAsync(_world.Id("content", version), new byte[384], default));
    }

    [Theory]
    [InlineData("https://storage.azure.com")]
    [InlineData("https://vault.azure.net")]
    [InlineData("https://evil.localhost")]
    public async Task A_challenge_that_names_another_resource_gets_no_token(string resource)
    {
        _world.Vault.ChallengedResource = resource;
        _world.Entra.Resources.Add(resource); // it could be had
        var failure = await RefusedAsync(KeyVaultRefusal.ForeignChallenge);
        Assert.Contains($"asks for a token for {resource}, and is not within that domain", failure.Message, StringComparison.Ordinal);
        Assert.Empty(_world.Entra.Answers);
        Assert.Null(Assert.Single(_world.Vault.Requests).Header("Authorization"));
        Assert.Empty(_world.Vault.Requests.Single().Body);
    }

    [Fact]
    public async Task A_token_that_the_vault_does_not_take_is_not_asked_for_again_and_again()
    {
        _world.Entra.Audience = "https://storage.azure.com";
        await RefusedAsync(KeyVaultRefusal.NotPermitted);
        Assert.Equal(2, _world.Vault.Requests.Count);
    }

    [Fact]
    public async Task A_token_that_cannot_be_had_quotes_no_secret()
    {
        using var vaults = _world.Open(new StoreCredential.ClientSecret(_world.Entra.TenantId, _world.Entra.ClientId, "wrong-secret"));
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => vaults.ClientOf(_world.Id("content")).ListVersionsAsync(_world.Id("content"), default));
        Assert.Equal(KeyVaultRefusal.Unreachable, failure.Refusal);
        Assert.Contains("no token: ", failure.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("wrong-secret", failure.ToString(), StringComparison.Ordinal);
        Assert.Contains("kind of identity", failure.Hint, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("huge", "more than 256 KiB")]
    [InlineData("endless", "more than 256 KiB")]
    [InlineData("portal", "not Key Vault's JSON")]
    [InlineData("empty", "not Key Vault's JSON")]
    [InlineData("null", "an empty answer")]
    [InlineData("other key", "an answer about another key")]
    [InlineData("other version", "an answer about another key")]
    [InlineData("other vault", "an answer about another key")]
    [InlineData("not base64", "not base64url")]
    [InlineData("redirect", "not expected")]
    [InlineData("no code", "not Key Vault's")]
    public async Task A_hostile_answer_is_bounded_and_refused(string kind, string why)
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var id = _world.Vault.IdOf("content", version);
        _world.Vault.Instead = _ => kind switch
        {
            "huge" => KeyVaultServer.Http("200 OK", $$"""{"kid":"{{id}}","value":"{{new string('A', 1 << 20)}}"}"""),
            "endless" => "HTTP/1.1 200 OK\r\nContent-Length: 9000000000\r\n\r\n" + new string(' ', 400 << 10),
            "portal" => KeyVaultServer.Http("200 OK", "<html>please pay</html>"),
            "empty" => KeyVaultServer.Http("200 OK", ""),
            "null" => KeyVaultServer.Http("200 OK", "null"),
            "other key" => KeyVaultServer.Http("200 OK", $$"""{"kid":"{{id.Replace("content", "index")}}","value":"AA"}"""),
            "other version" => KeyVaultServer.Http("200 OK", $$"""{"kid":"{{_world.Vault.IdOf("content")}}/0123","value":"AA"}"""),
            "other vault" => KeyVaultServer.Http("200 OK", $$"""{"kid":"https://evil.example/keys/content/{{version.Version}}","value":"AA"}"""),
            "not base64" => KeyVaultServer.Http("200 OK", $$"""{"kid":"{{id}}","value":"***"}"""),
            "redirect" => KeyVaultServer.Http("307 Temporary Redirect", "", "Location: https://evil.example/\r\n"),
            _ => KeyVaultServer.Http("404 Not Found", "<html>"),
        };
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.WrapAsync(_world.Id("content", version), DataKey, default));
        Assert.Equal(KeyVaultRefusal.NotUnderstood, failure.Refusal);
        Assert.Contains(why, failure.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("https://evil.example/keys/content/versions?$skiptoken=1")]
    [InlineData("https://localhost/keys/content/versions?$skiptoken=1")]
    [InlineData("{0}/keys/index/versions?$skiptoken=1")]
    [InlineData("/keys/content/versions")]
    public async Task A_listing_goes_on_nowhere_else(string link)
    {
        var next = link.Replace("{0}", _world.Vault.Address.GetLeftPart(UriPartial.Authority), StringComparison.Ordinal);
        _world.Vault.Instead = _ => KeyVaultServer.Http("200 OK", $$"""{"value":[],"nextLink":"{{next}}"}""");
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.ListVersionsAsync(_world.Id("content"), default));
        Assert.Contains("goes on elsewhere", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_listing_without_end_ends()
    {
        _world.Vault.Instead = _ => KeyVaultServer.Http("200 OK", $$"""{"value":[],"nextLink":"{{_world.Vault.IdOf("content")}}/versions?$skiptoken=1"}""");
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.ListVersionsAsync(_world.Id("content"), default));
        Assert.Contains("does not end", failure.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_cut_answer_and_a_busy_vault_are_tried_again()
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var answers = 0;
        _world.Vault.Instead = _ => ++answers switch
        {
            1 => KeyVaultServer.Http("503 Service Unavailable", "<html>busy</html>"),
            2 => KeyVaultServer.Http("500 Internal Server Error", """{"error":{"code":"InternalServerError"}}"""),
            _ => null,
        };
        Assert.Equal(384, (await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default)).Length);
        Assert.Equal(2, _world.Time.Pauses.Count);
    }

    [Fact]
    public async Task A_vault_that_does_not_answer_is_given_up_at_the_deadline()
    {
        await _world.Vault.DisposeAsync();
        var failure = await RefusedAsync(KeyVaultRefusal.Unreachable);
        Assert.Contains("attempts in ", failure.Message, StringComparison.Ordinal);
        Assert.InRange(_world.Time.Pauses.Sum(pause => pause.TotalSeconds), 20, 60);
    }

    [Fact]
    public void A_store_credential_that_is_no_identity_is_refused() => Assert.Contains("key-vault-auth",
        Assert.Throws<ConfigurationException>(() => KeyVaults.Open(new KeyVaultSettings { Credential = new StoreCredential.SharedKey("account", "key") })).Hint, StringComparison.Ordinal);

    [Fact]
    public async Task Neither_exceptions_nor_azure_cores_log_hold_a_token_or_a_key()
    {
        var lines = new StringBuilder();
        using (new Azure.Core.Diagnostics.AzureEventSourceListener((_, text) => { lock (lines) lines.AppendLine(text); }, System.Diagnostics.Tracing.EventLevel.Verbose))
        {
            var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
            await _world.Client.WrapAsync(_world.Id("content", version), DataKey, default);
            _world.Vault.Denied.Add("wrapKey");
            var failure = await RefusedAsync(KeyVaultRefusal.NotPermitted);
            Assert.DoesNotContain("eyJ", failure.ToString(), StringComparison.Ordinal);
        }
        Assert.Contains("/wrapkey", lines.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(System.Buffers.Text.Base64Url.EncodeToString(DataKey), lines.ToString(), StringComparison.Ordinal);
        Assert.DoesNotContain(_world.Vault.Requests.Last().Header("Authorization")!, lines.ToString(), StringComparison.Ordinal);
    }

    private async Task<KeyVaultException> RefusedAsync(KeyVaultRefusal refusal)
    {
        var version = _world.Vault.Add("content", VaultWorld.Rsa("content"));
        var failure = await Assert.ThrowsAsync<KeyVaultException>(() => _world.Client.WrapAsync(_world.Id("content", version), DataKey, default));
        Assert.Equal(refusal, failure.Refusal);
        Assert.DoesNotContain("eyJ", failure.Message, StringComparison.Ordinal);
        return failure;
    }
}
