using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Holdfast.Core.Api;
using Holdfast.Functions.Api;
using Holdfast.Tests.Fixtures;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Holdfast.Tests.Functions.Api;

/// <summary>Whose tokens open the HTTP interface in Azure, against an authority on loopback.</summary>
public sealed class EntraGateTests : IAsyncLifetime
{
    private readonly EntraServer _entra = new();
    private readonly Guid _application = Guid.NewGuid();
    private readonly ManualTime _clock = new();
    private EntraGate _gate = null!;

    public Task InitializeAsync()
    {
        _entra.Rotate();
        _gate = Open(NullLogger<EntraGate>.Instance);
        return Task.CompletedTask;
    }

    public async Task DisposeAsync()
    {
        _gate.Dispose();
        await _entra.DisposeAsync();
    }

    [Theory]
    [InlineData(ApiRole.Report, 0, "Report")]
    [InlineData(ApiRole.Admin, 403, "Report")]
    [InlineData(ApiRole.Operator, 0, "Report", "Operator")]
    [InlineData(ApiRole.Recover, 403, "Report", "Operator")]
    [InlineData(ApiRole.Recover, 0, "Recover")]
    [InlineData(ApiRole.Admin, 0, "Admin")]
    [InlineData(ApiRole.Operator, 403, "Admin")]
    [InlineData(ApiRole.Report, 403)]
    [InlineData(ApiRole.Report, 403, "report")]
    [InlineData(ApiRole.Report, 403, "15")]
    [InlineData(ApiRole.Report, 403, "OfAdminKey")]
    public async Task A_role_lets_do_what_it_is_for(ApiRole needed, int status, params string[] roles) => Assert.Equal(status, await StatusAsync(Token(roles), needed));

    [Fact]
    public void The_roles_that_an_application_is_registered_with_are_those_that_are_asked_for()
    {
        var roles = JsonNode.Parse(File.ReadAllText(Path.Combine(SourceTree.Root, "bicep", "app-roles.json")))!.AsArray();
        Assert.Equal([nameof(ApiRole.Report), nameof(ApiRole.Operator), nameof(ApiRole.Recover), nameof(ApiRole.Admin)], roles.Select(role => (string)role!["value"]!));
        Assert.Equal(roles.Count, roles.Select(role => Guid.Parse((string)role!["id"]!)).Distinct().Count());
        Assert.All(roles, role => Assert.True((bool)role!["isEnabled"]! && role["allowedMemberTypes"]!.AsArray().Any(type => (string)type! == "Application")));
    }

    [Fact]
    public async Task A_token_of_either_version_is_taken()
    {
        Assert.Equal(0, await StatusAsync(_entra.Mint(_application.ToString(), Roles("Report"))));
        Assert.Equal(0, await StatusAsync(_entra.Mint($"api://{_application}", Roles("Report", ("iss", $"https://sts.windows.net/{_entra.TenantId}/")))));
    }

    [Theory]
    [InlineData("aud", "api://00000000-0000-0000-0000-000000000001")]
    [InlineData("iss", "https://login.example/other/v2.0")]
    [InlineData("iss", "https://sts.windows.net/00000000-0000-0000-0000-000000000001/")]
    [InlineData("tid", "00000000-0000-0000-0000-000000000001")]
    [InlineData("tid", null)]
    [InlineData("exp", -300)]
    [InlineData("exp", null)]
    [InlineData("nbf", 300)]
    public async Task Refuses_what_is_not_meant_for_us_or_not_now(string claim, object? value) => Assert.Equal(401, await StatusAsync(_entra.Mint(_application.ToString(), (claims, _) =>
    {
        Roles("Admin")(claims, new JsonObject());
        claims[claim] = value switch { int seconds => DateTimeOffset.UtcNow.ToUnixTimeSeconds() + seconds, string text => text, _ => null };
        if (value is null) claims.Remove(claim);
    }), ApiRole.Admin));

    [Fact]
    public async Task Refuses_what_the_tenant_did_not_sign()
    {
        using var other = RSA.Create(2048);
        var (admin, audience) = (Roles("Admin"), _application.ToString());
        Action<JsonObject, JsonObject> Header(string alg) => (claims, header) => { admin(claims, header); header["alg"] = alg; };
        Assert.Equal(0, await StatusAsync(_entra.Mint(audience, admin), ApiRole.Admin));
        Assert.Equal(401, await StatusAsync(_entra.Mint(audience, admin, bytes => other.SignData(bytes, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)), ApiRole.Admin));
        Assert.Equal(401, await StatusAsync(_entra.Mint(audience, Header("none"), _ => []), ApiRole.Admin));
        Assert.Equal(401, await StatusAsync(_entra.Mint(audience, admin, _ => []), ApiRole.Admin));
        Assert.Equal(401, await StatusAsync(_entra.Mint(audience, Header("HS256"), bytes => HMACSHA256.HashData(_entra.PublicKey, bytes)), ApiRole.Admin));
        Assert.Equal(401, await StatusAsync(_entra.Mint(audience, (claims, header) => { admin(claims, header); header.Remove("kid"); }), ApiRole.Admin));
        var good = _entra.Mint(audience, Roles("Report"));
        var stronger = _entra.Mint(audience, admin).Split('.')[1];
        Assert.Equal(401, await StatusAsync($"{good.Split('.')[0]}.{stronger}.{good.Split('.')[2]}", ApiRole.Admin));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("Bearer")]
    [InlineData("Bearer ")]
    [InlineData("Bearer a.b.c")]
    [InlineData("Basic YTpi")]
    [InlineData("Bearer eyJhbGciOiJSUzI1NiJ9..")]
    public async Task Refuses_what_is_no_token(string? header) => Assert.Equal(401, await AskAsync(_gate, header, ApiRole.Report));

