using Azure.Core;
using Azure.Core.Pipeline;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// Azure.Core's bearer policy, asked by challenge: the first request to a vault goes without a token and without its body, the answer says for which
/// resource a token is wanted, and <see cref="VaultChallenge"/> judges that. Requests go to the configured vault only, whatever an answer says.
/// </summary>
internal sealed class VaultAuthentication(TokenCredential credential, Uri vault) : BearerTokenAuthenticationPolicy(credential, "https://vault.azure.net/.default")
{
    private static readonly Type BodyOf = typeof(VaultAuthentication);

    private volatile string? _scope;

    /// <inheritdoc/>
    protected override void AuthorizeRequest(HttpMessage message)
    {
        if (Scope(message) is { } scope) AuthenticateAndAuthorizeRequest(message, scope);
    }

    /// <inheritdoc/>
    protected override ValueTask AuthorizeRequestAsync(HttpMessage message) =>
        Scope(message) is { } scope ? AuthenticateAndAuthorizeRequestAsync(message, scope) : ValueTask.CompletedTask;

    /// <inheritdoc/>
    protected override bool AuthorizeRequestOnChallenge(HttpMessage message)
    {
        if (Answer(message) is not { } scope) return false;
        AuthenticateAndAuthorizeRequest(message, scope);
        return true;
    }

    /// <inheritdoc/>
    protected override async ValueTask<bool> AuthorizeRequestOnChallengeAsync(HttpMessage message)
    {
        if (Answer(message) is not { } scope) return false;
        await AuthenticateAndAuthorizeRequestAsync(message, scope).ConfigureAwait(false);
        return true;
    }

    /// <summary>Whom a token is for; null before the first challenge, and then what the request says is kept back.</summary>
    private TokenRequestContext? Scope(HttpMessage message)
    {
        var url = message.Request.Uri.ToUri();
        if (url.Host != vault.Host || url.Port != vault.Port) throw new InvalidOperationException("a request that is not for the vault");
        if (_scope is { } scope) return new TokenRequestContext([scope], message.Request.ClientRequestId);
        message.SetProperty(BodyOf, message.Request.Content!);
        message.Request.Content = null;
        return null;
    }

    /// <summary>Whom a token is to be got for; null when the answer stands: a token was sent already, and is not enough.</summary>
    private TokenRequestContext? Answer(HttpMessage message)
    {
        if (message.Request.Headers.Contains(HttpHeader.Names.Authorization)) return null;
        message.Response.Headers.TryGetValue(HttpHeader.Names.WwwAuthenticate, out var header);
        _scope = VaultChallenge.ScopeOf(header ?? "", vault, out var resource) ?? throw Foreign(resource);
        if (message.TryGetProperty(BodyOf, out var body)) message.Request.Content = (RequestContent?)body;
        message.Response.ContentStream?.Dispose();
        return new TokenRequestContext([_scope], message.Request.ClientRequestId);
    }

    private KeyVaultException Foreign(string? resource) => new(
        $"{vault.GetLeftPart(UriPartial.Authority)} asks for a token for {resource ?? "nothing that can be understood"}, and is not within that domain: none was sent",
        "is the vault's name right, and does nothing between this host and the vault answer in its place? The resource of a vault in Azure's public cloud is https://vault.azure.net", KeyVaultRefusal.ForeignChallenge, 401);
}
