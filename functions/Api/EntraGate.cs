using Holdfast.Core;
using Holdfast.Core.Api;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Functions.Api;

/// <summary>Whose tokens are taken, and for whom they must be.</summary>
/// <param name="TenantId">The one tenant.</param>
/// <param name="ClientId">The application that the HTTP interface is.</param>
public sealed record EntraSettings(Guid TenantId, Guid ClientId)
{
    /// <summary>Where tokens come from; sovereign clouds have another.</summary>
    public Uri AuthorityHost { get; init; } = new("https://login.microsoftonline.com/");

    /// <summary>The tenant's authority, and the issuer of its tokens.</summary>
    public Uri Authority => new(AuthorityHost, $"{TenantId}/v2.0");
}

/// <summary>
/// Lets in who brings a token of the tenant, made for this application, that carries an app role (design §9). The token is judged here, whatever stands before this
/// server: function keys, headers and cookies of App Service say nothing to it. Roles are the application's: they hold for all its clusters.
/// </summary>
public sealed partial class EntraGate : IApiGate, IDisposable
{
    private const string Scheme = "Bearer ";

    /// <summary>App Service passes 16 KiB of headers on; Entra's own tokens have some 2.</summary>
    private const int MaxToken = 16 << 10;

    private static readonly TimeSpan ClockSkew = TimeSpan.FromMinutes(2);

    private readonly JsonWebTokenHandler _handler = new() { MaximumTokenSizeInBytes = MaxToken, MapInboundClaims = false };
    private readonly EntraSettings _settings;
    private readonly EntraSigningKeys _keys;
    private readonly HttpClient _http;
    private readonly ILogger<EntraGate> _log;

    /// <summary>Asks nobody before the first call comes.</summary>
    /// <param name="settings">Whose tokens are taken.</param>
    /// <param name="clock">For how long keys are kept.</param>
    /// <param name="log">Told who called; never the token.</param>
    /// <param name="handler">How the authority is asked; null: as anybody is.</param>
    public EntraGate(EntraSettings settings, TimeProvider clock, ILogger<EntraGate> log, HttpMessageHandler? handler = null)
    {
        (_settings, _log) = (settings, log);
        _http = new HttpClient(handler ?? new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false }) { MaxResponseContentBufferSize = 256 << 10 };
        _keys = new EntraSigningKeys(settings.Authority, _http, clock);
    }

    /// <summary>Nothing is done by virtue of a cookie, so it does not matter whose page asks.</summary>
    public ApiProblem? RefuseOrigin(HttpRequest request) => null;

    /// <summary>Its words name clusters and addresses.</summary>
    public bool TellsHealthToAnybody => false;

    /// <inheritdoc/>
    public async ValueTask<ApiProblem?> RefuseCallerAsync(HttpRequest request, ControlledCluster? cluster, ApiRole needed)
    {
        try
        {
            var header = request.Headers.Authorization;
            if (header.Count != 1 || header[0] is not { } text || !text.StartsWith(Scheme, StringComparison.OrdinalIgnoreCase)) return Unknown("found none");
            var (token, reason) = await JudgeAsync(text[Scheme.Length..].Trim(), request.HttpContext.RequestAborted);
            if (token is null) return Unknown(reason);
            var roles = RolesOf(token);
            LogCaller(CallerOf(token), roles);
            if (roles == ApiRole.None || (roles & needed) == 0)
                return new ApiProblem("Not with this role", StatusCodes.Status403Forbidden, $"this needs the app role {needed}, which the token does not carry", "have it assigned to you, or to the program, in Entra's enterprise application", "unauthorized");
            return cluster is not null ? null : new ApiProblem("Not there", StatusCodes.Status404NotFound, "this control plane serves no such cluster", "it serves those whose controlPlaneKey the deployment knows", "missing");
        }
        catch (StoreException e)
        {
            return new ApiProblem("It cannot be told who you are", StatusCodes.Status503ServiceUnavailable, e.Message, e.Hint, "store");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _keys.Dispose();
        _http.Dispose();
    }

    private async Task<(JsonWebToken? Token, string Reason)> JudgeAsync(string text, CancellationToken cancellationToken)
    {
        if (text.Length > MaxToken || !_handler.CanReadToken(text)) return (null, "found something else");
        JsonWebToken token;
        try { token = _handler.ReadJsonWebToken(text); }
        catch (ArgumentException) { return (null, "found something else"); }
        if (token.Alg != SecurityAlgorithms.RsaSha256 || string.IsNullOrEmpty(token.Kid)) return (null, "found one that is not signed as Entra signs");
        // Whom it is said to be for and from is looked at first: what is obviously not ours asks the authority nothing.
        if (!Issuers.Contains(token.Issuer)) return (null, "found one of another issuer");
        if (await _keys.FindAsync(token.Kid, cancellationToken) is not { } key) return (null, "found one whose key the tenant does not have");
        var judged = await _handler.ValidateTokenAsync(text, Parameters(key));
        if (!judged.IsValid) return (null, ReasonOf(judged.Exception));
        return judged.SecurityToken is JsonWebToken good && good.TryGetPayloadValue<string>("tid", out var tenant) && Guid.TryParse(tenant, out var id) && id == _settings.TenantId
            ? (good, "") : (null, "found one of another tenant");
    }

    private string[] Issuers => [_settings.Authority.AbsoluteUri, $"https://sts.windows.net/{_settings.TenantId}/"];

    private TokenValidationParameters Parameters(SecurityKey key) => new()
    {
        ValidAlgorithms = [SecurityAlgorithms.RsaSha256],
        IssuerSigningKey = key,
        TryAllIssuerSigningKeys = false,
        ValidateIssuerSigningKey = true,
        RequireSignedTokens = true,
        ValidIssuers = Issuers,
        ValidAudiences = [_settings.ClientId.ToString(), $"api://{_settings.ClientId}"],
        RequireExpirationTime = true,
        ClockSkew = ClockSkew,
    };

    private static ApiRole RolesOf(JsonWebToken token)
    {
        var roles = ApiRole.None;
        foreach (var role in token.Claims.Where(claim => claim.Type == "roles"))
            roles |= role.Value switch
            {
                nameof(ApiRole.Report) => ApiRole.Report,
                nameof(ApiRole.Operator) => ApiRole.Operator,
                nameof(ApiRole.Recover) => ApiRole.Recover,
                nameof(ApiRole.Admin) => ApiRole.Admin,
                _ => ApiRole.None,
            };
        return roles;
    }

    // azp in tokens of version 2, appid in those of version 1: the program that was given the token.
    private static Guid CallerOf(JsonWebToken token) =>
        token.Claims.FirstOrDefault(claim => claim.Type is "azp" or "appid") is { } claim && Guid.TryParse(claim.Value, out var id) ? id : Guid.Empty;

    private static string ReasonOf(Exception? refused) => refused switch
    {
        SecurityTokenExpiredException or SecurityTokenNoExpirationException => "found one that has expired",
        SecurityTokenNotYetValidException => "found one that is not valid yet",
        SecurityTokenInvalidAudienceException => "found one for another application",
        _ => "found one that is not good",
    };

    private ApiProblem Unknown(string found) => new("Who are you?", StatusCodes.Status401Unauthorized, $"expected a bearer token of this tenant for api://{_settings.ClientId}, {found}",
        $"az account get-access-token --resource api://{_settings.ClientId}", "unauthorized");

    [LoggerMessage(102, LogLevel.Information, "a call of application {Caller} with the roles {Roles}")]
    private partial void LogCaller(Guid caller, ApiRole roles);
}