    [Fact]
    public async Task Function_keys_and_what_App_Service_adds_say_nothing()
    {
        var http = new DefaultHttpContext();
        foreach (var name in new[] { "x-functions-key", "X-MS-CLIENT-PRINCIPAL", "X-MS-TOKEN-AAD-ACCESS-TOKEN", ApiContract.KeyHeader }) http.Request.Headers[name] = Token("Admin");
        http.Request.QueryString = new QueryString("?code=" + Token("Admin"));
        Assert.Equal(401, (await _gate.RefuseCallerAsync(http.Request, null, ApiRole.Report))!.Status);
        http.Request.Headers.Authorization = new(["Bearer " + Token("Admin"), "Bearer " + Token("Admin")]);
        Assert.Equal(401, (await _gate.RefuseCallerAsync(http.Request, null, ApiRole.Report))!.Status);
    }

    [Fact]
    public async Task A_rotated_key_is_found_and_unknown_ones_do_not_make_it_ask_again_and_again()
    {
        var old = Token("Report");
        Assert.Equal(0, await StatusAsync(old));
        _entra.Rotate();
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((0, 2), (await StatusAsync(Token("Report")), _entra.KeyReads));
        Assert.Equal((401, 2), (await StatusAsync(old), _entra.KeyReads));
        for (var i = 0; i < 20; i++)
            Assert.Equal(401, await StatusAsync(_entra.Mint(_application.ToString(), (claims, header) => { Roles("Admin")(claims, header); header["kid"] = $"forged{i}"; })));
        Assert.Equal(2, _entra.KeyReads);
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal((401, 3), (await StatusAsync(old), _entra.KeyReads));
        Assert.Equal(0, await StatusAsync(Token("Report")));
    }

    [Fact]
    public async Task An_authority_that_is_away_lets_nobody_in_whom_it_did_not_vouch_for_lately()
    {
        _entra.IsDown = true;
        Assert.Equal(503, await StatusAsync(Token("Admin")));
        Assert.Equal(503, await StatusAsync(Token("Admin")));
        _entra.IsDown = false;
        _clock.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(0, await StatusAsync(Token("Report")));
        _entra.IsDown = true;
        _clock.Advance(TimeSpan.FromHours(13));
        Assert.Equal(0, await StatusAsync(Token("Report")));
        _clock.Advance(TimeSpan.FromHours(12));
        Assert.Equal(503, await StatusAsync(Token("Report")));
    }

    [Fact]
    public async Task Keys_of_an_authority_that_names_another_issuer_are_not_taken()
    {
        _entra.Issuer = "https://login.example/other/v2.0";
        Assert.Equal(503, await StatusAsync(Token("Admin"), ApiRole.Admin));
    }

    [Fact]
    public async Task Obvious_forgeries_ask_the_authority_nothing()
    {
        Assert.Equal(401, await StatusAsync(_entra.Mint(_application.ToString(), Roles("Admin", ("iss", "https://login.example/v2.0")))));
        Assert.Equal(401, await AskAsync(_gate, "Bearer " + new string('a', 20_000), ApiRole.Report));
        Assert.Equal(0, _entra.KeyReads);
    }

    [Fact]
    public async Task The_log_has_the_calling_application_and_never_the_token()
    {
        var log = new Lines();
        using var gate = Open(log);
        var token = Token("Admin");
        await AskAsync(gate, "Bearer " + token, ApiRole.Admin);
        Assert.Contains(_entra.ClientId, Assert.Single(log.Written), StringComparison.Ordinal);
        Assert.DoesNotContain(token.Split('.')[1], log.Written[0], StringComparison.Ordinal);
    }

    private EntraGate Open(ILogger<EntraGate> log) => new(new EntraSettings(Guid.Parse(_entra.TenantId), _application) { AuthorityHost = _entra.Authority }, _clock, log, LoopbackTrust.Handler(_entra.CaFile));

    private string Token(params string[] roles) => _entra.Mint(_application.ToString(), (claims, _) => claims["roles"] = new JsonArray([.. roles.Select(role => (JsonNode)role)]));

    private static Action<JsonObject, JsonObject> Roles(string role, params (string Claim, string Value)[] others) => (claims, _) =>
    {
        claims["roles"] = new JsonArray(role);
        foreach (var (claim, value) in others) claims[claim] = value;
    };

    private Task<int> StatusAsync(string token, ApiRole needed = ApiRole.Report) => AskAsync(_gate, "Bearer " + token, needed);

    /// <summary>0 when let in: there is no cluster here, which only those are told who are.</summary>
    private static async Task<int> AskAsync(EntraGate gate, string? header, ApiRole needed)
    {
        var http = new DefaultHttpContext();
        if (header is not null) http.Request.Headers.Authorization = header;
        var problem = (await gate.RefuseCallerAsync(http.Request, null, needed))!;
        Assert.NotNull(problem.Hint);
        return problem.Status == 404 ? 0 : problem.Status;
    }

    private sealed class Lines : ILogger<EntraGate>
    {
        public List<string> Written { get; } = [];

        public IDisposable? BeginScope<TState>(TState state) where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) => Written.Add(formatter(state, exception));
    }
}
