using System.Buffers.Text;
using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Holdfast.Tests.Fixtures;

/// <summary>A version of a key in <see cref="KeyVaultServer"/>.</summary>
public sealed class VaultedKey(AsymmetricAlgorithm key, DateTimeOffset created)
{
    /// <summary>32 hexadecimal digits.</summary>
    public string Version { get; } = Guid.NewGuid().ToString("N");

    /// <summary>RSA or ECDSA.</summary>
    public AsymmetricAlgorithm Key => key;

    /// <summary>When it was made; the latest is the current one.</summary>
    public DateTimeOffset Created => created;

    /// <summary>attributes.enabled</summary>
    public bool Enabled { get; set; } = true;

    /// <summary>attributes.nbf</summary>
    public DateTimeOffset? NotBefore { get; set; }

    /// <summary>attributes.exp</summary>
    public DateTimeOffset? Expires { get; set; }
}

/// <summary>
/// A vault as the REST reference describes it, over https on loopback: challenge, tokens of <see cref="EntraServer"/>, keys with versions, paging,
/// attributes, throttling by transactions in 10 seconds, soft delete. Private halves never leave it.
/// </summary>
public sealed class KeyVaultServer : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("kv");
    private readonly X509Certificate2 _certificate;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentDictionary<string, List<VaultedKey>> _keys = new(StringComparer.OrdinalIgnoreCase);
    private readonly ConcurrentQueue<ProxiedRequest> _requests = new();
    private readonly Queue<DateTimeOffset> _transactions = new();
    private readonly EntraServer _entra;
    private readonly TimeProvider _time;
    private readonly Task _accepting;

    /// <summary>Starts it.</summary>
    /// <param name="entra">Whose tokens it takes.</param>
    /// <param name="time">For validity and limits; null for the system's.</param>
    public KeyVaultServer(EntraServer entra, TimeProvider? time = null)
    {
        (_entra, _time) = (entra, time ?? TimeProvider.System);
        var certificate = new LoopbackCertificate(_scratch.Path, "Holdfast test authority of vaults");
        CaFile = certificate.CaFile;
        _certificate = X509Certificate2.CreateFromPemFile(certificate.ServerFile, certificate.KeyFile);
        _listener.Start();
        Address = new Uri($"https://localhost:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        entra.Resources.Add(Resource);
        _accepting = Connections.ServeAsync(_listener, ServeAsync, _stop.Token);
    }

    /// <summary>The vault's address.</summary>
    public Uri Address { get; }

    /// <summary>PEM file of the authority that signed the server's certificate.</summary>
    public string CaFile { get; }

    /// <summary>Whom tokens must be for.</summary>
    public string Resource { get; } = "https://localhost";

    /// <summary>What the challenge names; null: <see cref="Resource"/>.</summary>
    public string? ChallengedResource { get; set; }

    /// <summary>Operations that the caller has no role for: get, list, wrapKey, unwrapKey, sign.</summary>
    public HashSet<string> Denied { get; } = [];

    /// <summary>Versions in a page, at most 25.</summary>
    public int PageSize { get; set; } = 25;

    /// <summary>Whether a disabled version keeps even its public half to itself.</summary>
    public bool HidesDisabled { get; set; } = true;

    /// <summary>Transactions in 10 seconds: 500 of a 3072-bit HSM key (learn.microsoft.com/azure/key-vault/general/service-limits).</summary>
    public int Limit { get; set; } = 500;

    /// <summary>Answers in the vault's place when it returns something; asked after the token was found good.</summary>
    public Func<ProxiedRequest, string?> Instead { get; set; } = _ => null;

    /// <summary>Every request that came, in order.</summary>
    public IReadOnlyCollection<ProxiedRequest> Requests => _requests;

    /// <summary>Keys that were deleted and can be recovered.</summary>
    public HashSet<string> Deleted { get; } = new(StringComparer.OrdinalIgnoreCase);

    /// <summary>The address of a key, or of a version.</summary>
    public string IdOf(string name, VaultedKey? version = null) => $"{Address.GetLeftPart(UriPartial.Authority)}/keys/{name}{(version is null ? "" : "/" + version.Version)}";

    /// <summary>Adds a version, the newest from now on.</summary>
    public VaultedKey Add(string name, AsymmetricAlgorithm key)
    {
        var versions = _keys.GetOrAdd(name, _ => []);
        lock (versions)
        {
            var added = new VaultedKey(key, _time.GetUtcNow().AddDays(-100).AddDays(versions.Count));
            versions.Add(added);
            return added;
        }
    }

    /// <summary>The newest version.</summary>
    public VaultedKey Current(string name) => VersionsOf(name)![^1];

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        if (_stop.IsCancellationRequested) return;
        await _stop.CancelAsync();
        _listener.Dispose();
        await _accepting;
        _certificate.Dispose();
        _stop.Dispose();
        _scratch.Dispose();
    }

    private async Task ServeAsync(TcpClient client)
    {
        using var _ = client;
        try
        {
            await using var stream = new SslStream(client.GetStream());
            await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
            while (await ProxiedRequest.ReadAsync(stream, _stop.Token) is { } request)
            {
                _requests.Enqueue(request);
                await stream.WriteAsync(Encoding.UTF8.GetBytes(Answer(request)), _stop.Token);
            }
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or AuthenticationException)
        {
            // the client went away
        }
    }

    private string Answer(ProxiedRequest request)
    {
        if (!IsAuthenticated(request))
            return Http("401 Unauthorized", Error("Unauthorized", "AKV10000: Request is missing a Bearer or PoP token."),
                $"WWW-Authenticate: Bearer authorization=\"{_entra.Authority.GetLeftPart(UriPartial.Authority)}/{_entra.TenantId}\", resource=\"{ChallengedResource ?? Resource}\"\r\n");
        if (Instead(request) is { } other) return other;
        if (!request.Query.Split('&').Any(part => part.StartsWith("api-version=7.", StringComparison.Ordinal))) return Refuse("400 Bad Request", "BadParameter");
        if (Wait() is { } seconds)
            return Http("429 Too Many Requests", Error("Throttled", "Request was not processed because too many requests were received."), string.Create(CultureInfo.InvariantCulture, $"Retry-After: {seconds}\r\n"));
        var parts = request.Path.Trim('/').Split('/');
        return (request.Method, parts) switch
        {
            ("GET", ["keys", var name, "versions"]) => Allowed("list") ? List(request, name) : NotAllowed(),
            ("GET", ["keys", var name]) => Allowed("get") ? Get(name, null) : NotAllowed(),
            ("GET", ["keys", var name, var version]) => Allowed("get") ? Get(name, version) : NotAllowed(),
            ("POST", ["keys", var name, var version, "wrapkey"]) => Allowed("wrapKey") ? Operate(request, name, version, "wrapKey") : NotAllowed(),
            ("POST", ["keys", var name, var version, "unwrapkey"]) => Allowed("unwrapKey") ? Operate(request, name, version, "unwrapKey") : NotAllowed(),
            ("POST", ["keys", var name, var version, "sign"]) => Allowed("sign") ? Operate(request, name, version, "sign") : NotAllowed(),
            _ => Refuse("404 Not Found", "NotFound"),
        };

        bool Allowed(string operation) => !Denied.Contains(operation);
        static string NotAllowed() => Refuse("403 Forbidden", "Forbidden", "ForbiddenByRbac");
    }

    private bool IsAuthenticated(ProxiedRequest request)
    {
        if (request.Header("Authorization")?.Split(' ') is not ["Bearer", var token] || token.Split('.') is not [_, var claims, _]) return false;
        var said = JsonNode.Parse(Base64Url.DecodeFromChars(claims))!;
        return said["aud"]!.GetValue<string>() == Resource && said["appid"]!.GetValue<string>() == _entra.ClientId;
    }

    /// <summary>Counts a transaction; the seconds to wait when there were too many.</summary>
    private int? Wait()
    {
        lock (_transactions)
        {
            var now = _time.GetUtcNow();
            while (_transactions.TryPeek(out var first) && now - first >= TimeSpan.FromSeconds(10)) _transactions.Dequeue();
            if (_transactions.Count >= Limit) return (int)Math.Ceiling((TimeSpan.FromSeconds(10) - (now - _transactions.Peek())).TotalSeconds);
            _transactions.Enqueue(now);
            return null;
        }
    }

    private IReadOnlyList<VaultedKey>? VersionsOf(string name)
    {
        if (Deleted.Contains(name) || !_keys.TryGetValue(name, out var versions)) return null;
        lock (versions) return [.. versions];
    }

    private string List(ProxiedRequest request, string name)
    {
        if (VersionsOf(name) is not { } versions) return Missing();
        var from = request.Query.Split('&').FirstOrDefault(part => part.StartsWith("$skiptoken=", StringComparison.Ordinal)) is { } token ? int.Parse(token["$skiptoken=".Length..], CultureInfo.InvariantCulture) : 0;
        var page = versions.Skip(from).Take(PageSize).Select(version => (JsonNode)new JsonObject { ["kid"] = IdOf(name, version), ["attributes"] = Attributes(version) }).ToArray();
        var more = from + page.Length < versions.Count;
        return Ok(new JsonObject
        {
            ["value"] = new JsonArray(page),
            ["nextLink"] = more ? string.Create(CultureInfo.InvariantCulture, $"{IdOf(name)}/versions?api-version=7.2&$skiptoken={from + page.Length}&maxresults={PageSize}") : null,
        });
    }

    private string Get(string name, string? version)
    {
        if (VersionsOf(name) is not { } versions || (version is null ? versions[^1] : versions.FirstOrDefault(one => one.Version == version)) is not { } found) return Missing();
        if (!found.Enabled && HidesDisabled) return Refuse("403 Forbidden", "Forbidden", "KeyDisabled");
        return Ok(new JsonObject { ["key"] = PublicHalf(name, found), ["attributes"] = Attributes(found) });
    }

    private string Operate(ProxiedRequest request, string name, string version, string operation)
    {
        if (VersionsOf(name)?.FirstOrDefault(one => one.Version == version) is not { } key) return Missing();
        if (!key.Enabled) return Refuse("403 Forbidden", "Forbidden", "KeyDisabled");
        // learn.microsoft.com/azure/key-vault/keys/about-keys-details: outside its validity a key still decrypts, unwraps and verifies.
        var now = _time.GetUtcNow();
        if (operation != "unwrapKey" && key.NotBefore > now) return Refuse("403 Forbidden", "Forbidden", "KeyNotYetValid");
        if (operation != "unwrapKey" && key.Expires <= now) return Refuse("403 Forbidden", "Forbidden", "KeyExpired");
        var body = JsonNode.Parse(request.Body)!;
        var (algorithm, value) = (body["alg"]!.GetValue<string>(), Base64Url.DecodeFromChars(body["value"]!.GetValue<string>()));
        try
        {
            var result = (operation, algorithm, key.Key) switch
            {
                ("wrapKey", "RSA-OAEP-256", RSA rsa) => rsa.Encrypt(value, RSAEncryptionPadding.OaepSHA256),
                ("unwrapKey", "RSA-OAEP-256", RSA rsa) => rsa.Decrypt(value, RSAEncryptionPadding.OaepSHA256),
                ("sign", "ES256", ECDsa ec) when value.Length == 32 => ec.SignHash(value, DSASignatureFormat.IeeeP1363FixedFieldConcatenation),
                _ => throw new CryptographicException("no such operation"),
            };
            return Ok(new JsonObject { ["kid"] = IdOf(name, key), ["value"] = Base64Url.EncodeToString(result) });
        }
        catch (CryptographicException)
        {
            return Refuse("400 Bad Request", "BadParameter");
        }
    }

    private JsonObject PublicHalf(string name, VaultedKey version)
    {
        var half = new JsonObject { ["kid"] = IdOf(name, version) };
        if (version.Key is RSA rsa)
        {
            var parameters = rsa.ExportParameters(includePrivateParameters: false);
            (half["kty"], half["n"], half["e"]) = ("RSA-HSM", Base64Url.EncodeToString(parameters.Modulus), Base64Url.EncodeToString(parameters.Exponent));
            half["key_ops"] = new JsonArray("wrapKey", "unwrapKey");
            return half;
        }
        var q = ((ECDsa)version.Key).ExportParameters(includePrivateParameters: false).Q;
        (half["kty"], half["crv"], half["x"], half["y"]) = ("EC-HSM", "P-256", Base64Url.EncodeToString(q.X), Base64Url.EncodeToString(q.Y));
        half["key_ops"] = new JsonArray("sign", "verify");
        return half;
    }

    private static JsonObject Attributes(VaultedKey version)
    {
        var attributes = new JsonObject { ["enabled"] = version.Enabled, ["created"] = version.Created.ToUnixTimeSeconds(), ["updated"] = version.Created.ToUnixTimeSeconds(), ["recoveryLevel"] = "Recoverable" };
        if (version.NotBefore is { } from) attributes["nbf"] = from.ToUnixTimeSeconds();
        if (version.Expires is { } until) attributes["exp"] = until.ToUnixTimeSeconds();
        return attributes;
    }

    private static string Missing() => Refuse("404 Not Found", "KeyNotFound");

    private static string Refuse(string status, string code, string? inner = null) => Http(status, Error(code, "a message with eyJ0b2tlbiI6InNlY3JldCJ9 in it, which must not go further", inner));

    private static string Error(string code, string message, string? inner = null)
    {
        var error = new JsonObject { ["code"] = code, ["message"] = message };
        if (inner is not null) error["innererror"] = new JsonObject { ["code"] = inner };
        return new JsonObject { ["error"] = error }.ToJsonString();
    }

    private static string Ok(JsonObject body) => Http("200 OK", body.ToJsonString());

    /// <summary>An answer as it goes over the wire.</summary>
    public static string Http(string status, string body, string headers = "") => string.Create(CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status}\r\nContent-Type: application/json; charset=utf-8\r\nx-ms-keyvault-service-version: 1.9\r\n{headers}Content-Length: {Encoding.UTF8.GetByteCount(body)}\r\n\r\n{body}");
}
