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

/// <summary>
/// What Entra ID, App Service's managed identities and a virtual machine's metadata service answer to who asks for a token, on loopback; over https, but the
/// metadata service, which knows http only. It hands out tokens only for its own tenant, client, secret, federated token, certificate or identity header.
/// Azurite takes them (--oauth basic looks at their claims, not at the signature).
/// </summary>
public sealed partial class EntraServer : IAsyncDisposable
{
    private readonly ScratchFolder _scratch = new("en");
    private readonly X509Certificate2 _certificate;
    private readonly TcpListener _listener = new(IPAddress.Loopback, 0), _metadata = new(IPAddress.Loopback, 0);
    private readonly CancellationTokenSource _stop = new();
    private readonly ConcurrentQueue<string> _answers = new();
    private readonly Lazy<RSA> _clientKey;
    private readonly Task _accepting;

    /// <summary>Starts it.</summary>
    public EntraServer()
    {
        var certificate = new LoopbackCertificate(_scratch.Path, "Holdfast test authority of tokens");
        CaFile = certificate.CaFile;
        _certificate = X509Certificate2.CreateFromPemFile(certificate.ServerFile, certificate.KeyFile);
        _clientKey = new Lazy<RSA>(MakeClientKey); // a tenth of a second that most tests need not
        _listener.Start();
        _metadata.Start();
        Authority = new Uri($"https://127.0.0.1:{((IPEndPoint)_listener.LocalEndpoint).Port}");
        MetadataService = new Uri($"http://127.0.0.1:{((IPEndPoint)_metadata.LocalEndpoint).Port}");
        _accepting = Task.WhenAll(
            Connections.ServeAsync(_listener, client => ServeAsync(client, ServeSecurelyAsync), _stop.Token),
            Connections.ServeAsync(_metadata, client => ServeAsync(client, stream => ServeAsync(stream, IsOfMachine)), _stop.Token));
    }

    /// <summary>The authority host.</summary>
    public Uri Authority { get; }

    /// <summary>Where a virtual machine's metadata service is, 169.254.169.254 in Azure.</summary>
    public Uri MetadataService { get; }

    /// <summary>App Service's endpoint for managed identities.</summary>
    public Uri IdentityEndpoint => new(Authority, "/msi/token");

    /// <summary>PEM file of the authority that signed the server's certificate.</summary>
    public string CaFile { get; }

    /// <summary>The only tenant.</summary>
    public string TenantId { get; } = Guid.NewGuid().ToString();

    /// <summary>The only client.</summary>
    public string ClientId { get; } = Guid.NewGuid().ToString();

    /// <summary>Its secret.</summary>
    public string Secret { get; } = $"secret-{Guid.NewGuid():N}";

    /// <summary>The token that its Kubernetes projects.</summary>
    public string FederatedToken { get; } = $"federated.{Guid.NewGuid():N}.token";

    /// <summary>What App Service gives its processes to prove that they are inside.</summary>
    public string IdentityHeader { get; } = Guid.NewGuid().ToString("N");

    /// <summary>The client's certificate and key.</summary>
    public string ClientCertificateFile
    {
        get
        {
            _ = _clientKey.Value;
            return _scratch["client.pem"];
        }
    }

    /// <summary>Whom the tokens are for; null: for the resource that was asked for.</summary>
    public string? Audience { get; set; }

    /// <summary>What tokens can be had for.</summary>
    public HashSet<string> Resources { get; } = ["https://storage.azure.com"];

    /// <summary>Applications that tokens can be had for, api://…, and the roles that the client has there.</summary>
    public ConcurrentDictionary<string, string[]> Applications { get; } = new();

