using System.Buffers.Text;
using System.Security.Cryptography;
using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>
/// One vault over its REST interface: public keys, versions, wrap, unwrap, sign (learn.microsoft.com/rest/api/keyvault/keys). What it answers is held
/// against what was asked: another key's answer is an error. Safe to use from several threads.
/// </summary>
public sealed class KeyVaultClient
{
    /// <summary>As many as a listing is followed for; a vault keeps more, a cluster does not need them.</summary>
    public const int MaxVersions = 1000;

    // A page has up to 25, and may have none and still go on.
    private const int MaxPages = 200;

    private readonly VaultPipeline _pipeline;
    private readonly Uri _vault;

    internal KeyVaultClient(Uri vault, TokenCredential credential, HttpPipelineTransport transport, StoreCalls calls) =>
        (_vault, _pipeline) = (vault, new VaultPipeline(vault, credential, transport, calls));

    /// <summary>The public half of a version, or of the current one.</summary>
    /// <returns>Null when it is no key that Holdfast has a use for.</returns>
    /// <exception cref="KeyVaultException">Refused, unreachable or not understood.</exception>
    public async Task<VaultKey?> GetAsync(KeyVaultKeyId key, CancellationToken cancellationToken)
    {
        var call = Call("get", key);
        var body = await _pipeline.GetAsync(call, key, $"keys/{key.Label}", VaultJson.Default.VaultKeyBody, cancellationToken).ConfigureAwait(false);
        var id = Identify(call, key, body.Key?.Kid);
        return VaultKey.Of(id, body);
    }

    /// <summary>All versions of a key, in no order.</summary>
    /// <exception cref="KeyVaultException">Refused, unreachable or not understood.</exception>
    public async Task<IReadOnlyList<VaultKeyVersion>> ListVersionsAsync(KeyVaultKeyId key, CancellationToken cancellationToken)
    {
        var (call, versions) = (Call("list the versions of", key with { Version = null }), new List<VaultKeyVersion>());
        var next = $"keys/{key.Name}/versions";
        for (var pages = 1; next is not null; pages++)
        {
            var page = await _pipeline.GetAsync(call, key, next, VaultJson.Default.VaultPageBody, cancellationToken).ConfigureAwait(false);
            versions.AddRange((page.Value ?? []).Select(version => VaultKeyVersion.Of(Identify(call, key with { Version = null }, version.Kid), version.Attributes)));
            if (versions.Count > MaxVersions || pages > MaxPages)
                throw VaultRefusals.NotUnderstood(call, $"the listing has more than {MaxVersions} versions, or does not end");
            next = page.NextLink is null or "" ? null : Next(call, key, page.NextLink);
        }
        return versions;
    }

    /// <summary>Wraps with RSA-OAEP-256.</summary>
    /// <inheritdoc cref="UnwrapAsync"/>
    public Task<byte[]> WrapAsync(KeyVaultKeyId version, ReadOnlyMemory<byte> key, CancellationToken cancellationToken) =>
        OperateAsync("wrap", version, "wrapkey", SealingRun.RsaOaep256, key, cancellationToken);

    /// <summary>Unwraps with RSA-OAEP-256.</summary>
    /// <exception cref="KeyVaultException">Refused, unreachable or not understood.</exception>
    /// <exception cref="CryptographicException">The vault says that it is nothing that this version wrapped.</exception>
    public async Task<byte[]> UnwrapAsync(KeyVaultKeyId version, ReadOnlyMemory<byte> wrapped, CancellationToken cancellationToken)
    {
        try { return await OperateAsync("unwrap", version, "unwrapkey", SealingRun.RsaOaep256, wrapped, cancellationToken).ConfigureAwait(false); }
        catch (KeyVaultException e) when (e.Refusal == KeyVaultRefusal.BadRequest) { throw new CryptographicException(e.Message, e); }
    }

    /// <summary>Signs a SHA-256 digest with ES256.</summary>
    /// <returns>64 bytes: r and s, each 32, big-endian, which is JWA's form and Holdfast's.</returns>
    /// <inheritdoc cref="UnwrapAsync"/>
    public Task<byte[]> SignAsync(KeyVaultKeyId version, ReadOnlyMemory<byte> sha256, CancellationToken cancellationToken) =>
        OperateAsync("sign", version, "sign", "ES256", sha256, cancellationToken);

    private async Task<byte[]> OperateAsync(string verb, KeyVaultKeyId version, string operation, string algorithm, ReadOnlyMemory<byte> value, CancellationToken cancellationToken)
    {
        if (version.Version is null) throw new ArgumentException("an operation is one version's", nameof(version));
        var call = Call($"{verb} with", version);
        var body = new VaultOperationBody(algorithm, Base64Url.EncodeToString(value.Span));
        var answer = await _pipeline.PostAsync(call, version, $"keys/{version.Label}/{operation}", body, VaultJson.Default.VaultResultBody, cancellationToken).ConfigureAwait(false);
        if (!Identify(call, version, answer.Kid).IsSameVersion(version)) throw VaultRefusals.NotUnderstood(call, "an answer about another version");
        try { return Base64Url.DecodeFromChars(answer.Value ?? ""); }
        catch (FormatException) { throw VaultRefusals.NotUnderstood(call, "a result that is not base64url"); }
    }

    private static KeyVaultKeyId Identify(StoreCall call, KeyVaultKeyId asked, string? kid) =>
        kid is not null && KeyVaultKeyId.TryParse(kid, out var id) && id.Version is not null && id.IsSameKey(asked) && (asked.Version is null || id.IsSameVersion(asked))
            ? id
            : throw VaultRefusals.NotUnderstood(call, "an answer about another key");

    /// <summary>What a listing goes on with: only ever the same key's, in the same vault. It carries a version of the interface of its own.</summary>
    private string Next(StoreCall call, KeyVaultKeyId key, string link)
    {
        var isOurs = Uri.TryCreate(link, UriKind.Absolute, out var url) && url.Scheme == Uri.UriSchemeHttps && url.Port == _vault.Port && url.UserInfo.Length == 0
            && url.Host.Equals(_vault.Host, StringComparison.OrdinalIgnoreCase) && url.AbsolutePath.Equals($"/keys/{key.Name}/versions", StringComparison.OrdinalIgnoreCase);
        if (!isOurs) throw VaultRefusals.NotUnderstood(call, "a listing that goes on elsewhere");
        var query = url!.Query.TrimStart('?').Split('&').Where(part => !part.StartsWith("api-version=", StringComparison.OrdinalIgnoreCase) && part.Length > 0);
        return $"keys/{key.Name}/versions?{string.Join('&', query)}";
    }

    private StoreCall Call(string verb, KeyVaultKeyId key) => new(verb, _vault.GetLeftPart(UriPartial.Authority), key.Label);
}
