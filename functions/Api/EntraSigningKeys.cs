using Holdfast.Core;
using Microsoft.IdentityModel.Protocols;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Holdfast.Functions.Api;

/// <summary>
/// The keys that a tenant signs tokens with, found by the authority's OpenID Connect metadata. Kept for half a day, and for a day when the authority is away;
/// asked again when a token names a key that is not among them, at most once a minute, so that forged tokens cost the authority nothing.
/// </summary>
/// <param name="authority">The tenant's authority: <c>https://login.microsoftonline.com/TENANT/v2.0</c>.</param>
/// <param name="http">Asks it; bounds the length of answers.</param>
/// <param name="clock">The clock.</param>
internal sealed class EntraSigningKeys(Uri authority, HttpClient http, TimeProvider clock) : IDisposable
{
    private static readonly TimeSpan Fresh = TimeSpan.FromHours(12), Usable = TimeSpan.FromHours(24), Floor = TimeSpan.FromMinutes(1), Patience = TimeSpan.FromSeconds(10);

    private readonly OpenIdConnectConfigurationRetriever _retriever = new();
    private readonly SemaphoreSlim _gate = new(1);
    private (IReadOnlyList<SecurityKey> Keys, DateTimeOffset At)? _known;
    private (DateTimeOffset At, bool Failed)? _asked;

    /// <summary>The key of that id; null when the tenant has none.</summary>
    /// <exception cref="StoreException">The authority cannot be asked.</exception>
    public async Task<SecurityKey?> FindAsync(string id, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken);
        try
        {
            var now = clock.GetUtcNow();
            if (AgeAt(now) < Fresh && Known(id) is { } fresh) return fresh;
            if (_asked is not { } last || now - last.At >= Floor || now < last.At) await AskAsync(now);
            if (AgeAt(now) < Usable && Known(id) is { } known) return known;
            return _asked!.Value.Failed ? throw new StoreException("the authority that signs tokens cannot be asked for its keys", $"is {authority.Host} reached from the app's network?") : null;
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _gate.Dispose();

    private SecurityKey? Known(string id) => _known?.Keys.FirstOrDefault(key => key.KeyId == id);

    private TimeSpan AgeAt(DateTimeOffset now) => _known is { } known && now >= known.At ? now - known.At : TimeSpan.MaxValue;

    // Not by the caller's token: others wait for the same answer.
    private async Task AskAsync(DateTimeOffset now)
    {
        _asked = (now, true);
        try
        {
            using var patience = new CancellationTokenSource(Patience);
            var documents = new HttpDocumentRetriever(http) { RequireHttps = true };
            var found = await ((IConfigurationRetriever<OpenIdConnectConfiguration>)_retriever).GetConfigurationAsync($"{authority.AbsoluteUri.TrimEnd('/')}/.well-known/openid-configuration", documents, patience.Token);
            if (found.Issuer != authority.AbsoluteUri.TrimEnd('/')) return;
            _known = ([.. found.SigningKeys], now);
            _asked = (now, false);
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException or ArgumentException or InvalidOperationException or System.Text.Json.JsonException)
        {
            // It stays failed: whether a token is good cannot be told.
        }
    }
}