    /// <summary>How each request was proven ("secret", "federated", "certificate", "managed", "machine", "refused"), in order.</summary>
    public IReadOnlyCollection<string> Answers => _answers;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        _listener.Dispose();
        _metadata.Dispose();
        await _accepting;
        _certificate.Dispose();
        if (_clientKey.IsValueCreated) _clientKey.Value.Dispose();
        _stop.Dispose();
        _scratch.Dispose();
    }

    private RSA MakeClientKey()
    {
        using var key = RSA.Create(2048);
        using var client = new CertificateRequest($"CN={ClientId}", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1)
            .CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        File.WriteAllText(_scratch["client.pem"], $"{client.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
        return client.GetRSAPublicKey()!;
    }

    private static async Task ServeAsync(TcpClient client, Func<Stream, Task> serve)
    {
        using var _ = client;
        try
        {
            await serve(client.GetStream());
        }
        catch (Exception e) when (e is IOException or OperationCanceledException or AuthenticationException)
        {
            // the client went away
        }
    }

    private async Task ServeSecurelyAsync(Stream plain)
    {
        await using var stream = new SslStream(plain);
        await stream.AuthenticateAsServerAsync(new SslServerAuthenticationOptions { ServerCertificate = _certificate }, _stop.Token);
        await ServeAsync(stream, ProofOf);
    }

    private async Task ServeAsync(Stream stream, Func<ProxiedRequest, string?> proofOf)
    {
        while (await ProxiedRequest.ReadAsync(stream, _stop.Token) is { } request)
        {
            if (Discovery(request) is { } found)
            {
                await stream.WriteAsync(found, _stop.Token);
                continue;
            }
            var resource = ResourceOf(request);
            var proof = resource is null || !Resources.Contains(resource) && !Applications.ContainsKey(resource) ? null : proofOf(request);
            _answers.Enqueue(proof ?? "refused");
            await stream.WriteAsync(proof is null ? Refusal() : Token(resource!, managed: proof is "managed" or "machine"), _stop.Token);
        }
    }

    // https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token, "Get a token using HTTP"
    private string? IsOfMachine(ProxiedRequest request)
    {
        var query = Fields(request.Query);
        return request.Method == "GET" && request.Path == "/metadata/identity/oauth2/token" && request.Header("Metadata") == "true" && query.ContainsKey("api-version")
            && query.GetValueOrDefault("client_id") == ClientId ? "machine" : null;
    }

    /// <summary>resource=… of a managed identity's request, scope=…/.default of the others.</summary>
    private static string? ResourceOf(ProxiedRequest request)
    {
        var fields = request.Method == "GET" ? Fields(request.Query) : Fields(Encoding.ASCII.GetString(request.Body));
        return fields.GetValueOrDefault("resource")?.TrimEnd('/')
            ?? fields.GetValueOrDefault("scope", "").Split(' ').FirstOrDefault(scope => scope.EndsWith("/.default", StringComparison.Ordinal))?[..^"/.default".Length];
    }

    private string? ProofOf(ProxiedRequest request)
    {
        if (request.Method == "GET" && request.Path == IdentityEndpoint.AbsolutePath)
        {
            var query = Fields(request.Query);
            return request.Header("X-IDENTITY-HEADER") == IdentityHeader && query.GetValueOrDefault("client_id") == ClientId ? "managed" : null;
        }
        if (request.Method != "POST" || request.Path != $"/{TenantId}/oauth2/v2.0/token") return null;
        var form = Fields(Encoding.ASCII.GetString(request.Body));
        if (form.GetValueOrDefault("client_id") != ClientId || form.GetValueOrDefault("grant_type") != "client_credentials") return null;
        if (form.GetValueOrDefault("client_secret") == Secret) return "secret";
        return form.GetValueOrDefault("client_assertion") switch
        {
            null => null,
            var token when token == FederatedToken => "federated",
            var token => IsSignedByClient(token) ? "certificate" : null,
        };
    }

    private bool IsSignedByClient(string token)
    {
        if (token.Split('.') is not [var header, var claims, var signature]) return false;
        return _clientKey.Value.VerifyData(Encoding.ASCII.GetBytes($"{header}.{claims}"), Base64Url.DecodeFromChars(signature), HashAlgorithmName.SHA256, RSASignaturePadding.Pss);
    }

    private static Dictionary<string, string> Fields(string text) => text.Split('&', StringSplitOptions.RemoveEmptyEntries).Select(field => field.Split('=', 2))
        .ToDictionary(parts => parts[0], parts => WebUtility.UrlDecode(parts[1]));

    private byte[] Token(string resource, bool managed)
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var unsigned = $$"""{"aud":"{{Audience ?? resource}}","iss":"https://sts.windows.net/{{TenantId}}/","iat":{{now - 60}},"nbf":{{now - 60}},"exp":{{now + 3600}},"appid":"{{ClientId}}"}""";
        var token = Applications.TryGetValue(resource, out var roles) ? Mint(resource, (claims, _) => claims["roles"] = new JsonArray([.. roles.Select(role => (JsonNode)role)])) : string.Join('.', new[] { """{"alg":"RS256","typ":"JWT"}""", unsigned, "nobody looks" }.Select(part => Base64Url.EncodeToString(Encoding.UTF8.GetBytes(part))));
        return Answer("200 OK", managed
            ? $$"""{"access_token":"{{token}}","expires_on":"{{now + 3600}}","resource":"{{resource}}","token_type":"Bearer","client_id":"{{ClientId}}"}"""
            : $$"""{"token_type":"Bearer","expires_in":3600,"ext_expires_in":3600,"access_token":"{{token}}"}""");
    }

    private static byte[] Refusal() => Answer("401 Unauthorized",
        JsonSerializer.Serialize(new Dictionary<string, string> { ["error"] = "invalid_client", ["error_description"] = "AADSTS7000215: Invalid client secret provided." }));

    private static byte[] Answer(string status, string json) => Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture,
        $"HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {json.Length}\r\n\r\n{json}"));
}
