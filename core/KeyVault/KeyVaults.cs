using System.Collections.Concurrent;
using Azure.Core;
using Azure.Core.Pipeline;
using Holdfast.Core.Repository;
using Holdfast.Core.Sealing;

namespace Holdfast.Core.KeyVault;

/// <summary>As whom and how vaults are asked; filled from the configuration.</summary>
public sealed record KeyVaultSettings
{
    /// <summary>An identity: vaults take neither keys nor SAS.</summary>
    public required StoreCredential Credential { get; init; }

    /// <inheritdoc cref="StoreSettings.AuthorityHost"/>
    public Uri? AuthorityHost { get; init; }

    /// <inheritdoc cref="StoreSettings.CaFile"/>
    public string? CaFile { get; init; }

    /// <summary>Time limits and retries.</summary>
    public StoreCallOptions Calls { get; init; } = new();
}

/// <summary>The vaults of a configuration, asked with one identity over one pool of connections. Opening makes no request.</summary>
public sealed class KeyVaults : IDisposable
{
    private readonly HttpClient _http;
    private readonly HttpPipelineTransport _transport;
    private readonly TokenCredential _credential;
    private readonly StoreCalls _calls;
    private readonly TimeProvider? _time;
    private readonly ConcurrentDictionary<Uri, KeyVaultClient> _clients = new();

    private KeyVaults(KeyVaultSettings settings, StoreCalls calls, TimeProvider? time)
    {
        (_calls, _time) = (calls, time);
        _http = StoreTransport.CreateClient(settings.CaFile);
        _transport = new HttpClientTransport(_http);
        try
        {
            _credential = StoreIdentity.Of(settings.Credential, settings.AuthorityHost, _transport)
                ?? throw new ConfigurationException($"Key Vault takes an identity, not a {settings.Credential}", "set key-vault-auth=managed, workload or service-principal");
        }
        catch (Exception e) when (e is FormatException or ArgumentException or InvalidOperationException)
        {
            throw new ConfigurationException($"the vaults' {settings.Credential} is malformed ({e.GetType().Name})", "copy it again, whole and without quotes");
        }
    }

    /// <summary>Opens them.</summary>
    /// <param name="settings">As whom and how.</param>
    /// <param name="observe">Told after each call; must not throw.</param>
    /// <exception cref="ConfigurationException">Something in the settings is wrong.</exception>
    public static KeyVaults Open(KeyVaultSettings settings, Action<StoreCallReport>? observe = null) =>
        new(settings, new StoreCalls(settings.Calls, observe: observe) { Service = RemoteService.Vault }, null);

    /// <summary>As the public one, with a funnel and a clock of the test's own.</summary>
    internal static KeyVaults Open(KeyVaultSettings settings, StoreCalls calls, TimeProvider time) => new(settings, calls, time);

    /// <summary>The client of a configured key's vault.</summary>
    public KeyVaultClient ClientOf(KeyVaultKeyId key) => _clients.GetOrAdd(key.Vault, vault => new KeyVaultClient(vault, _credential, _transport, _calls));

    /// <summary>A key to seal to, or to open with.</summary>
    public KeyVaultVersions Versions(KeyVaultKeyId key) => new(ClientOf(key), key, _time);

    /// <summary>A key to sign with, whose public half hosts have pinned.</summary>
    public KeyVaultSigningKey Signing(KeyVaultKeyId key, VerifyingKey pinned) => new(ClientOf(key), Versions(key), pinned);

    /// <inheritdoc/>
    public void Dispose() => _http.Dispose();
}
